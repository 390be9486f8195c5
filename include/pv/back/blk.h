/*
 * Block backend: serves one disk to one frontend.
 *
 * A state machine without I/O: requests come off the rings, are copied once, checked, mapped, and
 * handed to a caller-supplied disk; the disk completes them later, in any order. A device has one
 * queue or several (multi-queue-max-queues), each with a ring, a port and places of its own.
 *
 * Trust: the frontend is hostile: fields of a request are read once and then checked (XSA-155),
 * every sum is checked for 64-bit wrap, a read-only disk refuses every write, flush-with-data and
 * discard, a ring whose indices run away stops the device. What fails for one request is answered
 * in that request; what breaks a ring stops the device with a reason. Nothing depends on the
 * guest for its size: the number of requests taken at once, their segments and the maps kept for
 * reuse are fixed by the caller's memory.
 *
 * Persistent grants: a frontend that says feature-persistent uses the same pages again and again,
 * and each queue keeps up to max_kept of their maps (least recently used go first). They are given
 * back at a disconnect and by pv_blkback_trim().
 *
 * Concurrency: each queue's data path (work, flush, arm, trim, and done for its requests) has one
 * owner at a time, typically an I/O thread of its own; queues run in parallel. Control calls
 * (step, quiesce, export, import, resize, stats, destroy) are made with all of them parked.
 */
#ifndef PV_BACK_BLK_H
#define PV_BACK_BLK_H

#include <pv/back/bus.h>
#include <pv/ring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PV_BLKBACK_MAX_RING_PAGES 16
#define PV_BLKBACK_MAX_SEGS	  256
#define PV_BLKBACK_MAX_QUEUES	  8
#define PV_BLKBACK_MAX_KEPT	  4096

enum pv_blk_op { PV_BLK_READ, PV_BLK_WRITE, PV_BLK_FLUSH, PV_BLK_DISCARD };

/* A checked request: sector + length lies inside the disk, iov is mapped until done. */
struct pv_blk_io {
	uint8_t op;	 /* enum pv_blk_op */
	uint8_t queue;	 /* that it came from: below cfg.max_queues */
	bool secure;	 /* DISCARD: the old contents must not be recoverable */
	uint64_t sector; /* of 512 bytes */
	uint64_t bytes;	 /* READ, WRITE: the sum of iov; DISCARD: length; FLUSH: 0 */
	const struct pv_iov *iov;
	uint32_t n;
	uint64_t disk[4]; /* the disk's own, for its bookkeeping */
};

/* The disk behind the backend. */
struct pv_blk_disk {
	/* sizeof(struct pv_blk_disk); the table only grows at its end */
	uint32_t size;
	void *ctx;
	/* 0: accepted; pv_blkback_done() is called for it exactly once, later or from inside.
	 * 1: accepted, and enough for now: work() takes no more requests in this call.
	 * -PV_EAGAIN: not now, the backend offers it again from the next work(). Another
	 * error: the request fails. */
	int (*submit)(void *ctx, struct pv_blk_io *io);
	/* May be NULL: a batch of submits ends here. */
	void (*commit)(void *ctx);
};

struct pv_blkback_config {
	uint64_t sectors;	       /* capacity in sectors of 512 bytes */
	uint32_t sector_size;	       /* bytes, 512..4096, a power of two; 0: 512 */
	uint32_t physical_sector_size; /* 0: not told */
	bool readonly, cdrom, removable;
	bool flush, discard; /* offered */
	bool barrier;	     /* the old ordered write is offered, too; needs flush */
	bool secure_discard; /* offered: the disk honours io.secure */
	uint32_t discard_granularity, discard_alignment; /* bytes */
	uint32_t max_ring_order;			 /* 0..4 */
	/* of an indirect request, 0: no indirect requests; at most PV_BLKBACK_MAX_SEGS */
	uint32_t max_segs;
	uint32_t depth;	     /* requests of a queue at the disk at once, 0: 64; at most 1024 */
	uint32_t max_queues; /* 0: 1 */
	uint32_t max_kept;   /* maps kept for reuse, of each queue; 0: no persistent grants */
};

struct pv_blkback_queue_state {
	uint32_t ring_ref[PV_BLKBACK_MAX_RING_PAGES];
	uint32_t front_port;
	uint32_t req_cons, rsp_prod;
};

/* A connection written down: plain, versionless (it travels inside a record that has a
 * version), and only ever longer. Only valid when nothing is in flight. */
struct pv_blkback_state {
	uint32_t connected;	/* 0: only `state` counts */
	uint32_t state;		/* own xenbus state */
	uint32_t protocol;	/* enum pv_blkback_protocol */
	uint32_t nr_ring_pages; /* of each queue */
	struct pv_blkback_queue_state first;
	uint32_t persistent; /* the frontend reuses its grants */
	uint32_t nr_queues;  /* 0: 1 */
	struct pv_blkback_queue_state more[PV_BLKBACK_MAX_QUEUES - 1];
};
/* A state may end here: one queue, no persistent grants. */
#define PV_BLKBACK_STATE_MIN offsetof(struct pv_blkback_state, persistent)

enum pv_blkback_protocol { PV_BLKBACK_NATIVE, PV_BLKBACK_X86_32, PV_BLKBACK_X86_64 };

struct pv_blkback_stats {
	uint64_t reads, writes, flushes, discards, errors, read_bytes, written_bytes;
	uint64_t events; /* notifications sent to the frontend */
	uint64_t kept;	 /* maps kept now */
	uint64_t reused; /* pages served by a kept map */
};

