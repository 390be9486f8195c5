/*
 * Network frontend: receiving.
 *
 * Trust: the backend is hostile: slots are answered in the order in which they were posted, sizes
 * and offsets are checked, and a page is shown to the guest only after its grant was ended: its
 * bytes cannot change any more.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

void pv_netfront_rx_init(struct pv_netfront_queue *q)
{
	uint32_t i;

	for (i = 0; i < PV_NETFRONT_SLOTS; i++)
		q->rx_slot_page[i] = NONE;
	for (i = 0; i < q->nr_rx_refs; i++)
		q->rx_free[i] = (uint16_t)i;
	q->nr_rx_free = q->nr_rx_refs;
}

void pv_netfront_rx_post(struct pv_netfront *f, struct pv_netfront_queue *q)
{
	while (q->nr_rx_free && pv_ring_front_room(&q->rx_ring)) {
		uint16_t page = q->rx_free[--q->nr_rx_free];
		uint16_t id = (uint16_t)(q->rx_ring.req % PV_NETFRONT_SLOTS);
		struct pv_netif_rx_request r = {.id = id, .gref = q->rx_ref[page]};

		q->rx_slot_page[id] = page;
		f->bus->permit(f->bus->ctx, q->rx_ref[page], q->rx_mem + (uint64_t)page * PAGE,
			       false);
		pv_ring_copy_out(pv_ring_front_next(&q->rx_ring), &r, sizeof(r));
	}
}

/* A frame while it is put together. */
struct frame {
	struct pv_iov_const frag[PV_NET_MAX_SLOTS];
	uint16_t page[PV_NET_MAX_SLOTS + 2]; /* to be posted again; more for extra slots */
	uint32_t nr_frags, nr_pages, total;
	struct pv_net_meta meta;
	struct pv_netfront_queue *q;
	bool bad;
};

/* Takes the next response and its page. False: the device is broken. */
static bool next(struct pv_netfront *f, uint32_t *pending, void *rsp, struct frame *fr,
		 uint16_t *page)
{
	struct pv_netfront_queue *q = fr->q;
	uint16_t index = (uint16_t)(q->rx_ring.rsp % PV_NETFRONT_SLOTS);

	if (*pending == 0) {
		pv_netfront_break(f, "rx frame ends before its last slot");
		return false;
	}
	(*pending)--;
	pv_ring_front_take(&q->rx_ring, rsp, sizeof(struct pv_netif_rx_response));
	*page = q->rx_slot_page[index];
	q->rx_slot_page[index] = NONE;
	if (f->bus->revoke(f->bus->ctx, q->rx_ref[*page]) < 0) {
		pv_netfront_break(f, "rx response while the backend still holds the page");
		return false;
	}
	if (fr->nr_pages < sizeof(fr->page) / sizeof(fr->page[0]))
		fr->page[fr->nr_pages++] = *page;
	else
		/* Longer than any frame may be: its pages go back at once. */
		q->rx_free[q->nr_rx_free++] = *page;
	return true;
}

/* Extras that the backend has no business to send spoil the frame. */
static void read_extra(const struct pv_netfront *f, const struct pv_netif_extra_info *e,
		       struct frame *fr)
{
	if (e->type == PV_XEN_NETIF_EXTRA_TYPE_GSO && f->cfg.gso && !fr->meta.gso_type &&
	    e->u.gso.size >= PV_NET_GSO_MIN &&
	    (e->u.gso.type == PV_NET_GSO_TCP4 ||
	     (e->u.gso.type == PV_NET_GSO_TCP6 && !f->cfg.no_csum6))) {
		fr->meta.gso_type = e->u.gso.type;
		fr->meta.gso_size = e->u.gso.size;
	} else if (e->type == PV_XEN_NETIF_EXTRA_TYPE_HASH && f->ctrl_page && !fr->meta.hash_type &&
		   e->u.hash.algorithm == PV_XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ &&
		   e->u.hash.type <= 3) {
		fr->meta.hash_type = (uint8_t)(1u << e->u.hash.type);
		memcpy(&fr->meta.hash, e->u.hash.value, sizeof(fr->meta.hash));
	} else {
		fr->bad = true;
	}
}

