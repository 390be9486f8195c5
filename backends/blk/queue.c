/*
 * Block backend: the data path of one queue. See pv/back/blk.h.
 *
 * Trust: the frontend is hostile, the disk and the bus are trusted. What reaches the disk has
 * been checked in request.c and lies in mappings that stay until the disk is done with it.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define PAGE 4096u

/* Places are carved from the caller's memory when first needed, so that a shallow user touches
 * little of it. */
static struct pv_blkback_io *io_get(struct pv_blkback_queue *q)
{
	struct pv_blkback *b = q->back;
	struct pv_blkback_io *io = q->free;
	uint8_t *p;

	if (io) {
		q->free = io->next;
		return io;
	}
	if (q->carved == b->cfg.depth)
		return NULL;
	p = q->mem + (uint64_t)q->carved++ * b->io_size;
	io = (struct pv_blkback_io *)p;
	memset(io, 0, sizeof(*io));
	io->map = (struct pv_back_map *)(p + sizeof(*io));
	io->iov = (struct pv_iov *)(io->map + b->segs);
	io->seg = (struct pv_blkif_request_segment *)(io->iov + b->segs);
	io->io.iov = io->iov;
	io->io.queue = (uint8_t)q->index;
	return io;
}

static void io_put(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	io->next = q->free;
	q->free = io;
}

void pv_blkback_break(struct pv_blkback *b, const char *reason)
{
	/* Two queues may find something at once: one reason, told once. */
	if (__atomic_exchange_n(&b->broken, true, __ATOMIC_ACQ_REL))
		return;
	b->reason = reason;
	if (b->bus->broken)
		b->bus->broken(b->bus->ctx, reason);
}

