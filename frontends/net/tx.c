/*
 * Network frontend: sending.
 *
 * Trust: the backend is hostile: a response has to name a slot in flight, and a piece of memory
 * is the sender's again only when its grant could be ended.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

void pv_netfront_tx_init(struct pv_netfront_queue *q)
{
	uint32_t i;

	q->free_slot = NONE;
	for (i = 0; i < q->nr_tx_refs; i++) {
		q->slot[i].tx = NULL;
		q->slot[i].next = q->free_slot;
		q->free_slot = (uint16_t)i;
	}
	q->nr_free = q->nr_tx_refs;
	q->extras = 0;
}

/* Pieces within a page each, or an error; the length of the frame. */
static int measure(const struct pv_netfront *f, const struct pv_netfront_tx *tx, uint32_t *total)
{
	uint64_t bytes = 0, n = 0;
	uint32_t i;

	for (i = 0; i < tx->nseg; i++) {
		uint64_t first = (uint64_t)(uintptr_t)tx->seg[i].va, len = tx->seg[i].len;

		if (len == 0)
			continue;
		n += (first + len - 1) / PAGE - first / PAGE + 1;
		bytes += len;
	}
	if (bytes < ETH_HEADER || bytes > PV_NET_MAX_FRAME)
		return -PV_EINVAL;
	if (n > (f->sg ? PV_NET_MAX_SLOTS : 1))
		return -PV_E2BIG;
	*total = (uint32_t)bytes;
	return (int)n;
}

/* Grants one piece under a free slot and writes its request. `total` is what the slot says: of the
 * first one, the frame's size. */
static void put(struct pv_netfront *f, struct pv_netfront_queue *q, struct pv_netfront_tx *tx,
		const uint8_t *piece, uint32_t size, uint32_t total, uint16_t flags)
{
	uint16_t id = q->free_slot;
	struct pv_netfront_slot *s = &q->slot[id];
	struct pv_netif_tx_request r;

	if (q->bounce) {
		uint8_t *page = q->bounce + (uint64_t)id * PAGE;

		/* What an earlier frame left in the page has been seen already. */
		memcpy(page, piece, size);
		piece = page;
	}
	r = (struct pv_netif_tx_request){.gref = s->ref,
					 .offset = (uint16_t)((uintptr_t)piece % PAGE),
					 .flags = flags,
					 .id = id,
					 .size = (uint16_t)total};
	q->free_slot = s->next;
	q->nr_free--;
	s->tx = tx;
	tx->slots_left++;
	f->bus->permit(f->bus->ctx, s->ref, piece, true);
	pv_ring_copy_out(pv_ring_front_next(&q->tx_ring), &r, sizeof(r));
}

static void put_extra(struct pv_netfront_queue *q, const struct pv_netfront_tx *tx)
{
	struct pv_netif_extra_info e;

	memset(&e, 0, sizeof(e));
	if (tx->mcast) {
		e.type = tx->mcast;
		memcpy(e.u.mcast.addr, tx->addr, sizeof(tx->addr));
	} else {
		e.type = PV_XEN_NETIF_EXTRA_TYPE_GSO;
		e.u.gso.type = tx->meta.gso_type;
		e.u.gso.size = tx->meta.gso_size;
	}
	pv_ring_copy_out(pv_ring_front_next(&q->tx_ring), &e, sizeof(e));
	q->extras++;
}

static bool can(const struct pv_netfront *f, const struct pv_netfront_tx *tx)
{
	const struct pv_net_meta *m = &tx->meta;

	if (tx->queue >= f->nr_queues)
		return false;
	if (tx->mcast)
		return f->mcast && tx->nseg == 0 && tx->mcast >= PV_NETFRONT_MCAST_ADD &&
		       tx->mcast <= PV_NETFRONT_MCAST_DEL;
	if (m->gso_type && (!(m->gso_type == PV_NET_GSO_TCP4   ? f->gso4
			      : m->gso_type == PV_NET_GSO_TCP6 ? f->gso6
							       : false) ||
			    m->gso_size < PV_NET_GSO_MIN || !(m->flags & PV_NET_CSUM_BLANK)))
		return false;
	return !(m->flags & PV_NET_CSUM_BLANK) || f->csum4 || f->csum6;
}

