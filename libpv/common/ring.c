/*
 * Checked shared rings: see pv/ring.h.
 *
 * Trusts nobody: the only shared words that are believed are indices, after they were compared
 * with the private ones. Every shared word is accessed with an atomic of its size.
 */
#include <pv/ring.h>
#include "mem.h"

uint32_t pv_ring_slots(uint32_t bytes, uint32_t entry)
{
	uint32_t n;

	if (entry == 0 || bytes < sizeof(struct pv_sring) + entry)
		return 0;
	n = (bytes - (uint32_t)sizeof(struct pv_sring)) / entry;
	while (n & (n - 1))
		n &= n - 1;
	return n;
}

void pv_ring_copy_in(void *dst, const void *shared, uint32_t len)
{
	const uint32_t *s = shared;
	uint32_t *d = dst, i;

	for (i = 0; i < len / 4; i++)
		d[i] = __atomic_load_n(&s[i], __ATOMIC_RELAXED);
}

void pv_ring_copy_out(void *shared, const void *src, uint32_t len)
{
	const uint32_t *s = src;
	uint32_t *d = shared, i;

	for (i = 0; i < len / 4; i++)
		__atomic_store_n(&d[i], s[i], __ATOMIC_RELAXED);
}

static void attach(struct pv_ring *r, void *pages, uint32_t bytes, uint32_t entry)
{
	r->shared = pages;
	r->slots = (uint8_t *)pages + sizeof(struct pv_sring);
	r->nr = pv_ring_slots(bytes, entry);
	r->entry = entry;
}

static void *slot(const struct pv_ring *r, uint32_t index)
{
	return r->slots + (uint64_t)(index & (r->nr - 1)) * r->entry;
}

void pv_ring_front_init(struct pv_ring *r, void *pages, uint32_t bytes, uint32_t entry)
{
	attach(r, pages, bytes, entry);
	r->req = r->rsp = r->pushed = 0;
	memset(pages, 0, bytes);
	/* The event indices start at 1: the first request and the first response notify. */
	__atomic_store_n(&r->shared->req_event, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&r->shared->rsp_event, 1, __ATOMIC_SEQ_CST);
}

uint32_t pv_ring_front_room(const struct pv_ring *r)
{
	return r->nr - (r->req - r->rsp);
}

void *pv_ring_front_next(struct pv_ring *r)
{
	return slot(r, r->req++);
}

/*
 * The store pairs with the load of the producer in pending(), the load of the event index with
 * the store in arm() of the other end.
 */
static bool publish(uint32_t *prod, const uint32_t *event, uint32_t *pushed, uint32_t now)
{
	uint32_t before = *pushed;

	if (before == now)
		return false;
	*pushed = now;
	__atomic_store_n(prod, now, __ATOMIC_SEQ_CST);
	return now - __atomic_load_n(event, __ATOMIC_SEQ_CST) < now - before;
}

bool pv_ring_front_push(struct pv_ring *r)
{
	return publish(&r->shared->req_prod, &r->shared->req_event, &r->pushed, r->req);
}

int pv_ring_front_pending(const struct pv_ring *r)
{
	uint32_t n = __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_SEQ_CST) - r->rsp;

	/* Only what was published can have been answered. */
	return n <= r->pushed - r->rsp ? (int)n : -PV_EPROTO;
}

void pv_ring_front_take(struct pv_ring *r, void *rsp, uint32_t len)
{
	pv_ring_copy_in(rsp, slot(r, r->rsp), len);
	r->rsp++;
}

int pv_ring_front_arm(struct pv_ring *r)
{
	__atomic_store_n(&r->shared->rsp_event, r->rsp + 1, __ATOMIC_SEQ_CST);
	return pv_ring_front_pending(r);
}

void pv_ring_back_init(struct pv_ring *r, void *pages, uint32_t bytes, uint32_t entry, uint32_t req,
		       uint32_t rsp)
{
	attach(r, pages, bytes, entry);
	r->req = req;
	r->rsp = r->pushed = rsp;
}

int pv_ring_back_pending(const struct pv_ring *r)
{
	uint32_t prod = __atomic_load_n(&r->shared->req_prod, __ATOMIC_SEQ_CST);

	/* A request may only take the slot of a response that was published; and prod never
	 * goes back. */
	if (prod - r->pushed > r->nr || prod - r->pushed < r->req - r->pushed)
		return -PV_EPROTO;
	return (int)(prod - r->req);
}

void pv_ring_back_peek(const struct pv_ring *r, uint32_t ahead, void *req, uint32_t len)
{
	pv_ring_copy_in(req, slot(r, r->req + ahead), len);
}

void pv_ring_back_consume(struct pv_ring *r, uint32_t n)
{
	r->req += n;
}

void pv_ring_back_take(struct pv_ring *r, void *req, uint32_t len)
{
	pv_ring_back_peek(r, 0, req, len);
	r->req++;
}

void pv_ring_back_respond(struct pv_ring *r, const void *rsp, uint32_t len)
{
	uint32_t *d = slot(r, r->rsp++), i;

	pv_ring_copy_out(d, rsp, len);
	for (i = len / 4; i < r->entry / 4; i++)
		__atomic_store_n(&d[i], 0, __ATOMIC_RELAXED);
}

uint32_t pv_ring_back_inflight(const struct pv_ring *r)
{
	return r->req - r->rsp;
}

bool pv_ring_back_push(struct pv_ring *r)
{
	return publish(&r->shared->rsp_prod, &r->shared->rsp_event, &r->pushed, r->rsp);
}

int pv_ring_back_arm(struct pv_ring *r, uint32_t more)
{
	int n;

	__atomic_store_n(&r->shared->req_event, r->req + more, __ATOMIC_SEQ_CST);
	n = pv_ring_back_pending(r);
	return n < 0 || (uint32_t)n >= more ? n : 0;
}
