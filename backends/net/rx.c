/*
 * Network backend: frames to the guest.
 *
 * Trust: the frontend posts references that may be anything: a copy that fails costs it the
 * frame. The far end is hostile for the guest, not for us: its frames are bytes with a length
 * that is checked.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define DEFAULT_FRAME 1518u

/* Bytes of a frame in one of the guest's pages. */
static uint32_t piece(const struct pv_netback *b)
{
	return PAGE - b->conn.headroom;
}

/* The largest frame that is asked of the far end. */
static uint32_t max_frame(const struct pv_netback *b)
{
	uint32_t max = b->cfg.max_frame ? b->cfg.max_frame : DEFAULT_FRAME;

	/* A frontend that does not take several slots cannot get more than a page. */
	if (!(b->conn.features & FRONT_SG))
		return at_most(max, piece(b));
	return b->conn.features & (FRONT_GSO4 | FRONT_GSO6) &&
			       b->cfg.caps & (PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6)
		       ? PV_NET_MAX_FRAME
		       : max;
}

static uint32_t slots(const struct pv_netback *b, uint32_t len, const struct pv_net_meta *meta)
{
	return (len + piece(b) - 1) / piece(b) + (meta->gso_type ? 1u : 0) +
	       (meta->hash_type ? 1u : 0);
}

uint32_t pv_netback_rx_need(const struct pv_netback *b)
{
	struct pv_net_meta most = {.gso_type = b->conn.features & (FRONT_GSO4 | FRONT_GSO6) ? 1 : 0,
				   .hash_type = b->conn.hash_types != 0};

	return slots(b, max_frame(b), &most);
}

void pv_netback_rx_lock(struct pv_netback *b, unsigned queue)
{
	if (b->steer)
		spin_lock(&b->q[queue].rx_lock);
}

void pv_netback_rx_unlock(struct pv_netback *b, unsigned queue)
{
	if (b->steer)
		spin_unlock(&b->q[queue].rx_lock);
}

/* What the guest does not take is completed, or else refused. */
static bool suits(const struct pv_netback *b, struct pv_netback_frame *f)
{
	struct pv_net_headers h;
	uint32_t no = b->conn.features & FRONT_NO_CSUM;

	if (!(f->meta.flags & PV_NET_CSUM_BLANK) || f->meta.gso_type)
		return true;
	/* A guest that takes them of IPv4 alone: it is worth a look. */
	if (!no && (b->conn.features & FRONT_CSUM6 ||
		    (pv_net_find(f->data, f->len, &h) == 0 && h.version == 4)))
		return true;
	if (pv_csum_fill(f->data, f->len) < 0)
		return false;
	f->meta.flags = PV_NET_CSUM_VALID;
	return true;
}

static void respond_extra(struct pv_netback_queue *q, const struct pv_netif_extra_info *e)
{
	pv_ring_back_consume(&q->rx, 1);
	pv_ring_back_respond(&q->rx, e, sizeof(*e));
}

/* The extra slots take requests, too, whatever pages those name. */
static void respond_extras(struct pv_netback_queue *q, const struct pv_net_meta *meta)
{
	struct pv_netif_extra_info e;

	if (meta->gso_type) {
		memset(&e, 0, sizeof(e));
		e.type = PV_XEN_NETIF_EXTRA_TYPE_GSO;
		e.flags = meta->hash_type ? PV_XEN_NETIF_EXTRA_FLAG_MORE : 0;
		e.u.gso.type = meta->gso_type;
		e.u.gso.size = meta->gso_size;
		respond_extra(q, &e);
	}
	if (meta->hash_type) {
		memset(&e, 0, sizeof(e));
		e.type = PV_XEN_NETIF_EXTRA_TYPE_HASH;
		e.u.hash.algorithm = PV_XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
		/* On the ring the type is the number of its bit. */
		while (meta->hash_type >> (e.u.hash.type + 1))
			e.u.hash.type++;
		memcpy(e.u.hash.value, &meta->hash, sizeof(meta->hash));
		respond_extra(q, &e);
	}
}

