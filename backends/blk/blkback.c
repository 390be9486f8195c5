/*
 * Block backend: the data path. See pv/back/blk.h.
 *
 * Trust: the frontend is hostile, the disk and the bus are trusted. What reaches the disk has
 * been checked in request.c and lies in mappings that stay until the disk is done with it.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define SECTOR	      512u
#define PAGE	      4096u
#define DEFAULT_DEPTH 64u
#define MAX_DEPTH     1024u

static uint32_t segs_of(const struct pv_blkback_config *cfg)
{
	return cfg->max_segs > PV_BLKIF_MAX_SEGMENTS_PER_REQUEST
		       ? cfg->max_segs
		       : PV_BLKIF_MAX_SEGMENTS_PER_REQUEST;
}

static uint32_t depth_of(const struct pv_blkback_config *cfg)
{
	return cfg->depth ? cfg->depth : DEFAULT_DEPTH;
}

static uint32_t io_size(const struct pv_blkback_config *cfg)
{
	uint32_t n = segs_of(cfg);
	uint32_t size = sizeof(struct pv_blkback_io) +
			n * (uint32_t)(sizeof(struct pv_back_map) + sizeof(struct pv_iov) +
				       sizeof(struct pv_blkif_request_segment));

	return (size + 15u) & ~15u;
}

uint64_t pv_blkback_mem_size(const struct pv_blkback_config *cfg)
{
	return (uint64_t)depth_of(cfg) * io_size(cfg);
}

static bool valid(const struct pv_blkback_config *cfg)
{
	uint32_t ss = cfg->sector_size;

	return ss >= SECTOR && ss <= PAGE && (ss & (ss - 1)) == 0 &&
	       cfg->sectors <= UINT64_MAX / SECTOR && cfg->sectors % (ss / SECTOR) == 0 &&
	       cfg->max_ring_order <= 4 && cfg->max_segs <= PV_BLKBACK_MAX_SEGS &&
	       depth_of(cfg) <= MAX_DEPTH;
}

int pv_blkback_init(struct pv_blkback *b, const struct pv_back_bus *bus,
		    const struct pv_blk_disk *disk, const struct pv_blkback_config *cfg, void *mem,
		    uint64_t len)
{
	memset(b, 0, sizeof(*b));
	b->cfg = *cfg;
	if (b->cfg.sector_size == 0)
		b->cfg.sector_size = SECTOR;
	if (!valid(&b->cfg) || len < pv_blkback_mem_size(&b->cfg) || (uintptr_t)mem % 16)
		return -PV_EINVAL;
	b->bus = bus;
	b->disk = disk;
	b->mem = mem;
	b->segs = segs_of(&b->cfg);
	b->io_size = io_size(&b->cfg);
	b->conn.state = 1;
	return 0;
}

/* Places are carved from the caller's memory when first needed, so that a shallow user touches
 * little of it. */
static struct pv_blkback_io *io_get(struct pv_blkback *b)
{
	struct pv_blkback_io *io = b->free;
	uint8_t *p;

	if (io) {
		b->free = io->next;
		return io;
	}
	if (b->carved == depth_of(&b->cfg))
		return NULL;
	p = b->mem + (uint64_t)b->carved++ * b->io_size;
	io = (struct pv_blkback_io *)p;
	memset(io, 0, sizeof(*io));
	io->map = (struct pv_back_map *)(p + sizeof(*io));
	io->iov = (struct pv_iov *)(io->map + b->segs);
	io->seg = (struct pv_blkif_request_segment *)(io->iov + b->segs);
	io->io.iov = io->iov;
	return io;
}

static void io_put(struct pv_blkback *b, struct pv_blkback_io *io)
{
	io->next = b->free;
	b->free = io;
}

void pv_blkback_break(struct pv_blkback *b, const char *reason)
{
	if (b->broken)
		return;
	b->broken = true;
	b->reason = reason;
	if (b->bus->broken)
		b->bus->broken(b->bus->ctx, reason);
}

/* Ends the mappings that succeeded, in runs: a failed one may lie between them. */
static void unmap(struct pv_blkback *b, struct pv_blkback_io *io)
{
	uint32_t i = 0, n;

	while (i < io->nr_map) {
		for (n = 0; i + n < io->nr_map && io->map[i + n].status == 0; n++)
			;
		if (n)
			b->bus->unmap(b->bus->ctx, &io->map[i], n);
		i += n + 1;
	}
	io->nr_map = 0;
}

static int map(struct pv_blkback *b, struct pv_blkback_io *io)
{
	bool readonly = io->io.op != PV_BLK_READ;
	uint32_t i;

	if (io->nr_map == 0)
		return 0;
	for (i = 0; i < io->nr_map; i++)
		io->map[i] = (struct pv_back_map){
			.ref = io->seg[i].gref, .readonly = readonly, .status = -PV_EINVAL};
	if (b->bus->map(b->bus->ctx, io->map, io->nr_map) != 0) {
		unmap(b, io);
		return -PV_EIO;
	}
	for (i = 0; i < io->nr_map; i++) {
		const struct pv_blkif_request_segment *s = &io->seg[i];
		uint8_t *base = (uint8_t *)io->map[i].va + s->first_sect * SECTOR;
		uint64_t len = (s->last_sect + 1u - s->first_sect) * SECTOR;
		struct pv_iov *last = io->nr_iov ? &io->iov[io->nr_iov - 1] : NULL;

		if (last && (uint8_t *)last->base + last->len == base)
			last->len += len;
		else
			io->iov[io->nr_iov++] = (struct pv_iov){.base = base, .len = len};
	}
	return 0;
}

