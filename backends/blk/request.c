/*
 * Block backend: one request, from the ring to a checked description.
 *
 * Trust: everything here is the frontend's. The ring slot is copied once and then only the copy
 * is read (XSA-155); the indirect segments likewise, through a grant copy.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define SECTOR	       512u
#define SECTORS_A_PAGE 8u

uint32_t pv_blkback_entry(uint32_t protocol)
{
	return protocol == PV_BLKBACK_X86_32 ? sizeof(struct pv_blkif_x86_32_request)
					     : sizeof(struct pv_blkif_request);
}

union slot {
	struct pv_blkif_request rw;
	struct pv_blkif_request_discard discard;
	struct pv_blkif_request_indirect indirect;
	struct pv_blkif_x86_32_request rw32;
	struct pv_blkif_x86_32_request_discard discard32;
	struct pv_blkif_x86_32_request_indirect indirect32;
};

/* The two layouts differ in where the 64-bit fields lie; op and nr_segments are the same in
 * both. */
#define UNPACK(rw_, discard_, indirect_)                                  \
	do {                                                              \
		r->id = s.rw_.id;                                         \
		r->sector = s.rw_.sector_number;                          \
		if (r->op == PV_BLKIF_OP_DISCARD) {                       \
			r->flag = s.discard_.flag;                        \
			r->nr_segs = 0;                                   \
			r->nr_sectors = s.discard_.nr_sectors;            \
		} else if (r->op == PV_BLKIF_OP_INDIRECT) {               \
			r->indirect = true;                               \
			r->op = s.indirect_.indirect_op;                  \
			r->nr_segs = s.indirect_.nr_segments;             \
			r->indirect_gref = s.indirect_.indirect_grefs[0]; \
		} else {                                                  \
			memcpy(r->seg, s.rw_.seg, sizeof(r->seg));        \
		}                                                         \
	} while (0)

void pv_blkback_fetch(struct pv_blkback_queue *q, struct pv_blkback_req *r)
{
	union slot s;

	pv_ring_back_take(&q->ring, &s, q->ring.entry);
	memset(r, 0, sizeof(*r));
	r->op = s.rw.operation;
	r->nr_segs = s.rw.nr_segments;
	if (q->back->conn.protocol == PV_BLKBACK_X86_32)
		UNPACK(rw32, discard32, indirect32);
	else
		UNPACK(rw, discard, indirect);
}

/* [sector, sector + n) lies on the disk; no sum wraps. */
static bool on_disk(const struct pv_blkback *b, uint64_t sector, uint64_t n)
{
	return sector <= b->cfg.sectors && n <= b->cfg.sectors - sector;
}

static bool aligned(const struct pv_blkback *b, uint64_t sectors)
{
	/* A power of two: no division for each segment. */
	return (sectors & (b->cfg.sector_size / SECTOR - 1)) == 0;
}

/* Segments as the frontend wrote them, in private memory; a request has at most 256 of them. */
static int fetch_segments(struct pv_blkback *b, const struct pv_blkback_req *r,
			  struct pv_blkback_io *io)
{
	struct pv_back_copy c = {.ref = r->indirect_gref, .local = io->seg};

	if (!r->indirect) {
		if (r->nr_segs > PV_BLKIF_MAX_SEGMENTS_PER_REQUEST)
			return PV_BLKIF_RSP_ERROR;
		memcpy(io->seg, r->seg, r->nr_segs * sizeof(*io->seg));
		return 0;
	}
	if (r->nr_segs > b->cfg.max_segs)
		return PV_BLKIF_RSP_ERROR;
	c.len = (uint16_t)(r->nr_segs * sizeof(*io->seg));
	return b->bus->copy(b->bus->ctx, &c, 1) == 0 ? 0 : PV_BLKIF_RSP_ERROR;
}

static int check_rw(struct pv_blkback *b, const struct pv_blkback_req *r, struct pv_blkback_io *io)
{
	uint64_t n = 0;
	uint32_t i;

	if (r->nr_segs == 0 || fetch_segments(b, r, io) != 0)
		return PV_BLKIF_RSP_ERROR;
	for (i = 0; i < r->nr_segs; i++) {
		const struct pv_blkif_request_segment *s = &io->seg[i];
		uint32_t len = s->last_sect + 1u - s->first_sect;

		if (s->last_sect >= SECTORS_A_PAGE || s->first_sect > s->last_sect ||
		    !aligned(b, len))
			return PV_BLKIF_RSP_ERROR;
		n += len;
	}
	if (!on_disk(b, r->sector, n) || !aligned(b, r->sector))
		return PV_BLKIF_RSP_ERROR;
	io->nr_map = r->nr_segs;
	io->io.sector = r->sector;
	io->io.bytes = n * SECTOR;
	return 0;
}