static void deliver(struct pv_netback *b, struct pv_netback_queue *q,
		    const struct pv_netback_frame *f)
{
	struct pv_back_copy op[PV_NET_MAX_SLOTS];
	uint16_t id[PV_NET_MAX_SLOTS];
	uint32_t extras = (f->meta.gso_type ? 1u : 0) + (f->meta.hash_type ? 1u : 0), i;
	uint32_t n = (f->len + piece(b) - 1) / piece(b), size = piece(b);
	bool failed;

	for (i = 0; i < n; i++) {
		struct pv_netif_rx_request r;

		pv_ring_back_peek(&q->rx, i ? i + extras : 0, &r, sizeof(r));
		id[i] = r.id;
		op[i] = (struct pv_back_copy){
			.ref = r.gref,
			.offset = (uint16_t)b->conn.headroom,
			.len = (uint16_t)(i + 1 < n ? size : f->len - i * size),
			.to_grant = true,
			.local = (uint8_t *)f->data + i * size,
		};
	}
	failed = b->bus->copy(b->bus->ctx, op, n) != 0;
	for (i = 0; i < n; i++) {
		struct pv_netif_rx_response rsp = {
			.id = id[i],
			.offset = (uint16_t)b->conn.headroom,
			.status = op[i].status ? PV_NETIF_RSP_ERROR : (int16_t)op[i].len,
			.flags = i + 1 < n ? PV_NETRXF_more_data : 0,
		};

		if (i == 0 && f->meta.flags & PV_NET_CSUM_BLANK)
			rsp.flags |= PV_NETRXF_csum_blank | PV_NETRXF_data_validated;
		else if (i == 0 && f->meta.flags & PV_NET_CSUM_VALID)
			rsp.flags |= PV_NETRXF_data_validated;
		if (i == 0 && extras)
			rsp.flags |= PV_NETRXF_extra_info;
		pv_ring_back_consume(&q->rx, 1);
		pv_ring_back_respond(&q->rx, &rsp, sizeof(rsp));
		if (i == 0)
			respond_extras(q, &f->meta);
	}
	if (failed) {
		q->stats.rx_errors++;
	} else {
		q->stats.rx_frames++;
		q->stats.rx_bytes += f->len;
	}
}

/* A super-frame for a guest that takes none: only where the far end had it ready before it was
 * told so. All of it or nothing. */
static bool deliver_segments(struct pv_netback *b, struct pv_netback_queue *q,
			     const struct pv_netback_frame *f)
{
	struct pv_netback_frame part = {.data = q->mem + SCRATCH};
	int room = pv_ring_back_pending(&q->rx);
	struct pv_gso g;
	uint32_t i, each;

	if (room < 0 || pv_gso_begin(&g, f->data, f->len, &f->meta) < 0)
		return false;
	each = slots(b, pv_gso_room(&g), &part.meta);
	if ((each > 1 && !(b->conn.features & FRONT_SG)) ||
	    pv_gso_count(&g) > (uint32_t)room / each)
		return false;
	part.meta.flags = PV_NET_CSUM_VALID;
	for (i = 0; i < pv_gso_count(&g); i++) {
		part.len = pv_gso_segment(&g, i, part.data);
		deliver(b, q, &part);
	}
	return true;
}

static bool takes_gso(const struct pv_netback *b, uint8_t type)
{
	return b->conn.features & (type == PV_NET_GSO_TCP4 ? FRONT_GSO4 : FRONT_GSO6);
}

