/*
 * The I/O of one disk: private to disk.c and disk_io.c.
 */
#ifndef REFHV_HOST_DISK_IO_H
#define REFHV_HOST_DISK_IO_H

#include <pthread.h>
#include "disk.h"

#define HOST_DISK_DEPTH 128u

struct host_disk_uring;

struct host_disk {
	struct host_disk_config cfg;
	struct pv_blkback back;
	struct pv_blk_disk table;
	void *mem;
	uint64_t mem_len;
	pthread_t thread;
	pthread_mutex_t lock;	/* holds everything below, and the backend */
	pthread_cond_t go;	/* want became 0 */
	pthread_cond_t drained; /* nothing is in flight */
	unsigned want;		/* control calls that wait for the lock; atomic */
	int wake;		/* eventfd: the thread has to look around */
	bool stop;
	bool started; /* the thread has set itself up */
	bool uses_uring;
	struct host_disk_uring *uring;
	uint32_t told; /* errno values that were told, as bits */
	unsigned spin_ns;
};

/* The thread; arg is the disk. */
void *host_disk_thread(void *arg);

#endif
