/*
 * The I/O of one disk: private to disk.c, disk_queue.c, disk_io.c and disk_uring.c.
 */
#ifndef REFHV_HOST_DISK_IO_H
#define REFHV_HOST_DISK_IO_H

#include <pthread.h>
#include "disk.h"

#define HOST_DISK_DEPTH	 128u
#define HOST_DISK_SECTOR 512u

struct host_disk_uring;

/* One queue and the thread that serves it. */
struct host_queue {
	struct host_disk *disk;
	unsigned index;
	int kick; /* the guest's events; not ours to close */
	int wake; /* eventfd: the thread has to look around */
	pthread_t thread;
	pthread_mutex_t lock;	/* holds everything below, and the backend's queue */
	pthread_cond_t go;	/* want became 0 */
	pthread_cond_t drained; /* nothing is in flight */
	unsigned want;		/* control calls that wait for the lock; atomic */
	bool stop;
	bool started; /* the thread has set itself up */
	bool uses_uring;
	bool alone; /* there is one CPU */
	struct host_disk_uring *uring;
	unsigned spin_ns;
	bool kicked;	     /* by the guest, since the thread looked last */
	unsigned useless;    /* kicks in a row that brought nothing */
	uint64_t moved;	     /* bytes submitted in this turn */
	uint64_t away_until; /* nanoseconds: writes go by the ring, 0: they do not */
	uint64_t wakeups;
};

struct host_disk {
	struct host_disk_config cfg;
	struct pv_blkback back;
	struct pv_blk_disk table;
	void *mem;
	uint64_t mem_len;
	uint32_t told; /* errno values that were told, as bits; atomic */
	unsigned queues;
	struct host_queue queue[HOST_DISK_QUEUES];
};

/* --- disk_queue.c --- */

/* The thread of a queue; arg is the queue. */
void *host_queue_thread(void *arg);
uint64_t host_queue_now(void);

/* --- disk_io.c --- */

/* The disk's submit: through io_uring if the request's queue has it and it pays. */
int host_disk_submit(void *ctx, struct pv_blk_io *io);
/* Ends a request; error is 0 or an errno value. */
void host_disk_finish(struct host_disk *d, struct pv_blk_io *io, int error);
/* A request with plain system calls; 0 or an errno value. */
int host_disk_plain(struct host_disk *d, const struct pv_blk_io *io);
/* The same for what is left of a read or write that moved `at` bytes. */
int host_disk_transfer(struct host_disk *d, const struct pv_blk_io *io, uint64_t at);
/* Empties an eventfd that poll has reported. */
void host_disk_drain_fd(int fd);

/* --- disk_uring.c; called by the queue's thread --- */

/* False where there is no io_uring that can be restricted. */
bool host_uring_start(struct host_queue *q);
void host_uring_spare(unsigned queues);
void host_uring_stop(struct host_queue *q);
int host_uring_submit(struct host_queue *q, struct pv_blk_io *io);
/* Hands over what was submitted. */
void host_uring_kick(struct host_queue *q);
/* Handles what has completed; returns how many requests that were. */
unsigned host_uring_reap(struct host_queue *q);
/* Asks for the events of both descriptors. */
void host_uring_arm(struct host_queue *q);
/* Sleeps until something completes, or for timeout_ms (-1: no limit; without support for it there
 * is none). */
void host_uring_wait(struct host_queue *q, int timeout_ms);

#endif
