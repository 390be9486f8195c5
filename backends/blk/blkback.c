/*
 * Block backend: what it is made with, and what is said of all its queues. See pv/back/blk.h.
 *
 * Trusts the caller's configuration and memory.
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

static uint32_t queues_of(const struct pv_blkback_config *cfg)
{
	return cfg->max_queues ? cfg->max_queues : 1;
}

static uint32_t io_size(const struct pv_blkback_config *cfg)
{
	uint32_t n = segs_of(cfg);
	uint32_t size = sizeof(struct pv_blkback_io) +
			n * (uint32_t)(sizeof(struct pv_back_map) + sizeof(struct pv_iov) +
				       sizeof(struct pv_blkif_request_segment));

	return (size + 15u) & ~15u;
}

static uint64_t queue_size(const struct pv_blkback_config *cfg)
{
	return (uint64_t)depth_of(cfg) * io_size(cfg) + pv_blkback_kept_size(cfg);
}

uint64_t pv_blkback_mem_size(const struct pv_blkback_config *cfg)
{
	return queues_of(cfg) * queue_size(cfg);
}

static bool valid(const struct pv_blkback_config *cfg)
{
	uint32_t ss = cfg->sector_size;

	return ss >= SECTOR && ss <= PAGE && (ss & (ss - 1)) == 0 &&
	       cfg->sectors <= UINT64_MAX / SECTOR && cfg->sectors % (ss / SECTOR) == 0 &&
	       cfg->max_ring_order <= 4 && cfg->max_segs <= PV_BLKBACK_MAX_SEGS &&
	       cfg->depth <= MAX_DEPTH && cfg->max_queues <= PV_BLKBACK_MAX_QUEUES &&
	       cfg->max_kept <= PV_BLKBACK_MAX_KEPT && (cfg->flush || !cfg->barrier) &&
	       (cfg->discard || !cfg->secure_discard);
}

int pv_blkback_init(struct pv_blkback *b, const struct pv_back_bus *bus,
		    const struct pv_blk_disk *disk, const struct pv_blkback_config *cfg, void *mem,
		    uint64_t len)
{
	uint32_t i;

	memset(b, 0, sizeof(*b));
	b->cfg = *cfg;
	if (b->cfg.sector_size == 0)
		b->cfg.sector_size = SECTOR;
	if (!valid(&b->cfg) || len < pv_blkback_mem_size(&b->cfg) || (uintptr_t)mem % 16)
		return -PV_EINVAL;
	b->cfg.depth = depth_of(&b->cfg);
	b->cfg.max_queues = queues_of(&b->cfg);
	b->bus = bus;
	b->disk = disk;
	b->segs = segs_of(&b->cfg);
	b->io_size = io_size(&b->cfg);
	b->conn.state = 1;
	for (i = 0; i < b->cfg.max_queues; i++) {
		struct pv_blkback_queue *q = &b->queue[i];

		q->back = b;
		q->index = i;
		q->mem = (uint8_t *)mem + i * queue_size(&b->cfg);
	}
	return 0;
}

uint32_t pv_blkback_queue_inflight(const struct pv_blkback *b, uint32_t q)
{
	return b->queue[q].inflight;
}

uint32_t pv_blkback_inflight(const struct pv_blkback *b)
{
	uint32_t i, n = 0;

	for (i = 0; i < b->cfg.max_queues; i++)
		n += b->queue[i].inflight;
	return n;
}

uint32_t pv_blkback_queues(const struct pv_blkback *b)
{
	return b->nr_queues;
}

void pv_blkback_quiesce(struct pv_blkback *b, bool on)
{
	uint32_t i;

	b->quiet = on;
	for (i = 0; on && i < b->nr_queues; i++)
		if (b->queue[i].inflight == 0)
			pv_blkback_kept_drop(&b->queue[i]);
}

void pv_blkback_stats(const struct pv_blkback *b, struct pv_blkback_stats *sum)
{
	uint32_t i;

	memset(sum, 0, sizeof(*sum));
	for (i = 0; i < b->cfg.max_queues; i++) {
		const struct pv_blkback_stats *s = &b->queue[i].stats;

		sum->reads += s->reads;
		sum->writes += s->writes;
		sum->flushes += s->flushes;
		sum->discards += s->discards;
		sum->errors += s->errors;
		sum->read_bytes += s->read_bytes;
		sum->written_bytes += s->written_bytes;
		sum->events += s->events;
		sum->reused += s->reused;
		sum->kept += b->queue[i].kept.n;
	}
}
