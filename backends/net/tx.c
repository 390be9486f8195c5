/*
 * Network backend: frames from the guest.
 *
 * Trust: a frame is a chain of slots that the frontend wrote: each slot is copied once per
 * attempt and the copy is checked. Nothing is consumed before the far end has taken the frame: a
 * far end that is full costs another copy, not a buffer.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define TO_SEND 2 /* pv_netback_queue.entry.status: a frame for the far end */

/* A chain, as it was read from the ring. */
struct chain {
	struct pv_netif_tx_request slot[PV_NET_MAX_SLOTS];
	uint32_t nr_slots;  /* data slots; may be more than fit into slot[] */
	uint32_t nr_extras; /* they lie behind the first data slot */
	uint32_t total;	    /* bytes of the frame */
	struct pv_net_meta meta;
	uint8_t seen;	  /* types of extras, a bit each */
	uint8_t mcast[6]; /* with one of those two: no frame, but a word to the filter */
	bool bad;	  /* to be answered with errors */
};

#define SEEN(type) (1u << (type))
#define SEEN_MCAST \
	(SEEN(PV_XEN_NETIF_EXTRA_TYPE_MCAST_ADD) | SEEN(PV_XEN_NETIF_EXTRA_TYPE_MCAST_DEL))

/* Chains that were read in one go. */
struct batch {
	uint32_t entries, frames;
	uint32_t at;   /* slots read, from the ring's next one */
	uint32_t used; /* bytes of the arena */
	bool cut;      /* the only entry is a super-frame that has to be cut up */
	unsigned flags;
};

static void take_extra(const struct pv_netback *b, struct chain *c,
		       const struct pv_netif_extra_info *e)
{
	/* Only what was offered, once, and sane. */
	if (e->type == PV_XEN_NETIF_EXTRA_TYPE_NONE || e->type >= PV_XEN_NETIF_EXTRA_TYPE_MAX ||
	    c->seen & SEEN(e->type)) {
		c->bad = true;
		return;
	}
	c->seen |= (uint8_t)SEEN(e->type);
	switch (e->type) {
	case PV_XEN_NETIF_EXTRA_TYPE_GSO:
		c->meta.gso_type = e->u.gso.type;
		c->meta.gso_size = e->u.gso.size;
		if (b->cfg.no_sg || e->u.gso.size < PV_NET_GSO_MIN ||
		    (e->u.gso.type != PV_NET_GSO_TCP4 && e->u.gso.type != PV_NET_GSO_TCP6))
			c->bad = true;
		break;
	case PV_XEN_NETIF_EXTRA_TYPE_HASH:
		/* Of use to nobody here, as long as it is one. */
		if (b->cfg.no_ctrl || e->u.hash.type > 3)
			c->bad = true;
		break;
	default: memcpy(c->mcast, e->u.mcast.addr, sizeof(c->mcast)); break;
	}
}

/* Reads the chain that starts `at` requests from the next one; moves `at` behind it. False: the
 * ring ends inside it. */
static bool read_chain(const struct pv_netback *b, const struct pv_netback_queue *q,
		       uint32_t pending, uint32_t *from, struct chain *c)
{
	struct pv_netif_tx_request r;
	uint32_t at = *from;
	bool more;

	memset(c, 0, sizeof(*c));
	pv_ring_back_peek(&q->tx, at++, &r, sizeof(r));
	c->slot[c->nr_slots++] = r;
	more = r.flags & PV_NETTXF_extra_info;
	while (more) {
		union {
			struct pv_netif_extra_info info;
			uint32_t slot[3];
		} e;

		if (at == pending)
			return false;
		pv_ring_back_peek(&q->tx, at++, &e, sizeof(e));
		c->nr_extras++;
		take_extra(b, c, &e.info);
		more = e.info.flags & PV_XEN_NETIF_EXTRA_FLAG_MORE;
	}
	while (r.flags & PV_NETTXF_more_data) {
		if (at == pending)
			return false;
		pv_ring_back_peek(&q->tx, at++, &r, sizeof(r));
		if (c->nr_slots < PV_NET_MAX_SLOTS)
			c->slot[c->nr_slots] = r;
		c->nr_slots++;
	}
	*from = at;
	return true;
}

/* Sizes and flags. The first slot names the size of the whole frame; its own part is what the
 * others leave. */
