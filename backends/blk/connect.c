/*
 * Block backend: handshake, teardown, and the connection written down.
 *
 * Trust: the frontend's keys are hostile: numbers are parsed strictly and bounded, references and
 * ports are checked by the bus. An imported state is checked the same way: it may come from a
 * stream.
 */
#include <pv/abi/io/protocols.h>
#include "../../libpv/common/keys.h"
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

#define PAGE 4096u

static int publish(void *self)
{
	struct pv_blkback *b = self;
	const struct pv_blkback_config *c = &b->cfg;
	/* `sectors` counts 512-byte units whatever sector-size says, as Linux's and Xen's own
	 * backends have it. */
	const struct pv_back_number keys[] = {
		{"feature-flush-cache", c->flush, true},
		{"feature-barrier", c->barrier, true},
		{"feature-discard", c->discard, true},
		{"discard-granularity", c->discard_granularity, c->discard},
		{"discard-alignment", c->discard_alignment, c->discard},
		{"discard-secure", c->secure_discard, c->discard},
		{"feature-max-indirect-segments", c->max_segs, c->max_segs != 0},
		{"max-ring-page-order", c->max_ring_order, true},
		{"multi-queue-max-queues", c->max_queues, true},
		{"feature-persistent", c->max_kept != 0, true},
		{"sectors", c->sectors, true},
		{"sector-size", c->sector_size, true},
		{"physical-sector-size", c->physical_sector_size, c->physical_sector_size != 0},
		{"info",
		 (c->cdrom ? PV_VDISK_CDROM : 0) | (c->removable ? PV_VDISK_REMOVABLE : 0) |
			 (c->readonly ? PV_VDISK_READONLY : 0),
		 true},
	};

	return pv_back_write_numbers(b->bus, keys, sizeof(keys) / sizeof(keys[0]));
}