/* To one of the queues; false: it has no room. */
static bool deliver_to(struct pv_netback *b, unsigned to, const struct pv_netback_frame *f)
{
	struct pv_netback_queue *q = &b->q[to];
	bool done;

	pv_netback_rx_lock(b, to);
	if (f->meta.gso_type && !takes_gso(b, f->meta.gso_type)) {
		done = deliver_segments(b, q, f);
	} else {
		done = pv_ring_back_pending(&q->rx) >= (int)slots(b, f->len, &f->meta);
		if (done)
			deliver(b, q, f);
	}
	pv_netback_rx_unlock(b, to);
	return done;
}

/* The queue that the frontend wants a frame on; hashes it. */
static unsigned target(const struct pv_netback *b, unsigned queue, struct pv_netback_frame *f)
{
	const struct pv_netback_state *c = &b->conn;

	if (c->hash_algorithm != PV_XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return queue;
	f->meta.hash_type =
		pv_net_hash(f->data, f->len, (uint8_t)c->hash_types, c->hash_key, &f->meta.hash);
	return c->hash_size ? c->hash_mapping[f->meta.hash % c->hash_size]
			    : f->meta.hash % b->nr_queues;
}

static void take(struct pv_netback *b, unsigned queue, struct pv_netback_frame *f, uint32_t cap)
{
	struct pv_netback_queue *q = &b->q[queue];
	unsigned to;

	if (f->len < ETH_HEADER || f->len > cap) {
		q->stats.rx_errors++;
		return;
	}
	if (!pv_netback_wanted(b, f->data)) {
		q->stats.rx_filtered++;
		return;
	}
	f->meta.hash_type = 0;
	to = target(b, queue, f);
	if (!suits(b, f)) {
		q->stats.rx_errors++;
	} else if (to != queue && deliver_to(b, to, f)) {
		pv_netback_rx_lock(b, to);
		pv_netback_rx_flush(b, to);
		pv_netback_rx_unlock(b, to);
	} else if (!deliver_to(b, queue, f)) {
		/* Its own room was there before; steered frames of others may have taken it. */
		q->stats.rx_dropped++;
	}
}

static uint32_t ask(struct pv_netback *b, unsigned queue, uint32_t n, uint32_t cap)
{
	struct pv_netback_queue *q = &b->q[queue];
	uint32_t room = (cap + 64) & ~63u, i;
	int got;

	/* One byte more than cap, by which a far end can see that a frame was longer. */
	n = at_most(at_most(n, PV_NETBACK_BATCH), ARENA / room);
	for (i = 0; i < n; i++)
		q->frame[i] = (struct pv_netback_frame){.data = q->mem + i * room, .len = cap};
	got = b->far->rx(b->far->ctx, queue, q->frame, n);
	return got > 0 ? at_most((uint32_t)got, n) : 0;
}

unsigned pv_netback_rx(struct pv_netback *b, unsigned queue, uint32_t *budget)
{
	uint32_t need = pv_netback_rx_need(b), cap = max_frame(b), got, i;
	struct pv_netback_queue *q = &b->q[queue];
	int n;

	for (;;) {
		pv_netback_rx_lock(b, queue);
		n = pv_ring_back_pending(&q->rx);
		pv_netback_rx_unlock(b, queue);
		if (n < 0) {
			pv_netback_break(b, "rx request producer beyond the ring");
			return 0;
		}
		if ((uint32_t)n < need)
			return PV_NETBACK_NO_ROOM;
		if (*budget == 0)
			return PV_NETBACK_MORE;
		got = ask(b, queue, at_most((uint32_t)n / need, *budget), cap);
		if (!got)
			return 0;
		for (i = 0; i < got; i++)
			take(b, queue, &q->frame[i], cap);
		*budget -= got;
	}
}

uint32_t pv_netback_drain(struct pv_netback *b, unsigned queue, uint32_t budget)
{
	uint32_t got;

	if (!b->connected || b->quiet || queue >= b->nr_queues)
		return 0;
	got = ask(b, queue, budget, max_frame(b));
	b->q[queue].stats.rx_dropped += got;
	return got;
}
