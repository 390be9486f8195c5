/*
 * A block frontend and a block backend on one memory bus, with a disk made of an array.
 *
 * The disk completes requests in random order and refuses some for a while; everything random
 * comes from one generator, so a seed is a run. Trust: test code.
 */
#ifndef TESTS_BLK_RIG_H
#define TESTS_BLK_RIG_H

#include <pv/back/blk.h>
#include <pv/front/blk.h>
#include "mem_bus.h"

#define RIG_SECTORS 512u
#define RIG_QUEUE   64u

struct blk_rig {
	struct mem_bus bus;
	struct pv_blkfront front;
	struct pv_blkback back;
	struct pv_blk_disk disk;
	struct pv_blkback_config bcfg;
	struct pv_blkfront_config fcfg;
	void *mem;
	struct rng rng;
	uint8_t data[RIG_SECTORS * 512];
	struct pv_blk_io *queue[RIG_QUEUE];
	unsigned queued, flushes;
	int fail_with;	     /* disk error for every request, 0: none */
	bool always_accepts; /* no -PV_EAGAIN from the disk, and never enough */
	bool has_enough;     /* after every request */
};

void blk_rig_init(struct blk_rig *r, uint64_t seed);
void blk_rig_fini(struct blk_rig *r);
/* Steps both sides until neither moves; true when both say connected. */
bool blk_rig_connect(struct blk_rig *r);
/* Completes one queued request, chosen at random; false if there was none. */
bool blk_rig_complete_one(struct blk_rig *r);
/* Closes from the front and completes what is in flight; both ends are closed after it. */
void blk_rig_close(struct blk_rig *r);

#endif