static bool take_extra(struct pv_netfront *f, uint32_t *pending, struct frame *fr)
{
	struct pv_netif_extra_info e;
	uint16_t page;

	do {
		if (!next(f, pending, &e, fr, &page))
			return false;
		read_extra(f, &e, fr);
	} while (e.flags & PV_XEN_NETIF_EXTRA_FLAG_MORE);
	return true;
}

static bool take_piece(struct pv_netfront *f, uint32_t *pending, struct frame *fr, uint16_t *flags)
{
	struct pv_netif_rx_response r;
	uint16_t index = (uint16_t)(fr->q->rx_ring.rsp % PV_NETFRONT_SLOTS), page;

	if (!next(f, pending, &r, fr, &page))
		return false;
	*flags = r.flags;
	if (r.id != index) {
		pv_netfront_break(f, "rx response with another slot's id");
		return false;
	}
	if (r.status < 0) {
		fr->bad = true;
		return true;
	}
	if ((uint32_t)r.offset + (uint32_t)r.status > PAGE) {
		pv_netfront_break(f, "rx response beyond its page");
		return false;
	}
	if (fr->nr_frags == PV_NET_MAX_SLOTS) {
		fr->bad = true;
		return true;
	}
	fr->frag[fr->nr_frags++] = (struct pv_iov_const){
		.base = fr->q->rx_mem + (uint64_t)page * PAGE + r.offset,
		.len = (uint32_t)r.status,
	};
	fr->total += (uint16_t)r.status;
	return true;
}

/* One whole frame; false when the device broke. */
static bool take_frame(struct pv_netfront *f, uint32_t *pending, struct frame *fr)
{
	uint16_t flags, first;

	fr->nr_frags = fr->nr_pages = fr->total = 0;
	fr->bad = false;
	memset(&fr->meta, 0, sizeof(fr->meta));
	if (!take_piece(f, pending, fr, &first))
		return false;
	if (first & PV_NETRXF_csum_blank)
		fr->meta.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID;
	else if (first & PV_NETRXF_data_validated)
		fr->meta.flags = PV_NET_CSUM_VALID;
	if (first & PV_NETRXF_extra_info && !take_extra(f, pending, fr))
		return false;
	for (flags = first; flags & PV_NETRXF_more_data;)
		if (!take_piece(f, pending, fr, &flags))
			return false;
	if (fr->total == 0 || fr->total > PV_NET_MAX_FRAME ||
	    (f->cfg.no_csum && fr->meta.flags & PV_NET_CSUM_BLANK))
		fr->bad = true;
	return true;
}

uint32_t pv_netfront_rx_poll(struct pv_netfront *f, uint32_t queue, uint32_t budget)
{
	struct pv_netfront_queue *q = &f->q[queue];
	uint32_t shown = 0, pending = 0;
	struct frame fr;

	fr.q = q;
	while (shown < budget && !pv_netfront_broken(f) && f->ready) {
		if (pending == 0) {
			int n = pv_ring_front_pending(&q->rx_ring);

			if (n < 0)
				pv_netfront_break(f, "rx response producer beyond the requests");
			if (n <= 0)
				break;
			pending = (uint32_t)n;
		}
		if (!take_frame(f, &pending, &fr))
			break;
		if (fr.bad) {
			q->rx_dropped++;
		} else {
			const struct pv_netfront_rx rx = {.frag = fr.frag,
							  .n = fr.nr_frags,
							  .total = fr.total,
							  .queue = queue,
							  .meta = fr.meta};

			(void)f->rx(f->arg, &rx);
			shown++;
		}
		while (fr.nr_pages)
			q->rx_free[q->nr_rx_free++] = fr.page[--fr.nr_pages];
	}
	return shown;
}