static void count(struct pv_blkback_queue *q, const struct pv_blkback_io *io, int status)
{
	struct pv_blkback_stats *s = &q->stats;

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

static void finish(struct pv_blkback_queue *q, struct pv_blkback_io *io, int status)
{
	const struct pv_back_bus *bus = q->back->bus;
	uint32_t i;

	/* Also after an error: part of the data may have arrived. */
	if (io->io.op == PV_BLK_READ && bus->dirty)
		for (i = 0; i < io->nr_iov; i++)
			bus->dirty(bus->ctx, io->iov[i].base, io->iov[i].len);
	pv_blkback_unmap(q, io);
	count(q, io, status);
	q->inflight--;
	if (io == q->barrier)
		q->barrier = NULL;
	if (!pv_blkback_broken(q->back))
		pv_blkback_respond(q, io->id, io->wire_op, wire_status(status));
	io_put(q, io);
}

static void submit(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	const struct pv_blk_disk *disk = q->back->disk;
	int rc = disk->submit(disk->ctx, &io->io);

	if (rc == -PV_EAGAIN) {
		io->next = q->stalled;
		q->stalled = io;
	} else if (rc < 0) {
		finish(q, io, rc);
	} else if (rc > 0) {
		q->enough = true;
	}
}

/* A flush with data, or a barrier, is several operations of the disk. */
static void next_step(struct pv_blkback_io *io)
{
	if (io->write_bytes) {
		io->io.op = PV_BLK_WRITE;
		io->io.bytes = io->write_bytes;
		io->io.n = io->nr_iov;
		io->write_bytes = 0;
	} else {
		io->io.op = PV_BLK_FLUSH;
		io->io.bytes = 0;
		io->io.n = 0;
		io->flush_after = false;
	}
}

void pv_blkback_done(struct pv_blkback *b, struct pv_blk_io *done, int status)
{
	struct pv_blkback_io *io = (struct pv_blkback_io *)done;
	struct pv_blkback_queue *q = &b->queue[done->queue];

	if (status > 0)
		status = -PV_EIO;
	if (status == 0 && (io->write_bytes || io->flush_after)) {
		count(q, io, 0);
		next_step(io);
		submit(q, io);
		return;
	}
	finish(q, io, status);
}

/* A barrier goes to the disk when everything before it is finished. */
static void run_barrier(struct pv_blkback_queue *q)
{
	if (!q->barrier || q->barrier_runs || q->inflight != 1)
		return;
	q->barrier_runs = true;
	submit(q, q->barrier);
}

/* Takes one request off the ring as far as it goes. */
static void start(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	struct pv_blkback_req r;
	int rc;

	pv_blkback_fetch(q, &r);
	rc = pv_blkback_check(q->back, &r, io);
	if (rc == 0 && pv_blkback_map(q, io) < 0)
		rc = PV_BLKIF_RSP_ERROR;
	if (rc != 0) {
		q->stats.errors++;
		pv_blkback_respond(q, r.id, r.op, (int16_t)rc);
		io_put(q, io);
		return;
	}
	q->inflight++;
	io->io.n = io->io.op == PV_BLK_FLUSH ? 0 : io->nr_iov;
	if (r.op != PV_BLKIF_OP_WRITE_BARRIER) {
		submit(q, io);
		return;
	}
	q->barrier = io;
	q->barrier_runs = false;
	run_barrier(q);
}

/* Requests that the disk refused for want of room. Those that it refuses again come back to
 * the list. */
static void retry(struct pv_blkback_queue *q)
{
	struct pv_blkback_io *io = q->stalled, *next;

	q->stalled = NULL;
	for (; io; io = next) {
		next = io->next;
		submit(q, io);
	}
}

/* A stopped device gives its mappings back without going to the disk again. */
static int abandon(struct pv_blkback_queue *q)
{
	struct pv_blkback_io *io = q->stalled, *next;

	q->stalled = NULL;
	for (; io; io = next) {
		next = io->next;
		finish(q, io, -PV_EIO);
	}
	if (q->barrier && !q->barrier_runs)
		finish(q, q->barrier, -PV_EIO);
	return -PV_EPROTO;
}

static bool may_take(const struct pv_blkback_queue *q)
{
	return !q->back->quiet && !q->stalled && !q->enough && !q->barrier;
}

int pv_blkback_work(struct pv_blkback *b, uint32_t index, uint32_t budget)
{
	struct pv_blkback_queue *q = &b->queue[index];
	uint32_t taken = 0;
	int n = 0;

	if (pv_blkback_broken(b))
		return abandon(q);
	if (!q->ring_va)
		return 0;
	q->enough = false;
	if (q->stalled)
		retry(q);
	run_barrier(q);
	while (taken < budget && may_take(q)) {
		struct pv_blkback_io *io;

		if (n == 0)
			n = pv_ring_back_pending(&q->ring);
		if (n < 0)
			pv_blkback_break(b, "request producer beyond the ring");
		if (n <= 0)
			break;
		io = io_get(q);
		if (!io)
			break;
		start(q, io);
		taken++;
		n--;
	}
	if (b->disk->commit)
		b->disk->commit(b->disk->ctx);
	pv_blkback_flush(b, index);
	if (pv_blkback_broken(b))
		return abandon(q);
	if (taken)
		return (int)taken;
	return q->stalled || q->barrier || n > 0 ? -PV_EAGAIN : 0;
}

void pv_blkback_flush(struct pv_blkback *b, uint32_t index)
{
	struct pv_blkback_queue *q = &b->queue[index];
	bool notify;

	if (!q->unpushed || !q->ring_va || pv_blkback_broken(b))
		return;
	q->unpushed = false;
	notify = pv_ring_back_push(&q->ring);
	if (b->bus->dirty)
		b->bus->dirty(b->bus->ctx, q->ring_va, (uint64_t)b->conn.nr_ring_pages * PAGE);
	if (notify) {
		q->stats.events++;
		b->bus->notify(b->bus->ctx, q->port);
	}
}

bool pv_blkback_arm(struct pv_blkback *b, uint32_t index)
{
	struct pv_blkback_queue *q = &b->queue[index];
	int n;

	if (!q->ring_va || b->quiet || pv_blkback_broken(b))
		return false;
	/* Who is out of places, or waits for a barrier, looks again after a completion. */
	if (q->stalled || q->barrier || (!q->free && q->carved == b->cfg.depth))
		return false;
	n = pv_ring_back_arm(&q->ring, 1);
	if (b->bus->dirty)
		b->bus->dirty(b->bus->ctx, q->ring_va, sizeof(struct pv_sring));
	return n != 0;
}