static void count(struct pv_blkback *b, const struct pv_blkback_io *io, int status)
{
	struct pv_blkback_stats *s = &b->stats;

	if (status) {
		s->errors++;
		return;
	}
	switch (io->io.op) {
	case PV_BLK_READ:
		s->reads++;
		s->read_bytes += io->io.bytes;
		break;
	case PV_BLK_WRITE:
		s->writes++;
		s->written_bytes += io->io.bytes;
		break;
	case PV_BLK_FLUSH: s->flushes++; break;
	default: s->discards++; break;
	}
}

static int16_t wire_status(int status)
{
	if (status == 0)
		return PV_BLKIF_RSP_OKAY;
	return status == -PV_EOPNOTSUPP ? PV_BLKIF_RSP_EOPNOTSUPP : PV_BLKIF_RSP_ERROR;
}

static void finish(struct pv_blkback *b, struct pv_blkback_io *io, int status)
{
	uint32_t i;

	/* Also after an error: part of the data may have arrived. */
	if (io->io.op == PV_BLK_READ && b->bus->dirty)
		for (i = 0; i < io->nr_iov; i++)
			b->bus->dirty(b->bus->ctx, io->iov[i].base, io->iov[i].len);
	unmap(b, io);
	count(b, io, status);
	b->inflight--;
	if (!b->broken)
		pv_blkback_respond(b, io->id, io->wire_op, wire_status(status));
	io_put(b, io);
}

static void submit(struct pv_blkback *b, struct pv_blkback_io *io)
{
	int rc = b->disk->submit(b->disk->ctx, &io->io);

	if (rc == -PV_EAGAIN) {
		io->next = b->stalled;
		b->stalled = io;
	} else if (rc < 0) {
		finish(b, io, rc);
	} else if (rc > 0) {
		b->enough = true;
	}
}

void pv_blkback_done(struct pv_blkback *b, struct pv_blk_io *done, int status)
{
	struct pv_blkback_io *io = (struct pv_blkback_io *)done;

	if (status > 0)
		status = -PV_EIO;
	if (status == 0 && io->write_bytes) {
		io->io.op = PV_BLK_WRITE;
		io->io.bytes = io->write_bytes;
		io->io.n = io->nr_iov;
		io->write_bytes = 0;
		submit(b, io);
		return;
	}
	finish(b, io, status);
}

/* Takes one request off the ring as far as it goes. */
static void start(struct pv_blkback *b, struct pv_blkback_io *io)
{
	struct pv_blkback_req r;
	int rc;

	pv_blkback_fetch(b, &r);
	b->inflight++;
	rc = pv_blkback_check(b, &r, io);
	if (rc == 0 && map(b, io) < 0)
		rc = PV_BLKIF_RSP_ERROR;
	if (rc != 0) {
		io->nr_map = 0;
		b->inflight--;
		b->stats.errors++;
		pv_blkback_respond(b, r.id, r.op, (int16_t)rc);
		io_put(b, io);
		return;
	}
	io->io.n = io->io.op == PV_BLK_FLUSH ? 0 : io->nr_iov;
	submit(b, io);
}

/* Requests that the disk refused for want of room. Those that it refuses again come back to
 * the list. */
static void retry(struct pv_blkback *b)
{
	struct pv_blkback_io *io = b->stalled, *next;

	b->stalled = NULL;
	for (; io; io = next) {
		next = io->next;
		submit(b, io);
	}
}

/* A stopped device gives its mappings back without going to the disk again. */
static int abandon(struct pv_blkback *b)
{
	struct pv_blkback_io *io = b->stalled, *next;

	b->stalled = NULL;
	for (; io; io = next) {
		next = io->next;
		finish(b, io, -PV_EIO);
	}
	return -PV_EPROTO;
}

int pv_blkback_work(struct pv_blkback *b, uint32_t budget)
{
	uint32_t taken = 0;
	int n = 0;

	if (b->broken)
		return abandon(b);
	if (!b->connected)
		return 0;
	b->enough = false;
	if (b->stalled)
		retry(b);
	while (!b->quiet && !b->stalled && !b->enough && taken < budget) {
		struct pv_blkback_io *io;

		if (n == 0)
			n = pv_ring_back_pending(&b->ring);
		if (n < 0)
			pv_blkback_break(b, "request producer beyond the ring");
		if (n <= 0)
			break;
		io = io_get(b);
		if (!io)
			break;
		start(b, io);
		taken++;
		n--;
	}
	if (b->disk->commit)
		b->disk->commit(b->disk->ctx);
	pv_blkback_flush(b);
	if (b->broken)
		return abandon(b);
	if (taken)
		return (int)taken;
	return b->stalled || n > 0 ? -PV_EAGAIN : 0;
}

void pv_blkback_flush(struct pv_blkback *b)
{
	bool notify;

	if (!b->unpushed || !b->connected || b->broken)
		return;
	b->unpushed = false;
	notify = pv_ring_back_push(&b->ring);
	if (b->bus->dirty)
		b->bus->dirty(b->bus->ctx, b->ring_va, (uint64_t)b->conn.nr_ring_pages * PAGE);
	if (notify)
		b->bus->notify(b->bus->ctx, b->port);
}

bool pv_blkback_arm(struct pv_blkback *b)
{
	int n;

	if (!b->connected || b->broken || b->quiet)
		return false;
	/* Who is out of places looks again after a completion, not after an event. */
	if (b->stalled || (!b->free && b->carved == depth_of(&b->cfg)))
		return false;
	n = pv_ring_back_arm(&b->ring, 1);
	if (b->bus->dirty)
		b->bus->dirty(b->bus->ctx, b->ring_va, sizeof(struct pv_sring));
	return n != 0;
}

uint32_t pv_blkback_inflight(const struct pv_blkback *b)
{
	return b->inflight;
}

void pv_blkback_quiesce(struct pv_blkback *b, bool on)
{
	b->quiet = on;
}