static void check_chain(const struct pv_netback *b, struct chain *c)
{
	uint32_t i, rest = 0, flags = c->slot[0].flags;

	if (c->seen & SEEN_MCAST)
		return;
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
	/* Segments get checksums of their own, so that of a super-frame does not matter. */
	if (flags & PV_NETTXF_csum_blank || c->meta.gso_type)
		c->meta.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID;
	else if (flags & PV_NETTXF_data_validated)
		c->meta.flags = PV_NET_CSUM_VALID;
}

/* Brings the bytes of a good chain into private memory. */
static bool fetch(const struct pv_netback *b, const struct chain *c, uint8_t *to)
{
	struct pv_back_copy op[PV_NET_MAX_SLOTS];
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

static uint32_t far_cap(const struct pv_net_meta *m)
{
	return m->gso_type == PV_NET_GSO_TCP4 ? PV_NETBACK_CAP_GSO4
	       : m->gso_type		      ? PV_NETBACK_CAP_GSO6
					      : 0;
}

/* Fills in what the far end cannot; tells it where what it can is. */
static bool complete(const struct pv_netback *b, uint8_t *frame, struct chain *c)
{
	uint32_t start, field;
	struct pv_gso g;

	if (!(c->meta.flags & PV_NET_CSUM_BLANK))
		return true;
	if (!(b->cfg.caps & PV_NETBACK_CAP_CSUM)) {
		c->meta.flags = PV_NET_CSUM_VALID;
		return pv_csum_fill(frame, c->total) == 0;
	}
	if (c->meta.gso_type && pv_gso_begin(&g, frame, c->total, &c->meta) < 0)
		return false;
	if (pv_csum_blank(frame, c->total, &start, &field) < 0)
		return false;
	c->meta.csum_start = (uint16_t)start;
	c->meta.csum_field = (uint16_t)field;
	return true;
}

/* What becomes of a chain; TO_SEND: its frame was added to the batch. */
static int16_t load(struct pv_netback *b, struct pv_netback_queue *q, struct batch *t,
		    struct chain *c, bool cut)
{
	uint8_t *frame = q->mem + t->used;

	if (c->bad)
		return PV_NETIF_RSP_ERROR;
	if (c->seen & SEEN_MCAST) {
		bool add = c->seen & SEEN(PV_XEN_NETIF_EXTRA_TYPE_MCAST_ADD);

		return pv_netback_mcast(b, c->mcast, add) ? PV_NETIF_RSP_OKAY : PV_NETIF_RSP_ERROR;
	}
	if (!fetch(b, c, frame) || (!cut && !complete(b, frame, c)))
		return PV_NETIF_RSP_ERROR;
	q->frame[t->frames++] =
		(struct pv_netback_frame){.data = frame, .len = c->total, .meta = c->meta};
	t->used += (c->total + 15) & ~15u;
	return TO_SEND;
}

/* Reads chains until the arena, the credit or the ring is spent. */
static void gather(struct pv_netback *b, struct pv_netback_queue *q, struct batch *t,
		   uint32_t pending, uint32_t budget)
{
	uint32_t most = at_most(budget, PV_NETBACK_BATCH), next;
	struct chain c;

	memset(t, 0, sizeof(*t));
	while (t->entries < most && t->at < pending && !t->cut) {
		bool frame, cut;

		next = t->at;
		if (!read_chain(b, q, pending, &next, &c)) {
			if (!t->entries)
				pv_netback_break(b, "tx frame ends before its last slot");
			return;
		}
		check_chain(b, &c);
		frame = !c.bad && !(c.seen & SEEN_MCAST);
		cut = frame && c.meta.gso_type && !(b->cfg.caps & far_cap(&c.meta));
		if (frame && (c.total > ARENA - t->used || (cut && t->entries)))
			return;
		/* Segments that were sent before have been paid. */
		if (frame && !q->tx_segment && !pv_netback_pay(b, c.total)) {
			t->flags = PV_NETBACK_NO_CREDIT;
			return;
		}
		q->entry[t->entries].status = load(b, q, t, &c, cut);
		q->entry[t->entries].slots = (uint16_t)c.nr_slots;
		q->entry[t->entries].extras = (uint16_t)c.nr_extras;
		if (q->entry[t->entries].status == TO_SEND)
			t->cut = cut;
		t->entries++;
		t->at = next;
	}
}

static void respond(struct pv_netback_queue *q, uint32_t slots, uint32_t extras, int16_t status)
{
	struct pv_netif_tx_response rsp = {.status = status};
	uint32_t i;

	/* One answer for each slot, in the order of the ring; an id is read again for the answer
	 * alone: the frontend is welcome to change it. */
	for (i = 0; i < slots; i++) {
		struct pv_netif_tx_request r;

		pv_ring_back_take(&q->tx, &r, sizeof(r));
		rsp.id = r.id;
		pv_ring_back_respond(&q->tx, &rsp, sizeof(rsp));
		if (i == 0 && extras) {
			const struct pv_netif_tx_response null = {.status = PV_NETIF_RSP_NULL};
			uint32_t e;

			pv_ring_back_consume(&q->tx, extras);
			for (e = 0; e < extras; e++)
				pv_ring_back_respond(&q->tx, &null, sizeof(null));
		}
	}
}

/* Answers the entries in order, up to the first frame that the far end has not taken. */
static uint32_t answer(struct pv_netback_queue *q, const struct batch *t, uint32_t taken)
{
	uint32_t i, frame = 0;

	for (i = 0; i < t->entries; i++) {
		int16_t status = q->entry[i].status;

		if (status == TO_SEND) {
			if (frame == taken)
				break;
			q->stats.tx_frames++;
			q->stats.tx_bytes += q->frame[frame++].len;
			status = PV_NETIF_RSP_OKAY;
		} else if (status == PV_NETIF_RSP_ERROR) {
			q->stats.tx_errors++;
		}
		respond(q, q->entry[i].slots, q->entry[i].extras, status);
	}
	return i;
}

/*
 * Sends the frame at the arena's start in pieces. False: the far end is full; what it has taken is
 * in tx_segment, and the next attempt goes on there.
 */
static bool send_segments(struct pv_netback *b, unsigned queue)
{
	struct pv_netback_queue *q = &b->q[queue];
	const uint32_t start = 65536;
	struct pv_net_meta meta = q->frame[0].meta;
	uint32_t len = q->frame[0].len, count, room, n, most;
	struct pv_gso g;

	if (pv_gso_begin(&g, q->mem, len, &meta) < 0) {
		q->entry[0].status = PV_NETIF_RSP_ERROR;
		q->tx_segment = 0;
		return true;
	}
	count = pv_gso_count(&g);
	room = (pv_gso_room(&g) + 15) & ~15u;
	most = at_most(PV_NETBACK_BATCH, (ARENA - start) / room);
	while (q->tx_segment < count) {
		int taken;

		for (n = 0; n < most && q->tx_segment + n < count; n++) {
			struct pv_netback_frame *f = &q->frame[n];

			f->data = q->mem + start + n * room;
			f->len = pv_gso_segment(&g, q->tx_segment + n, f->data);
			f->meta = (struct pv_net_meta){.flags = PV_NET_CSUM_VALID};
		}
		taken = b->far->tx(b->far->ctx, queue, q->frame, n);
		if (taken > 0) {
			q->tx_segment += (uint32_t)taken;
			q->stats.tx_segments += (uint32_t)taken;
		}
		if (taken < (int)n)
			return false;
	}
	q->tx_segment = 0;
	q->frame[0].len = len;
	return true;
}

unsigned pv_netback_tx(struct pv_netback *b, unsigned queue, uint32_t *budget)
{
	struct pv_netback_queue *q = &b->q[queue];
	struct batch t;

	for (;;) {
		uint32_t done, taken, i;
		int n = pv_ring_back_pending(&q->tx);

		if (n < 0)
			pv_netback_break(b, "tx request producer beyond the ring");
		if (n <= 0)
			return 0;
		if (*budget == 0)
			return PV_NETBACK_MORE;
		gather(b, q, &t, (uint32_t)n, *budget);
		if (pv_netback_broken(b))
			return 0;
		taken = t.frames;
		if (t.cut) {
			if (!send_segments(b, queue))
				return PV_NETBACK_FAR_FULL;
		} else if (t.frames) {
			int rc = b->far->tx(b->far->ctx, queue, q->frame, t.frames);

			taken = rc > 0 ? at_most((uint32_t)rc, t.frames) : 0;
			for (i = taken; i < t.frames; i++)
				pv_netback_pay_back(b, q->frame[i].len);
		}
		done = answer(q, &t, taken);
		*budget -= done;
		if (done < t.entries)
			return PV_NETBACK_FAR_FULL;
		if (t.flags)
			return t.flags;
	}
}
