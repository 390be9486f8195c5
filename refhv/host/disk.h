/*
 * One disk of a domain: an image file or block device behind a block backend, and the thread that
 * serves it.
 *
 * The descriptor is opened by somebody else, with that somebody's rights; nothing here opens a
 * path, and nothing looks at the contents to guess a format: the bytes are the disk. I/O goes
 * through io_uring where the kernel has it, else through preadv and pwritev on the same thread.
 * Writes go to the page cache, by pwritev as long as that does not have to wait; the guest's flush
 * is fdatasync(). Discard punches holes.
 *
 * Each queue has a thread that owns its data path: it sleeps until the guest's event (the queue's
 * kick eventfd) or a completion. After a wake-up it looks at the ring for a little longer, but only
 * while that finds requests often enough. Where there is one CPU it does not look, and lets the guest
 * finish what it is about before it takes the CPU. A guest that sends events without requests is
 * heard ever more rarely (XSA-332).
 *
 * Trust: the guest is hostile (the backend checks it); the file is what it is: short reads and
 * I/O errors become errors of the request.
 *
 * Concurrency: all calls are made by one thread (the control loop, which is also the store's);
 * they lock against the I/O threads. Errors are negative PV_E... or errno values (the same
 * numbers); `err` receives one line.
 */
#ifndef REFHV_HOST_DISK_H
#define REFHV_HOST_DISK_H

#include <pv/back/blk.h>
#include <stdbool.h>
#include <stddef.h>

#define HOST_DISK_ERR_SIZE 256
#define HOST_DISK_QUEUES   PV_BLKBACK_MAX_QUEUES

struct host_disk_config {
	const struct pv_back_bus *bus; /* outlives the disk */
	int fd;		 /* owned by the disk from create() on, also when create() fails */
	unsigned queues; /* offered; 0: 1 */
	/* eventfds that a guest's notification writes, one for each queue; stay the caller's */
	int kick[HOST_DISK_QUEUES];
	uint32_t sector_size; /* of a file: 512 (0) or 4096; a block device has its own */
	bool readonly, cdrom, removable;
	bool persistent; /* offer to keep grants mapped, to a frontend that then copies */
	bool small_rings; /* of one page: scattered pages of the RAM file cannot be mapped side by side */
	bool no_discard; /* do not offer discard */
	bool no_uring;	 /* use plain system calls */
	/* May be NULL: told once for each kind of I/O error (an errno value), from an I/O
	 * thread. */
	void (*failed)(void *ctx, int error, uint64_t sector);
	void *ctx;
};

struct host_disk;

/* Makes the backend and its threads; refuses a descriptor that is no file or block device, an
 * image smaller than a sector, and a writable disk on a descriptor that cannot be written. */
int host_disk_create(struct host_disk **disk, const struct host_disk_config *config,
		     char err[HOST_DISK_ERR_SIZE]);
/* Prepares for so many queues, of disks made when the process is locked in and can make no io_uring any more. */
void host_disk_spare(unsigned queues);
/* Drives the handshake: once after create() and whenever the frontend's state changes. As
 * pv_blkback_step(), but it waits for requests in flight where that one would say -PV_EAGAIN. */
int host_disk_step(struct host_disk *disk);
/* Takes no more requests and waits until those at the disk are answered; or goes on. After
 * quiesce(true) the threads touch no guest memory, and no page of it is kept mapped. */
void host_disk_quiesce(struct host_disk *disk, bool on);
/* The connection written down (the disk is quiet) and read back (into a fresh disk, which is
 * quiet then). */
int host_disk_export(struct host_disk *disk, struct pv_blkback_state *state);
int host_disk_import(struct host_disk *disk, const struct pv_blkback_state *state, uint32_t size);
/* Makes what was written durable: for a save, or a move to another machine. The disk is quiet. */
int host_disk_sync(struct host_disk *disk);
/* Looks at the size of the file or device again and tells the guest. 1: it changed. */
int host_disk_resized(struct host_disk *disk);
void host_disk_stats(struct host_disk *disk, struct pv_blkback_stats *stats);
/* Capacity in sectors of 512 bytes. */
uint64_t host_disk_sectors(const struct host_disk *disk);
/* Queues that the guest uses now, 0: not connected. */
unsigned host_disk_queues(struct host_disk *disk);
/* The I/O goes through io_uring. */
bool host_disk_uses_uring(const struct host_disk *disk);
/* How often the threads woke up, since create(). */
uint64_t host_disk_wakeups(struct host_disk *disk);
/* Waits for requests in flight, ends the threads, closes the descriptor. */
void host_disk_destroy(struct host_disk *disk);

#endif