struct pv_blkback_io;
struct pv_blkback;

/* Maps kept for reuse, by reference (private). */
struct pv_blkback_kept {
	struct pv_blkback_kept_map *map; /* max_kept of them */
	uint16_t *bucket;
	uint32_t carved, buckets;
	uint16_t free, oldest, newest; /* idle ones, by when they were last used */
	uint32_t n;
};

/* Private but for stats. */
struct pv_blkback_queue {
	struct pv_blkback_stats stats;
	struct pv_blkback *back;
	struct pv_ring ring;
	void *ring_va;
	uint32_t port, index;
	uint32_t carved, inflight;
	uint8_t *mem;
	struct pv_blkback_io *free, *stalled;
	struct pv_blkback_io *barrier; /* nothing is taken before it is finished */
	struct pv_blkback_kept kept;
	bool unpushed, enough, barrier_runs;
};

/* Caller-allocated, zeroed before init. Private but for reason. */
struct pv_blkback {
	const char *reason; /* why the device was stopped, or NULL */
	const struct pv_back_bus *bus;
	const struct pv_blk_disk *disk;
	struct pv_blkback_config cfg;
	struct pv_blkback_state conn; /* what is connected; indices live in the rings */
	uint32_t io_size, segs, nr_queues;
	bool connected, quiet;
	bool broken; /* atomic: set by any queue */
	struct pv_blkback_queue queue[PV_BLKBACK_MAX_QUEUES];
};

/* Bytes of memory that init needs for a configuration; aligned to 16. Touched only as deep as
 * requests really go. */
uint64_t pv_blkback_mem_size(const struct pv_blkback_config *cfg);
int pv_blkback_init(struct pv_blkback *b, const struct pv_back_bus *bus,
		    const struct pv_blk_disk *disk, const struct pv_blkback_config *cfg, void *mem,
		    uint64_t len);

/* Control. Advances the handshake; call it after init and whenever the frontend's state
 * changes. Returns enum pv_back_status or an error: a frontend that cannot be served (bad
 * keys, bad references) is -PV_EPROTO and is left in Closing; it may come back. -PV_EAGAIN: a
 * disconnect waits for requests at the disk: call again when they are done
 * (pv_blkback_inflight() is 0). */
int pv_blkback_step(struct pv_blkback *b);

/* Data path of queue q, below cfg.max_queues. Takes requests and submits them, at most budget;
 * returns how many, 0 when there is nothing to do, -PV_EPROTO when the device was stopped.
 * -PV_EAGAIN: requests wait for the disk, for a free place or for a barrier: call again after some
 * pv_blkback_done(). */
int pv_blkback_work(struct pv_blkback *b, uint32_t q, uint32_t budget);
/* A request is finished: status 0 or -PV_E.... Unmaps and writes the response; the frontend
 * sees it at the next flush. */
void pv_blkback_done(struct pv_blkback *b, struct pv_blk_io *io, int status);
/* Publishes responses, notifies if the frontend asked for it. Call once per batch of done(). */
void pv_blkback_flush(struct pv_blkback *b, uint32_t q);
/* Before sleeping: asks for an event when a request arrives. True: work() has something
 * already. */
bool pv_blkback_arm(struct pv_blkback *b, uint32_t q);
/* Ends those kept maps that no request has used since the last trim; returns how many are left.
 * For the owner's clock: ten seconds between two calls are enough. */
uint32_t pv_blkback_trim(struct pv_blkback *b, uint32_t q);
/* Requests of one queue, of all queues, taken and not answered. */
uint32_t pv_blkback_queue_inflight(const struct pv_blkback *b, uint32_t q);
uint32_t pv_blkback_inflight(const struct pv_blkback *b);

/* Control. Quiet: work() takes nothing more; when inflight is 0 everything is answered. Called
 * with nothing in flight it also ends every kept map, as it must be before the guest's memory is
 * looked at for a save; then the state can be exported. */
void pv_blkback_quiesce(struct pv_blkback *b, bool on);
/* -PV_EBUSY while requests are in flight; -PV_EPROTO when the device was stopped and step() has not
 * closed it yet. */
int pv_blkback_export(struct pv_blkback *b, struct pv_blkback_state *st);
/* On a fresh backend: connects as the state says, with no handshake. Of the state only the first
 * `size` bytes are there, at least PV_BLKBACK_STATE_MIN. It is checked as hostile input
 * (-PV_EINVAL); mapping and binding may fail as in step(). The backend starts quiet. The owner MUST
 * then call quiesce(b, false), work() and flush(): requests may be waiting whose notification was
 * spent before the save. */
int pv_blkback_import(struct pv_blkback *b, const struct pv_blkback_state *st, uint32_t size);
/* Stops at once, whatever the frontend says: unmaps and unbinds. -PV_EAGAIN while requests are
 * at the disk. */
int pv_blkback_destroy(struct pv_blkback *b);
/* The disk has a new size (512-byte sectors): tells the frontend by the `sectors` key.
 * Requests in flight keep the old bound. */
int pv_blkback_resize(struct pv_blkback *b, uint64_t sectors);
/* Sums over the queues, since init. */
void pv_blkback_stats(const struct pv_blkback *b, struct pv_blkback_stats *sum);
/* What the frontend has chosen: queues in use (0: not connected). */
uint32_t pv_blkback_queues(const struct pv_blkback *b);

#endif
