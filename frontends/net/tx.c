/*
 * Network frontend: sending.
 *
 * Trust: the backend is hostile: a response has to name a slot in flight, and a piece of memory
 * is the sender's again only when its grant could be ended.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

void pv_netfront_tx_init(struct pv_netfront *f)
{
	uint32_t i;

	f->free_slot = NONE;
	for (i = 0; i < f->nr_tx_refs; i++) {
		f->slot[i].tx = NULL;
		f->slot[i].next = f->free_slot;
		f->free_slot = (uint16_t)i;
	}
	f->nr_free = f->nr_tx_refs;
	f->extras = 0;
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

/* Grants one piece under a free slot and writes its request. */
static void put(struct pv_netfront *f, struct pv_netfront_tx *tx, uint64_t va, uint32_t size,
		uint16_t flags)
{
	uint16_t id = f->free_slot;
	struct pv_netfront_slot *s = &f->slot[id];
	struct pv_netif_tx_request r = {.gref = s->ref,
					.offset = (uint16_t)(va % PAGE),
					.flags = flags,
					.id = id,
					.size = (uint16_t)size};

	f->free_slot = s->next;
	f->nr_free--;
	s->tx = tx;
	tx->slots_left++;
	f->bus->permit(f->bus->ctx, s->ref, (void *)(uintptr_t)va, true);
	pv_ring_copy_out(pv_ring_front_next(&f->tx_ring), &r, sizeof(r));
}

static void put_extra(struct pv_netfront *f, const struct pv_net_meta *meta)
{
	struct pv_netif_extra_info e;

	memset(&e, 0, sizeof(e));
	e.type = PV_XEN_NETIF_EXTRA_TYPE_GSO;
	e.u.gso.type = meta->gso_type;
	e.u.gso.size = meta->gso_size;
	pv_ring_copy_out(pv_ring_front_next(&f->tx_ring), &e, sizeof(e));
	f->extras++;
}

static bool can(const struct pv_netfront *f, const struct pv_net_meta *m)
{
	if (m->gso_type && (m->gso_type != PV_XEN_NETIF_GSO_TYPE_TCPV4 || !f->gso4 ||
			    m->gso_size == 0 || !(m->flags & PV_NET_CSUM_BLANK)))
		return false;
	return !(m->flags & PV_NET_CSUM_BLANK) || f->csum4;
}

int pv_netfront_send(struct pv_netfront *f, struct pv_netfront_tx *tx)
{
	uint32_t total, i, left;
	uint16_t flags = 0;
	int n;

	if (f->broken)
		return -PV_EPROTO;
	if (f->suspended)
		return -PV_EAGAIN;
	if (!f->ready)
		return -PV_ENOTCONN;
	if (!can(f, &tx->meta))
		return -PV_EINVAL;
	n = measure(f, tx, &total);
	if (n < 0)
		return n;
	if ((uint32_t)n > f->nr_free ||
	    (uint32_t)n + (tx->meta.gso_type != 0) > pv_ring_front_room(&f->tx_ring))
		return -PV_EAGAIN;

	tx->status = PV_NETFRONT_BUSY;
	tx->slots_left = 0;
	tx->error = 0;
	if (tx->meta.flags & PV_NET_CSUM_BLANK)
		flags = PV_NETTXF_csum_blank | PV_NETTXF_data_validated;
	else if (tx->meta.flags & PV_NET_CSUM_VALID)
		flags = PV_NETTXF_data_validated;
	if (tx->meta.gso_type)
		flags |= PV_NETTXF_extra_info;
	left = (uint32_t)n;
	for (i = 0; i < tx->nseg; i++) {
		uint64_t va = (uint64_t)(uintptr_t)tx->seg[i].va;
		uint32_t len = tx->seg[i].len;

		while (len) {
			uint32_t room = PAGE - (uint32_t)(va % PAGE),
				 size = len < room ? len : room;
			bool first = left == (uint32_t)n;

			left--;
			/* The first slot names the size of the frame. */
			put(f, tx, va, first ? total : size,
			    flags | (left ? PV_NETTXF_more_data : 0));
			if (first && tx->meta.gso_type)
				put_extra(f, &tx->meta);
			flags = 0;
			va += size;
			len -= size;
		}
	}
	return 0;
}

/* A slot was answered or given up. */
static void retire(struct pv_netfront *f, struct pv_netfront_slot *s, int error)
{
	struct pv_netfront_tx *tx = s->tx;

	s->tx = NULL;
	if (f->bus->revoke(f->bus->ctx, s->ref) < 0) {
		/* The reference is the bus's now. */
		f->bus->gref_free(f->bus->ctx, &s->ref, 1);
		s->ref = PV_FRONT_NO_GREF;
		error = -PV_EBUSY;
	} else {
		s->next = f->free_slot;
		f->free_slot = (uint16_t)(s - f->slot);
		f->nr_free++;
	}
	if (error && tx->error != -PV_EBUSY)
		tx->error = error;
	if (--tx->slots_left == 0) {
		tx->status = tx->error;
		if (tx->done)
			tx->done(tx);
	}
}

void pv_netfront_tx_fail(struct pv_netfront *f)
{
	uint32_t i;

	for (i = 0; i < f->nr_tx_refs; i++)
		if (f->slot[i].tx)
			retire(f, &f->slot[i], -PV_EIO);
}

static void take(struct pv_netfront *f)
{
	struct pv_netif_tx_response r;
	struct pv_netfront_slot *s;

	pv_ring_front_take(&f->tx_ring, &r, sizeof(r));
	if (r.status == PV_NETIF_RSP_NULL) {
		if (f->extras == 0)
			pv_netfront_break(f, "tx response to an extra slot that was not sent");
		else
			f->extras--;
		return;
	}
	s = r.id < f->nr_tx_refs ? &f->slot[r.id] : NULL;
	if (!s || !s->tx) {
		pv_netfront_break(f, "tx response to a slot that is not in flight");
		return;
	}
	retire(f, s, r.status == PV_NETIF_RSP_OKAY ? 0 : -PV_EIO);
	if (s->ref == PV_FRONT_NO_GREF)
		pv_netfront_break(f, "tx response while the backend still holds the memory");
}

void pv_netfront_tx_reap(struct pv_netfront *f)
{
	int n = pv_ring_front_pending(&f->tx_ring);

	if (n < 0)
		pv_netfront_break(f, "tx response producer beyond the requests");
	while (n-- > 0 && !f->broken && f->ready)
		take(f);
}