static bool same(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static int read_protocol(const struct pv_blkback *b, uint32_t *protocol)
{
	char name[24];
	int n = b->bus->read_front(b->bus->ctx, "protocol", name, sizeof(name));

	if (n == -PV_ENOENT)
		*protocol = PV_BLKBACK_NATIVE;
	else if (n < 0)
		return n;
	else if (same(name, PV_XEN_IO_PROTO_ABI_X86_32))
		*protocol = PV_BLKBACK_X86_32;
	else if (same(name, PV_XEN_IO_PROTO_ABI_X86_64))
		*protocol = PV_BLKBACK_X86_64;
	else if (same(name, PV_XEN_IO_PROTO_ABI_NATIVE))
		*protocol = PV_BLKBACK_NATIVE;
	else
		return -PV_EPROTO;
	return 0;
}

static const struct pv_blkback_queue_state *queue_of(const struct pv_blkback_state *st, uint32_t i)
{
	return i ? &st->more[i - 1] : &st->first;
}

static int read_ring(const struct pv_blkback *b, uint32_t queue, uint32_t pages,
		     struct pv_blkback_queue_state *st)
{
	uint64_t v;
	uint32_t i;

	for (i = 0; i < pages; i++) {
		char key[PV_KEY_LEN];
		int rc = pv_back_read_queue(b->bus, queue, pv_key_indexed(key, "ring-ref", i),
					    UINT32_MAX, &v);

		/* One page goes by a name of its own, whether an order was written or not. */
		if (pages == 1 && rc == -PV_ENOENT)
			rc = pv_back_read_queue(b->bus, queue, "ring-ref", UINT32_MAX, &v);
		if (rc < 0)
			return rc;
		st->ring_ref[i] = (uint32_t)v;
	}
	if (pv_back_read_queue(b->bus, queue, "event-channel", UINT32_MAX, &v) < 0)
		return -PV_EPROTO;
	st->front_port = (uint32_t)v;
	return 0;
}

/* A key that need not be there. */
static int read_choice(const struct pv_blkback *b, const char *key, uint64_t max, uint64_t *v)
{
	int rc = pv_back_read_u64(b->bus, key, max, v);

	return rc == -PV_ENOENT ? 0 : rc;
}

static int read_front(const struct pv_blkback *b, struct pv_blkback_state *st)
{
	uint64_t order = 0, queues = 1, persistent = 0;
	uint32_t i;
	int rc = 0;

	if (read_choice(b, "ring-page-order", b->cfg.max_ring_order, &order) < 0 ||
	    read_choice(b, "multi-queue-num-queues", b->cfg.max_queues, &queues) < 0 ||
	    queues == 0 || read_choice(b, "feature-persistent", 1, &persistent) < 0 ||
	    read_protocol(b, &st->protocol) < 0)
		return -PV_EPROTO;
	st->nr_ring_pages = 1u << order;
	st->nr_queues = (uint32_t)queues;
	/* An offer that is not ours to make is not taken up. */
	st->persistent = persistent && b->cfg.max_kept;
	for (i = 0; i < queues && rc == 0; i++)
		rc = read_ring(b, queues > 1 ? i : PV_BACK_FLAT, st->nr_ring_pages,
			       i ? &st->more[i - 1] : &st->first);
	return rc < 0 ? -PV_EPROTO : 0;
}

static void detach_queue(struct pv_blkback *b, struct pv_blkback_queue *q)
{
	pv_blkback_flush(b, q->index);
	pv_blkback_kept_drop(q);
	b->bus->unbind(b->bus->ctx, q->port);
	b->bus->unmap_ring(b->bus->ctx, q->ring_va, b->conn.nr_ring_pages);
	memset(&q->ring, 0, sizeof(q->ring));
	q->ring_va = NULL;
}

static int attach_queue(struct pv_blkback *b, struct pv_blkback_queue *q,
			const struct pv_blkback_queue_state *st)
{
	uint32_t pages = b->conn.nr_ring_pages;
	void *va;
	int rc = b->bus->map_ring(b->bus->ctx, st->ring_ref, pages, &va);

	if (rc < 0)
		return rc;
	rc = pv_back_bind_queue(b->bus, st->front_port, q->index);
	if (rc < 0) {
		b->bus->unmap_ring(b->bus->ctx, va, pages);
		return rc;
	}
	q->port = (uint32_t)rc;
	q->ring_va = va;
	q->unpushed = false;
	pv_ring_back_init(&q->ring, va, pages * PAGE, pv_blkback_entry(b->conn.protocol),
			  st->req_cons, st->rsp_prod);
	pv_blkback_kept_init(q, q->mem + (uint64_t)b->cfg.depth * b->io_size);
	return 0;
}

/* Gives back the first n queues and what is known of the frontend. */
static void detach(struct pv_blkback *b, uint32_t n)
{
	uint32_t state = b->conn.state;

	while (n--)
		detach_queue(b, &b->queue[n]);
	memset(&b->conn, 0, sizeof(b->conn));
	b->conn.state = state;
	b->nr_queues = 0;
	b->connected = b->quiet = b->broken = false;
}

/* Maps and binds what st names. */
static int attach(struct pv_blkback *b, const struct pv_blkback_state *st)
{
	uint32_t i;

	b->conn = *st;
	b->broken = false;
	for (i = 0; i < st->nr_queues; i++) {
		int rc = attach_queue(b, &b->queue[i], queue_of(st, i));

		if (rc < 0) {
			detach(b, i);
			return rc;
		}
	}
	b->nr_queues = st->nr_queues;
	b->connected = true;
	b->reason = NULL;
	return 0;
}

static int connect(void *self)
{
	struct pv_blkback *b = self;
	struct pv_blkback_state st;
	int rc;

	memset(&st, 0, sizeof(st));
	rc = read_front(b, &st);
	if (rc == 0) {
		st.connected = 1;
		st.state = b->conn.state;
		rc = attach(b, &st);
	}
	if (rc < 0) {
		b->reason = "the frontend's ring or event channel cannot be used";
		if (b->bus->broken)
			b->bus->broken(b->bus->ctx, b->reason);
		return -PV_EPROTO;
	}
	return 0;
}

static int disconnect(void *self)
{
	struct pv_blkback *b = self;

	if (!b->connected)
		return 0;
	/* From here on nothing is taken; what is at the disk still holds mappings. */
	if (pv_blkback_inflight(b)) {
		b->quiet = true;
		return -PV_EAGAIN;
	}
	detach(b, b->nr_queues);
	return 0;
}

int pv_blkback_step(struct pv_blkback *b)
{
	const struct pv_back_device d = {.bus = b->bus,
					 .self = b,
					 .publish = publish,
					 .connect = connect,
					 .disconnect = disconnect};

	return pv_back_advance(&d, &b->conn.state, b->broken);
}

int pv_blkback_destroy(struct pv_blkback *b)
{
	return disconnect(b);
}

int pv_blkback_export(struct pv_blkback *b, struct pv_blkback_state *st)
{
	uint32_t i;

	if (pv_blkback_inflight(b))
		return -PV_EBUSY;
	if (b->broken)
		return -PV_EPROTO;
	*st = b->conn;
	for (i = 0; i < b->nr_queues; i++) {
		struct pv_blkback_queue_state *q = i ? &st->more[i - 1] : &st->first;

		pv_blkback_flush(b, i);
		q->req_cons = b->queue[i].ring.req;
		q->rsp_prod = b->queue[i].ring.rsp;
	}
	return 0;
}

static bool importable(const struct pv_blkback *b, const struct pv_blkback_state *st)
{
	uint32_t i;

	if (st->nr_ring_pages == 0 || st->nr_ring_pages > 1u << b->cfg.max_ring_order ||
	    (st->nr_ring_pages & (st->nr_ring_pages - 1)) || st->protocol > PV_BLKBACK_X86_64 ||
	    st->nr_queues > b->cfg.max_queues || st->persistent > 1)
		return false;
	/* Drained: every request that was taken was answered. */
	for (i = 0; i < st->nr_queues; i++)
		if (queue_of(st, i)->req_cons != queue_of(st, i)->rsp_prod)
			return false;
	return true;
}

int pv_blkback_import(struct pv_blkback *b, const struct pv_blkback_state *from, uint32_t size)
{
	struct pv_blkback_state st;
	int rc;

	memset(&st, 0, sizeof(st));
	memcpy(&st, from, size < sizeof(st) ? size : sizeof(st));
	if (st.nr_queues == 0)
		st.nr_queues = 1;
	if (b->connected || size < PV_BLKBACK_STATE_MIN || !pv_back_state_valid(st.state))
		return -PV_EINVAL;
	if (!st.connected) {
		b->conn.state = st.state;
		return 0;
	}
	if (!importable(b, &st))
		return -PV_EINVAL;
	/* A frontend goes on as it began; that we keep none of its maps does it no harm. */
	if (b->cfg.max_kept == 0)
		st.persistent = 0;
	rc = attach(b, &st);
	if (rc == 0)
		b->quiet = true;
	return rc;
}

int pv_blkback_resize(struct pv_blkback *b, uint64_t sectors)
{
	int rc;

	if (sectors > UINT64_MAX / 512 || sectors % (b->cfg.sector_size / 512))
		return -PV_EINVAL;
	b->cfg.sectors = sectors;
	rc = pv_back_write_u64(b->bus, "sectors", sectors);
	/* Frontends look at the size again when the state is written, even with the same
	 * value. */
	return rc < 0 ? rc : b->bus->switch_state(b->bus->ctx, (int)b->conn.state);
}
