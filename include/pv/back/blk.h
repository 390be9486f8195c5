/*
 * Block backend: serves one disk to one frontend.
 *
 * A state machine without I/O: requests come off the ring, are copied once, checked, mapped, and
 * handed to a caller-supplied disk; the disk completes them later, in any order.
 *
 * Trust: the frontend is hostile: fields of a request are read once and then checked (XSA-155),
 * every sum is checked for 64-bit wrap, a read-only disk refuses every write, flush-with-data and
 * discard, a ring whose indices run away stops the device. What fails for one request is answered
 * in that request; what breaks the ring stops the device with a reason. Nothing depends on the
 * guest for its size: the number of requests taken at once and their segments are fixed by the
 * caller's memory.
 *
 * Concurrency: one owner at a time. Typically the I/O thread owns the data path (work, done,
 * flush, arm) and control calls (step, quiesce, export, import, destroy) are made with that
 * thread parked.
 */
#ifndef PV_BACK_BLK_H
#define PV_BACK_BLK_H

#include <pv/back/bus.h>
#include <pv/ring.h>
#include <stdbool.h>
#include <stdint.h>

#define PV_BLKBACK_MAX_RING_PAGES 16
#define PV_BLKBACK_MAX_SEGS	  256

enum pv_blk_op { PV_BLK_READ, PV_BLK_WRITE, PV_BLK_FLUSH, PV_BLK_DISCARD };

/* A checked request: sector + length lies inside the disk, iov is mapped until done. */
struct pv_blk_io {
	uint8_t op;	 /* enum pv_blk_op */
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
	bool flush, discard;				 /* offered */
	uint32_t discard_granularity, discard_alignment; /* bytes */
	uint32_t max_ring_order;			 /* 0..4 */
	/* of an indirect request, 0: no indirect requests; at most PV_BLKBACK_MAX_SEGS */
	uint32_t max_segs;
	uint32_t depth; /* requests at the disk at once, 0: 64; at most 1024 */
};

/* A connection written down: plain, versionless (it travels inside a record that has a
 * version). Only valid when nothing is in flight. */
struct pv_blkback_state {
	uint32_t connected; /* 0: only `state` counts */
	uint32_t state;	    /* own xenbus state */
	uint32_t protocol;  /* enum pv_blkback_protocol */
	uint32_t nr_ring_pages;
	uint32_t ring_ref[PV_BLKBACK_MAX_RING_PAGES];
	uint32_t front_port;
	uint32_t req_cons, rsp_prod;
};

enum pv_blkback_protocol { PV_BLKBACK_NATIVE, PV_BLKBACK_X86_32, PV_BLKBACK_X86_64 };

struct pv_blkback_stats {
	uint64_t reads, writes, flushes, discards, errors, read_bytes, written_bytes;
};

struct pv_blkback_io;

/* Caller-allocated, zeroed before init. Private but for stats and reason. */
struct pv_blkback {
	struct pv_blkback_stats stats;
	const char *reason; /* why the device was stopped, or NULL */
	const struct pv_back_bus *bus;
	const struct pv_blk_disk *disk;
	struct pv_blkback_config cfg;
	struct pv_ring ring;
	void *ring_va;
	struct pv_blkback_state conn; /* what is connected; indices live in ring */
	uint32_t port;
	uint32_t io_size, segs, carved;
	uint8_t *mem;
	struct pv_blkback_io *free, *stalled;
	uint32_t inflight;
	bool connected, broken, quiet, unpushed, enough;
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

/* Data path. Takes requests and submits them, at most budget; returns how many, 0 when there
 * is nothing to do, -PV_EPROTO when the device was stopped. -PV_EAGAIN: requests wait for the
 * disk or for a free place: call again after some pv_blkback_done(). */
int pv_blkback_work(struct pv_blkback *b, uint32_t budget);
/* A request is finished: status 0 or -PV_E.... Unmaps and writes the response; the frontend
 * sees it at the next flush. */
void pv_blkback_done(struct pv_blkback *b, struct pv_blk_io *io, int status);
/* Publishes responses, notifies if the frontend asked for it. Call once per batch of done(). */
void pv_blkback_flush(struct pv_blkback *b);
/* Before sleeping: asks for an event when a request arrives. True: work() has something
 * already. */
bool pv_blkback_arm(struct pv_blkback *b);
/* Requests taken and not answered. */
uint32_t pv_blkback_inflight(const struct pv_blkback *b);

/* Control. Quiet: work() takes nothing more; when inflight is 0 everything is answered and the
 * state can be exported. */
void pv_blkback_quiesce(struct pv_blkback *b, bool on);
/* -PV_EBUSY while requests are in flight; -PV_EPROTO when the device was stopped and step() has not
 * closed it yet. */
int pv_blkback_export(struct pv_blkback *b, struct pv_blkback_state *st);
/* On a fresh backend: connects as the state says, with no handshake. The state is checked as
 * hostile input (-PV_EINVAL); mapping and binding may fail as in step(). The backend starts
 * quiet. The owner MUST then call quiesce(b, false), work() and flush(): requests may be
 * waiting whose notification was spent before the save. */
int pv_blkback_import(struct pv_blkback *b, const struct pv_blkback_state *st);
/* Stops at once, whatever the frontend says: unmaps and unbinds. -PV_EAGAIN while requests are
 * at the disk. */
int pv_blkback_destroy(struct pv_blkback *b);
/* The disk has a new size (512-byte sectors): tells the frontend by the `sectors` key.
 * Requests in flight keep the old bound. */
int pv_blkback_resize(struct pv_blkback *b, uint64_t sectors);

#endif
