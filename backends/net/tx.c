/*
 * Network backend: frames from the guest.
 *
 * Trust: a frame is a chain of slots that the frontend wrote: each slot is copied once per
 * attempt and the copy is checked. Nothing is consumed before the far end has taken the frame: a
 * far end that is full costs another copy, not a buffer.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define ETH_HEADER 14u

/* A chain, as it was read from the ring. */
struct chain {
	struct pv_netif_tx_request slot[PV_NET_MAX_SLOTS];
	uint32_t nr_slots;  /* data slots; may be more than fit into slot[] */
	uint32_t nr_extras; /* they lie behind the first data slot */
	uint32_t total;	    /* bytes of the frame */
	struct pv_net_meta meta;
	bool bad; /* to be answered with errors */
};

static void take_extra(const struct pv_netback *b, struct chain *c,
		       const struct pv_netif_extra_info *e)
{
	/* Only what was offered, once, and sane. */
	if (e->type != PV_XEN_NETIF_EXTRA_TYPE_GSO || !(b->cfg.caps & PV_NETBACK_CAP_GSO4) ||
	    e->u.gso.type != PV_XEN_NETIF_GSO_TYPE_TCPV4 || e->u.gso.size == 0 ||
	    c->meta.gso_type) {
		c->bad = true;
		return;
	}
	c->meta.gso_type = e->u.gso.type;
	c->meta.gso_size = e->u.gso.size;
}

/* Reads the chain that starts at the next request. False: the ring ends inside it. */
static bool read_chain(const struct pv_netback *b, uint32_t pending, struct chain *c)
{
	struct pv_netif_tx_request r;
	uint32_t at = 0;
	bool more;

	memset(c, 0, sizeof(*c));
	pv_ring_back_peek(&b->tx, at++, &r, sizeof(r));
	c->slot[c->nr_slots++] = r;
	more = r.flags & PV_NETTXF_extra_info;
	while (more) {
		union {
			struct pv_netif_extra_info info;
			uint32_t slot[3];
		} e;

		if (at == pending)
			return false;
		pv_ring_back_peek(&b->tx, at++, &e, sizeof(e));
		c->nr_extras++;
		take_extra(b, c, &e.info);
		more = e.info.flags & PV_XEN_NETIF_EXTRA_FLAG_MORE;
	}
	while (r.flags & PV_NETTXF_more_data) {
		if (at == pending)
			return false;
		pv_ring_back_peek(&b->tx, at++, &r, sizeof(r));
		if (c->nr_slots < PV_NET_MAX_SLOTS)
			c->slot[c->nr_slots] = r;
		c->nr_slots++;
	}
	return true;
}

/* Sizes and flags. The first slot names the size of the whole frame; its own part is what the
 * others leave. */
static void check_chain(const struct pv_netback *b, struct chain *c)
{
	uint32_t i, rest = 0, flags = c->slot[0].flags;

	c->total = c->slot[0].size;
	if (c->nr_slots > PV_NET_MAX_SLOTS || c->total < ETH_HEADER ||
	    (c->nr_slots > 1 && b->cfg.no_sg)) {
		c->bad = true;
		return;
	}
	for (i = 1; i < c->nr_slots; i++)
		rest += c->slot[i].size;
	/* 17 times 65535 does not wrap; XSA-432 is about what comes after a wrong sum. */
	if (rest > c->total) {
		c->bad = true;
		return;
	}
	c->slot[0].size = (uint16_t)(c->total - rest);
	for (i = 0; i < c->nr_slots; i++)
		if ((uint32_t)c->slot[i].offset + c->slot[i].size > PAGE)
			c->bad = true;
	if (flags & PV_NETTXF_csum_blank)
		c->meta.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID;
	else if (flags & PV_NETTXF_data_validated)
		c->meta.flags = PV_NET_CSUM_VALID;
	/* Segments need checksums of their own, so a super-frame comes with a blank one. */
	if (c->meta.gso_type && !(flags & PV_NETTXF_csum_blank))
		c->bad = true;
}

/* Brings the bytes of a good chain into private memory. */
static bool fetch(struct pv_netback *b, const struct chain *c)
{
	struct pv_back_copy op[PV_NET_MAX_SLOTS];
	uint8_t *to = b->frame;
	uint32_t i, n = 0;

	for (i = 0; i < c->nr_slots; i++) {
		const struct pv_netif_tx_request *s = &c->slot[i];

		if (s->size == 0)
			continue;
		op[n++] = (struct pv_back_copy){
			.ref = s->gref, .offset = s->offset, .len = s->size, .local = to};
		to += s->size;
	}
	return b->bus->copy(b->bus->ctx, op, n) == 0;
}

static void respond(struct pv_netback *b, const struct chain *c, int16_t status)
{
	struct pv_netif_tx_response rsp = {.status = status};
	uint32_t i;

	/* One answer for each slot, in the order of the ring; what did not fit into slot[] is
	 * read again for its id alone, which the frontend is welcome to change. */
	for (i = 0; i < c->nr_slots; i++) {
		struct pv_netif_tx_request r;

		pv_ring_back_take(&b->tx, &r, sizeof(r));
		rsp.id = i < PV_NET_MAX_SLOTS ? c->slot[i].id : r.id;
		pv_ring_back_respond(&b->tx, &rsp, sizeof(rsp));
		if (i == 0 && c->nr_extras) {
			const struct pv_netif_tx_response null = {.status = PV_NETIF_RSP_NULL};
			uint32_t e;

			pv_ring_back_consume(&b->tx, c->nr_extras);
			for (e = 0; e < c->nr_extras; e++)
				pv_ring_back_respond(&b->tx, &null, sizeof(null));
		}
	}
}

/* Fills in what the far end cannot. */
static bool complete(const struct pv_netback *b, struct chain *c)
{
	if (!(c->meta.flags & PV_NET_CSUM_BLANK) || (b->cfg.caps & PV_NETBACK_CAP_CSUM))
		return true;
	if (pv_csum_fill(b->frame, c->total) < 0)
		return false;
	c->meta.flags = PV_NET_CSUM_VALID;
	return true;
}

static int send(struct pv_netback *b, struct chain *c)
{
	check_chain(b, c);
	if (c->bad || !fetch(b, c) || !complete(b, c)) {
		b->stats.tx_errors++;
		return PV_NETIF_RSP_ERROR;
	}
	if (b->far->tx(b->far->ctx, b->frame, c->total, &c->meta) == -PV_EAGAIN)
		return -PV_EAGAIN;
	b->stats.tx_frames++;
	b->stats.tx_bytes += c->total;
	return PV_NETIF_RSP_OKAY;
}

unsigned pv_netback_tx(struct pv_netback *b, uint32_t budget)
{
	struct chain c;
	int n, status;

	for (;;) {
		n = pv_ring_back_pending(&b->tx);
		if (n < 0)
			pv_netback_break(b, "tx request producer beyond the ring");
		if (n <= 0)
			return 0;
		if (budget-- == 0)
			return PV_NETBACK_MORE;
		if (!read_chain(b, (uint32_t)n, &c)) {
			pv_netback_break(b, "tx frame ends before its last slot");
			return 0;
		}
		status = send(b, &c);
		if (status == -PV_EAGAIN)
			return PV_NETBACK_FAR_FULL;
		respond(b, &c, (int16_t)status);
	}
}
