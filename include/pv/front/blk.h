/*
 * Block frontend: a disk as seen from the guest.
 *
 * Requests are owned by the caller and intrusive: fill in a struct pv_blkfront_req, submit it,
 * push once per batch, reap. A request is finished when its status is no longer PV_BLKFRONT_BUSY
 * (and done() was called, if set).
 *
 *	while (pv_blkfront_step(f) == PV_FRONT_WAIT)
 *		wait_for_a_state_change();
 *	pv_blkfront_submit(f, &req);
 *	pv_blkfront_push(f);
 *	while (req.status == PV_BLKFRONT_BUSY)
 *		if (pv_blkfront_reap(f, 64) == 0 && !pv_blkfront_arm(f))
 *			wait_for_the_event();
 *
 * Trust: the backend is hostile. Response ids are checked against the requests in flight, indices
 * against the ring, numbers in keys against limits; a backend that breaks a rule breaks the
 * device (-PV_EPROTO from then on, requests in flight end with -PV_EIO), never the guest. What a
 * read returned is of course the backend's word; buffers are not touched by it after the request
 * is finished: the grants are ended first, and a request whose grant cannot be ended finishes
 * with -PV_EBUSY: its buffers MUST NOT be reused.
 *
 * With persistent grants the backend sees no page of the caller's at all, and buffers may be reused
 * whatever it keeps mapped.
 *
 * Memory: whole pages from the bus at init, none in the data path. Units: sectors are 512 bytes
 * whatever the disk's sector size. Concurrency: calls on one device are serialised by the caller.
 * done() runs inside reap/step/close and may submit.
 */
#ifndef PV_FRONT_BLK_H
#define PV_FRONT_BLK_H

#include <pv/front/bus.h>
#include <pv/ring.h>
#include <stdbool.h>
#include <stdint.h>

#define PV_BLKFRONT_MAX_RING_PAGES 16
#define PV_BLKFRONT_MAX_SEGS	   256 /* pieces of one request, each within one page */

enum pv_blkfront_op { PV_BLKFRONT_READ, PV_BLKFRONT_WRITE, PV_BLKFRONT_FLUSH, PV_BLKFRONT_DISCARD };

#define PV_BLKFRONT_BUSY 1

/* A piece of memory: va and len are multiples of the disk's sector size, va + len may cross
 * pages. */
struct pv_blkfront_seg {
	void *va;
	uint32_t len;
};

struct pv_blkfront_req {
	/* The caller's. Unchanged while BUSY. */
	uint8_t op;			   /* enum pv_blkfront_op */
	uint64_t sector;		   /* first sector; unused by FLUSH */
	uint64_t nr_sectors;		   /* DISCARD only */
	const struct pv_blkfront_seg *seg; /* READ and WRITE; stays valid while BUSY */
	uint32_t nseg;
	void (*done)(struct pv_blkfront_req *req); /* may be NULL */
	void *user;
	/* PV_BLKFRONT_BUSY, 0, or: -PV_EIO, -PV_EOPNOTSUPP (this backend cannot), -PV_EBUSY
	 * (see above). */
	int status;
	/* Private. */
	struct pv_blkfront_req *next;
	uint32_t age;
};

struct pv_blkfront_config {
	/* at most 2^ring_order ring pages (0..4); the backend may allow fewer */
	uint32_t ring_order;
	/* pieces of a request, 0: 32; over 11 only if the backend takes indirect requests */
	uint32_t max_segs;
	/* references for data (pieces in flight), 0: 11 per slot, up to 1024 */
	uint32_t grefs;
	uint32_t indirect; /* indirect requests in flight, one page each, 0: 16 */
	/* Persistent grants, if the backend offers them: all data is copied through pages that stay
	 * granted, one for each of the references above. Pays where a backend's maps are dear. */
	bool persistent;
};

/* What is known once connected. */
struct pv_blkfront_info {
	uint64_t sectors;     /* capacity, in sectors of 512 bytes */
	uint32_t sector_size; /* bytes: requests are multiples of it, 512..4096 */
	uint32_t physical_sector_size;
	uint32_t max_segs; /* pieces per request that submit takes */
	uint32_t slots;	   /* requests in flight at most */
	bool readonly, cdrom, removable;
	bool flush, discard;				 /* the operation is offered */
	uint32_t discard_granularity, discard_alignment; /* bytes */
	bool persistent;
};

