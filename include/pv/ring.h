/*
 * Checked shared rings.
 *
 * A Xen ring (xen/include/public/io/ring.h) is a power-of-two array of slots behind four
 * free-running 32-bit indices. A slot holds a request or a response; there is never more than one
 * of the two alive in it, so requests published minus responses published never exceeds the
 * number of slots.
 *
 * Trust: the peer may write any value into any word of the shared page at any time. Private
 * indices live outside the page and are the only ones used for addressing; a peer's index is read
 * once, compared with the private ones, and a value that claims more than the ring can hold is
 * -PV_EPROTO, for ever: the owner of the ring must then stop using it. Slots are copied out word
 * by word with single loads, so that a caller who checks its copy checks what it uses (XSA-155).
 *
 * Ordering: index stores and loads are sequentially consistent. Publishing (store of the producer
 * index, then load of the other side's event index) pairs with arming (store of the event index,
 * then load of the producer index): at least one of the two sides sees the other's store, so no
 * wake-up is lost. The producer store also releases the slots; the load in *_pending() acquires
 * them.
 *
 * Concurrency: calls on one ring end are serialised by the caller. Nothing here allocates or
 * blocks.
 */
#ifndef PV_RING_H
#define PV_RING_H

#include <pv/abi/errno.h>
#include <pv/abi/io/ring.h>
#include <stdbool.h>
#include <stdint.h>

/* A peer broke a protocol. Linux's number; Xen's list (pv/abi/errno.h) has no name for it. */
#ifndef PV_EPROTO
#define PV_EPROTO 71
#endif

/* One end of a ring. Fields are private to libpv; zero is "not attached". */
struct pv_ring {
	struct pv_sring *shared;
	uint8_t *slots;
	uint32_t nr;	 /* slots, a power of two */
	uint32_t entry;	 /* bytes per slot, a multiple of 4 */
	uint32_t req;	 /* front: next request to write; back: next request to read */
	uint32_t rsp;	 /* front: next response to read; back: next response to write */
	uint32_t pushed; /* the producer index this end has published last */
};

/* Slots in a ring of `bytes` bytes (whole pages) with `entry`-byte slots: the largest power of
 * two that fits. */
uint32_t pv_ring_slots(uint32_t bytes, uint32_t entry);

/* --- Frontend end: produces requests, consumes responses. --- */

/* Formats the page(s) as an empty ring. */
void pv_ring_front_init(struct pv_ring *r, void *pages, uint32_t bytes, uint32_t entry);
/* Requests that can be written now. */
uint32_t pv_ring_front_room(const struct pv_ring *r);
/* The next request slot (there MUST be room); it is the caller's until pv_ring_front_push().
 * Write only: what is read back from it is the peer's. */
void *pv_ring_front_next(struct pv_ring *r);
/* Publishes every request written so far. True: the backend has to be notified. */
bool pv_ring_front_push(struct pv_ring *r);
/* Responses waiting, or -PV_EPROTO when the peer claims more than there are requests. */
int pv_ring_front_pending(const struct pv_ring *r);
/* Copies the next response out (len <= entry, a multiple of 4) and consumes it; only after
 * pending() > 0. */
void pv_ring_front_take(struct pv_ring *r, void *rsp, uint32_t len);
/* Asks for a notification at the next response. True (or an error, as pending() returns it):
 * look again. */
int pv_ring_front_arm(struct pv_ring *r);

/* --- Backend end: consumes requests, produces responses. --- */

/* Attaches to a ring that the frontend formatted, with the private indices at req and rsp (0,
 * 0 for a fresh connection; saved values for a restored one). */
void pv_ring_back_init(struct pv_ring *r, void *pages, uint32_t bytes, uint32_t entry, uint32_t req,
		       uint32_t rsp);
/* Requests waiting, or -PV_EPROTO when the peer claims more than the ring holds. */
int pv_ring_back_pending(const struct pv_ring *r);
/* Copies request number `ahead` after the next one (ahead < pending) without consuming it. */
void pv_ring_back_peek(const struct pv_ring *r, uint32_t ahead, void *req, uint32_t len);
/* Consumes n requests (n <= pending). */
void pv_ring_back_consume(struct pv_ring *r, uint32_t n);
/* Copies the next request out and consumes it; only after pending() > 0. */
void pv_ring_back_take(struct pv_ring *r, void *req, uint32_t len);
/* Writes one response: len bytes, the rest of the slot zero (XSA-216). One request must be
 * unanswered. */
void pv_ring_back_respond(struct pv_ring *r, const void *rsp, uint32_t len);
/* Requests consumed and not answered yet. */
uint32_t pv_ring_back_inflight(const struct pv_ring *r);
/* Publishes the responses written so far. True: the frontend has to be notified. */
bool pv_ring_back_push(struct pv_ring *r);
/* Asks for a notification when request number `more` from here arrives (1 = the next). True or
 * error: look again. */
int pv_ring_back_arm(struct pv_ring *r, uint32_t more);

/* Copies len bytes (a multiple of 4, both 4-aligned) out of shared memory; each word is loaded
 * exactly once. */
void pv_ring_copy_in(void *dst, const void *shared, uint32_t len);
/* The same the other way; each word is stored once. */
void pv_ring_copy_out(void *shared, const void *src, uint32_t len);

#endif
