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
		{"feature-discard", c->discard, true},
		{"discard-granularity", c->discard_granularity, c->discard},
		{"discard-alignment", c->discard_alignment, c->discard},
		{"feature-max-indirect-segments", c->max_segs, c->max_segs != 0},
		{"max-ring-page-order", c->max_ring_order, true},
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

static int read_front(const struct pv_blkback *b, struct pv_blkback_state *st)
{
	uint64_t order = 0, v;
	uint32_t i;
	int rc;

	rc = pv_back_read_u64(b->bus, "ring-page-order", b->cfg.max_ring_order, &order);
	if (rc < 0 && rc != -PV_ENOENT)
		return -PV_EPROTO;
	st->nr_ring_pages = 1u << order;
	for (i = 0; i < st->nr_ring_pages; i++) {
		char key[PV_KEY_LEN];
		const char *name = rc == 0 ? pv_key_indexed(key, "ring-ref", i) : "ring-ref";
		int e = pv_back_read_u64(b->bus, name, UINT32_MAX, &v);

		/* Some frontends write an order of 0 and the old key. */
		if (e == -PV_ENOENT && order == 0)
			e = pv_back_read_u64(b->bus, "ring-ref", UINT32_MAX, &v);
		if (e < 0)
			return -PV_EPROTO;
		st->ring_ref[i] = (uint32_t)v;
	}
	if (pv_back_read_u64(b->bus, "event-channel", UINT32_MAX, &v) < 0)
		return -PV_EPROTO;
	st->front_port = (uint32_t)v;
	rc = read_protocol(b, &st->protocol);
	return rc < 0 ? -PV_EPROTO : 0;
}

/* Maps and binds what st names. */
static int attach(struct pv_blkback *b, const struct pv_blkback_state *st)
{
	void *va;
	int rc = b->bus->map_ring(b->bus->ctx, st->ring_ref, st->nr_ring_pages, &va);

	if (rc < 0)
		return rc;
	rc = b->bus->bind(b->bus->ctx, st->front_port);
	if (rc < 0) {
		b->bus->unmap_ring(b->bus->ctx, va, st->nr_ring_pages);
		return rc;
	}
	b->port = (uint32_t)rc;
	b->ring_va = va;
	b->conn = *st;
	pv_ring_back_init(&b->ring, va, st->nr_ring_pages * PAGE, pv_blkback_entry(st->protocol),
			  st->req_cons, st->rsp_prod);
	b->connected = true;
	b->broken = b->unpushed = false;
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
	uint32_t state = b->conn.state;

	if (!b->connected)
		return 0;
	/* From here on nothing is taken; what is at the disk still holds mappings. */
	if (b->inflight) {
		b->quiet = true;
		return -PV_EAGAIN;
	}
	pv_blkback_flush(b);
	b->bus->unbind(b->bus->ctx, b->port);
	b->bus->unmap_ring(b->bus->ctx, b->ring_va, b->conn.nr_ring_pages);
	memset(&b->conn, 0, sizeof(b->conn));
	memset(&b->ring, 0, sizeof(b->ring));
	b->conn.state = state;
	b->ring_va = NULL;
	b->connected = b->quiet = b->broken = false;
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
	if (b->inflight)
		return -PV_EBUSY;
	if (b->broken)
		return -PV_EPROTO;
	pv_blkback_flush(b);
	*st = b->conn;
	if (b->connected) {
		st->req_cons = b->ring.req;
		st->rsp_prod = b->ring.rsp;
	}
	return 0;
}

int pv_blkback_import(struct pv_blkback *b, const struct pv_blkback_state *st)
{
	int rc;

	if (b->connected || !pv_back_state_valid(st->state))
		return -PV_EINVAL;
	if (!st->connected) {
		b->conn.state = st->state;
		return 0;
	}
	/* Drained: every request that was taken was answered. */
	if (st->nr_ring_pages == 0 || st->nr_ring_pages > 1u << b->cfg.max_ring_order ||
	    (st->nr_ring_pages & (st->nr_ring_pages - 1)) || st->protocol > PV_BLKBACK_X86_64 ||
	    st->req_cons != st->rsp_prod)
		return -PV_EINVAL;
	rc = attach(b, st);
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