struct pv_blkfront_slot;
struct pv_blkfront_gref;

/* Caller-allocated. Private but for info and reason. */
struct pv_blkfront {
	struct pv_blkfront_info info;
	const char *reason; /* why the device broke, or NULL */
	const struct pv_front_bus *bus;
	struct pv_blkfront_config cfg;
	struct pv_ring ring;
	uint8_t *ring_pages;
	uint32_t ring_ref[PV_BLKFRONT_MAX_RING_PAGES];
	uint32_t nr_ring_pages, nr_ring_refs;
	uint32_t port;
	bool have_port, have_ind_refs, ready, broken, suspended, announced;
	int state;    /* own xenbus state */
	uint8_t *mem; /* the pages that hold slot[], gref[] and ind_ref[] */
	uint32_t mem_pages;
	struct pv_blkfront_slot *slot; /* requests in flight; nr_slots of them */
	struct pv_blkfront_gref *gref; /* pool of references for data; nr_grefs of them */
	/* pages for indirect segments, nr_ind of them: reference, free list */
	uint32_t *ind_ref, *ind_next;
	uint8_t *ind_page;
	uint8_t *pool; /* persistent: the page of each reference in gref[]; pool_pages of them */
	uint32_t pool_pages;
	uint32_t nr_slots, nr_grefs, nr_ind;
	uint32_t free_slot, free_gref, free_ind, nr_free_gref;
	uint32_t generation;
	struct pv_blkfront_req *again; /* to be sent again after a resume, oldest first */
	void (*event)(void *arg);
	void *event_arg;
};

/* Prepares a device. event (may be NULL) is called with arg, from the upcall, when the backend
 * notifies. Takes nothing from the bus yet. Errors: -PV_EINVAL. */
int pv_blkfront_init(struct pv_blkfront *f, const struct pv_front_bus *bus,
		     const struct pv_blkfront_config *cfg, void (*event)(void *arg), void *arg);
/* Advances the handshake; call it after init and whenever the backend's state changes. Returns
 * enum pv_front_status, or an error (-PV_ENOMEM, -PV_ENOSPC, -PV_EPROTO, the bus's own), after
 * which only close/destroy make sense. */
int pv_blkfront_step(struct pv_blkfront *f);

/* 0: taken, status is BUSY. -PV_EAGAIN: no room now, reap first. -PV_EINVAL: not aligned, or
 * outside the disk. -PV_E2BIG: more than info.max_segs pieces. -PV_EOPNOTSUPP, -PV_EROFS,
 * -PV_ENOTCONN, -PV_EPROTO. */
int pv_blkfront_submit(struct pv_blkfront *f, struct pv_blkfront_req *req);
/* Makes submitted requests visible to the backend and notifies it if it asked for that. */
void pv_blkfront_push(struct pv_blkfront *f);
/* Finishes up to budget requests; returns how many, or -PV_EPROTO when the device broke. */
int pv_blkfront_reap(struct pv_blkfront *f, uint32_t budget);
/* Asks for an event at the next response; true: there is something to reap already. */
bool pv_blkfront_arm(struct pv_blkfront *f);

/* Starts to close: no new requests. step() carries it on; requests still in flight when the
 * backend has closed end with -PV_EIO. */
int pv_blkfront_close(struct pv_blkfront *f);
/* Suspend: stop using the ring. Nothing is waited for: what is in flight is sent again after
 * resume. */
void pv_blkfront_suspend(struct pv_blkfront *f);
/* After a resume in a new place (grants, ports and backend are new): step() reconnects, then
 * requests go out again, in their old order. After a cancelled suspend call
 * pv_blkfront_unsuspend() instead: nothing changes. */
int pv_blkfront_resume(struct pv_blkfront *f);
void pv_blkfront_unsuspend(struct pv_blkfront *f);
/* Gives everything back to the bus; requests in flight end with -PV_EIO (-PV_EBUSY as above). */
void pv_blkfront_destroy(struct pv_blkfront *f);

#endif
