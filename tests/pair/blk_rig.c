/*
 * A block frontend and a block backend on one memory bus: see blk_rig.h.
 */
#include <stdlib.h>
#include <string.h>
#include "blk_rig.h"

static int submit(void *ctx, struct pv_blk_io *io)
{
	struct blk_rig *r = ctx;

	if (r->queued == RIG_QUEUE ||
	    (r->queued && !r->always_accepts && rng_below(&r->rng, 8) == 0))
		return -PV_EAGAIN;
	r->queue[r->queued++] = io;
	return r->has_enough || (!r->always_accepts && rng_below(&r->rng, 8) == 0);
}

static void transfer(struct blk_rig *r, struct pv_blk_io *io)
{
	uint8_t *p = r->data + io->sector * 512;
	uint32_t i;

	/* The backend promises that this lies on the disk. */
	if (io->sector * 512 + io->bytes > sizeof(r->data))
		abort();
	if (io->op == PV_BLK_DISCARD)
		memset(p, 0, io->bytes);
	if (io->op == PV_BLK_FLUSH)
		r->flushes++;
	for (i = 0; i < io->n; i++) {
		if (io->op == PV_BLK_READ)
			memcpy(io->iov[i].base, p, io->iov[i].len);
		else
			memcpy(p, io->iov[i].base, io->iov[i].len);
		p += io->iov[i].len;
	}
}

bool blk_rig_complete_one(struct blk_rig *r)
{
	struct pv_blk_io *io;
	unsigned i;

	if (!r->queued)
		return false;
	i = rng_below(&r->rng, r->queued);
	io = r->queue[i];
	r->queue[i] = r->queue[--r->queued];
	if (!r->fail_with)
		transfer(r, io);
	pv_blkback_done(&r->back, io, r->fail_with);
	return true;
}

void blk_rig_init(struct blk_rig *r, uint64_t seed)
{
	uint64_t len;

	memset(r, 0, sizeof(*r));
	mem_bus_init(&r->bus);
	r->rng.s = seed;
	r->disk = (struct pv_blk_disk){.size = sizeof(r->disk), .ctx = r, .submit = submit};
	r->bcfg = (struct pv_blkback_config){.sectors = RIG_SECTORS,
					     .flush = true,
					     .discard = true,
					     .discard_granularity = 4096,
					     .max_ring_order = rng_below(&r->rng, 3),
					     .max_segs = rng_below(&r->rng, 2) ? 64 : 0,
					     .depth = 1 + rng_below(&r->rng, 32),
					     .max_kept = rng_below(&r->rng, 3) * 16};
	r->fcfg = (struct pv_blkfront_config){.ring_order = rng_below(&r->rng, 3),
					      .max_segs = 8u << rng_below(&r->rng, 4),
					      .indirect = 1 + rng_below(&r->rng, 8),
					      .persistent = rng_below(&r->rng, 2)};
	len = pv_blkback_mem_size(&r->bcfg);
	r->mem = aligned_alloc(16, len);
	if (pv_blkback_init(&r->back, &r->bus.back, &r->disk, &r->bcfg, r->mem, len) < 0 ||
	    pv_blkfront_init(&r->front, &r->bus.front, &r->fcfg, NULL, NULL) < 0)
		abort();
}

void blk_rig_fini(struct blk_rig *r)
{
	free(r->mem);
	mem_bus_fini(&r->bus);
}

bool blk_rig_connect(struct blk_rig *r)
{
	int i, f = 0, b = 0;

	for (i = 0; i < 10; i++) {
		f = pv_blkfront_step(&r->front);
		b = pv_blkback_step(&r->back);
	}
	return f == PV_FRONT_CONNECTED && b == PV_BACK_CONNECTED;
}

void blk_rig_close(struct blk_rig *r)
{
	int i;

	pv_blkfront_close(&r->front);
	for (i = 0; i < 10; i++) {
		while (blk_rig_complete_one(r))
			;
		/* The backend may have some that its disk refused. */
		pv_blkback_work(&r->back, 0, 0);
		pv_blkback_step(&r->back);
		pv_blkfront_step(&r->front);
	}
}