static void put_all(struct pv_netfront *f, struct pv_netfront_queue *q, struct pv_netfront_tx *tx,
		    uint32_t n, uint32_t total)
{
	uint32_t i, left = n;
	uint16_t flags = 0;

	if (tx->meta.flags & PV_NET_CSUM_BLANK)
		flags = PV_NETTXF_csum_blank | PV_NETTXF_data_validated;
	else if (tx->meta.flags & PV_NET_CSUM_VALID)
		flags = PV_NETTXF_data_validated;
	if (tx->meta.gso_type)
		flags |= PV_NETTXF_extra_info;
	for (i = 0; i < tx->nseg; i++) {
		const uint8_t *at = tx->seg[i].va;
		uint32_t len = tx->seg[i].len;

		while (len) {
			uint32_t room = PAGE - (uint32_t)((uintptr_t)at % PAGE),
				 size = len < room ? len : room;
			bool first = left == n;

			left--;
			put(f, q, tx, at, size, first ? total : size,
			    flags | (left ? PV_NETTXF_more_data : 0));
			if (first && tx->meta.gso_type)
				put_extra(q, tx);
			flags = 0;
			at += size;
			len -= size;
		}
	}
}

int pv_netfront_send(struct pv_netfront *f, struct pv_netfront_tx *tx)
{
	struct pv_netfront_queue *q;
	uint32_t total = 0;
	int n = 1;

	if (pv_netfront_broken(f))
		return -PV_EPROTO;
	if (f->suspended)
		return -PV_EAGAIN;
	if (!f->ready)
		return -PV_ENOTCONN;
	if (!can(f, tx))
		return -PV_EINVAL;
	q = &f->q[tx->queue];
	if (!tx->mcast)
		n = measure(f, tx, &total);
	if (n < 0)
		return n;
	if ((uint32_t)n > q->nr_free ||
	    (uint32_t)n + (tx->meta.gso_type || tx->mcast) > pv_ring_front_room(&q->tx_ring))
		return -PV_EAGAIN;

	tx->status = PV_NETFRONT_BUSY;
	tx->slots_left = 0;
	tx->error = 0;
	if (tx->mcast) {
		/* The slot names a page, as every slot does, of which nothing is read. */
		put(f, q, tx, q->ring_page[0], 0, 0, PV_NETTXF_extra_info);
		put_extra(q, tx);
	} else {
		put_all(f, q, tx, (uint32_t)n, total);
	}
	return 0;
}

/* A slot was answered or given up. */
static void retire(struct pv_netfront *f, struct pv_netfront_queue *q, struct pv_netfront_slot *s,
		   int error)
{
	struct pv_netfront_tx *tx = s->tx;

	s->tx = NULL;
	if (f->bus->revoke(f->bus->ctx, s->ref) < 0) {
		/* The reference is the bus's now. */
		f->bus->gref_free(f->bus->ctx, &s->ref, 1);
		s->ref = PV_FRONT_NO_GREF;
		error = -PV_EBUSY;
	} else {
		s->next = q->free_slot;
		q->free_slot = (uint16_t)(s - q->slot);
		q->nr_free++;
	}
	if (error && tx->error != -PV_EBUSY)
		tx->error = error;
	if (--tx->slots_left == 0) {
		tx->status = tx->error;
		if (tx->done)
			tx->done(tx);
	}
}

void pv_netfront_tx_fail(struct pv_netfront *f, struct pv_netfront_queue *q)
{
	uint32_t i;

	for (i = 0; i < q->nr_tx_refs; i++)
		if (q->slot[i].tx)
			retire(f, q, &q->slot[i], -PV_EIO);
}

static void take(struct pv_netfront *f, struct pv_netfront_queue *q)
{
	struct pv_netif_tx_response r;
	struct pv_netfront_slot *s;

	pv_ring_front_take(&q->tx_ring, &r, sizeof(r));
	if (r.status == PV_NETIF_RSP_NULL) {
		if (q->extras == 0)
			pv_netfront_break(f, "tx response to an extra slot that was not sent");
		else
			q->extras--;
		return;
	}
	s = r.id < q->nr_tx_refs ? &q->slot[r.id] : NULL;
	if (!s || !s->tx) {
		pv_netfront_break(f, "tx response to a slot that is not in flight");
		return;
	}
	retire(f, q, s, r.status == PV_NETIF_RSP_OKAY ? 0 : -PV_EIO);
	if (s->ref == PV_FRONT_NO_GREF)
		pv_netfront_break(f, "tx response while the backend still holds the memory");
}

void pv_netfront_tx_reap(struct pv_netfront *f, struct pv_netfront_queue *q)
{
	int n = pv_ring_front_pending(&q->tx_ring);

	if (n < 0)
		pv_netfront_break(f, "tx response producer beyond the requests");
	while (n-- > 0 && !pv_netfront_broken(f) && f->ready)
		take(f, q);
}