static int check_discard(struct pv_blkback *b, const struct pv_blkback_req *r,
			 struct pv_blkback_io *io)
{
	bool secure = r->flag == PV_BLKIF_DISCARD_SECURE && b->cfg.secure_discard;

	if (!b->cfg.discard || (r->flag != 0 && !secure))
		return PV_BLKIF_RSP_EOPNOTSUPP;
	if (b->cfg.readonly || r->nr_sectors == 0 || !on_disk(b, r->sector, r->nr_sectors) ||
	    !aligned(b, r->sector) || !aligned(b, r->nr_sectors))
		return PV_BLKIF_RSP_ERROR;
	io->io.op = PV_BLK_DISCARD;
	io->io.secure = secure;
	io->io.sector = r->sector;
	io->io.bytes = r->nr_sectors * SECTOR;
	return 0;
}

/* A flush with data is a flush, then a write. */
static int check_flush(struct pv_blkback *b, const struct pv_blkback_req *r,
		       struct pv_blkback_io *io)
{
	int rc;

	io->io.op = PV_BLK_FLUSH;
	if (r->nr_segs == 0)
		return 0;
	rc = b->cfg.readonly ? PV_BLKIF_RSP_ERROR : check_rw(b, r, io);
	io->write_bytes = io->io.bytes;
	io->io.bytes = 0;
	return rc;
}

int pv_blkback_check(struct pv_blkback *b, const struct pv_blkback_req *r, struct pv_blkback_io *io)
{
	io->id = r->id;
	io->wire_op = r->op;
	io->nr_map = io->nr_iov = 0;
	io->write_bytes = 0;
	io->flush_after = io->io.secure = false;
	io->io.sector = io->io.bytes = 0;
	io->io.n = 0;

	/* Only reads and writes come with indirect segments. */
	if (r->indirect &&
	    (b->cfg.max_segs == 0 || (r->op != PV_BLKIF_OP_READ && r->op != PV_BLKIF_OP_WRITE)))
		return PV_BLKIF_RSP_EOPNOTSUPP;

	switch (r->op) {
	case PV_BLKIF_OP_READ: io->io.op = PV_BLK_READ; return check_rw(b, r, io);
	case PV_BLKIF_OP_WRITE:
		io->io.op = PV_BLK_WRITE;
		return b->cfg.readonly ? PV_BLKIF_RSP_ERROR : check_rw(b, r, io);
	case PV_BLKIF_OP_WRITE_BARRIER:
		if (!b->cfg.barrier)
			return PV_BLKIF_RSP_EOPNOTSUPP;
		io->flush_after = r->nr_segs != 0;
		return check_flush(b, r, io);
	case PV_BLKIF_OP_FLUSH_DISKCACHE:
		return b->cfg.flush ? check_flush(b, r, io) : PV_BLKIF_RSP_EOPNOTSUPP;
	case PV_BLKIF_OP_DISCARD: return check_discard(b, r, io);
	default: return PV_BLKIF_RSP_EOPNOTSUPP;
	}
}

void pv_blkback_respond(struct pv_blkback_queue *q, uint64_t id, uint8_t op, int16_t status)
{
	union {
		struct pv_blkif_response native;
		struct pv_blkif_x86_32_response x86_32;
	} rsp;

	/* The padding goes to the guest, too (XSA-216). */
	memset(&rsp, 0, sizeof(rsp));
	if (q->back->conn.protocol == PV_BLKBACK_X86_32) {
		rsp.x86_32.id = id;
		rsp.x86_32.operation = op;
		rsp.x86_32.status = status;
		pv_ring_back_respond(&q->ring, &rsp, sizeof(rsp.x86_32));
	} else {
		rsp.native.id = id;
		rsp.native.operation = op;
		rsp.native.status = status;
		pv_ring_back_respond(&q->ring, &rsp, sizeof(rsp.native));
	}
	q->unpushed = true;
}
