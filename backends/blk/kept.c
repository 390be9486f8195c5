/*
 * Block backend: maps kept for reuse (persistent grants).
 *
 * A bounded table of maps by grant reference; the idle ones form a list by when they were last
 * used, and the oldest makes room for a new one. While a map is kept the frontend cannot end that
 * grant: so idle ones are given back by trim() and at every disconnect.
 *
 * Trust: references are the frontend's numbers: any of them, several times in one request and in
 * many at once, so a map is held by a count, not by a mark. What a frontend does to the entry
 * behind a live map is the grant table's business.
 */
#include "../../libpv/common/mem.h"
#include "internal.h"

#define NONE PV_BLKBACK_NOT_KEPT

struct pv_blkback_kept_map {
	struct pv_back_map map;
	uint32_t users;
	uint16_t next;	       /* in the bucket, or in the free list */
	uint16_t older, newer; /* in the list of idle ones */
	bool used;	       /* since the last trim */
};

static uint32_t buckets_of(const struct pv_blkback_config *cfg)
{
	uint32_t n = 1;

	while (n < cfg->max_kept)
		n *= 2;
	return n;
}

uint32_t pv_blkback_kept_size(const struct pv_blkback_config *cfg)
{
	uint32_t size = cfg->max_kept * (uint32_t)sizeof(struct pv_blkback_kept_map) +
			buckets_of(cfg) * (uint32_t)sizeof(uint16_t);

	return cfg->max_kept ? (size + 15u) & ~15u : 0;
}

void pv_blkback_kept_init(struct pv_blkback_queue *q, void *mem)
{
	struct pv_blkback_kept *k = &q->kept;

	memset(k, 0, sizeof(*k));
	k->free = k->oldest = k->newest = NONE;
	if (q->back->cfg.max_kept == 0)
		return;
	k->buckets = buckets_of(&q->back->cfg);
	k->map = mem;
	k->bucket = (uint16_t *)(k->map + q->back->cfg.max_kept);
	memset(k->bucket, 0xff, k->buckets * sizeof(*k->bucket));
}

static uint16_t *bucket(struct pv_blkback_kept *k, uint32_t ref)
{
	return &k->bucket[ref & (k->buckets - 1)];
}

static uint16_t find(struct pv_blkback_kept *k, uint32_t ref)
{
	uint16_t i = *bucket(k, ref);

	while (i != NONE && k->map[i].map.ref != ref)
		i = k->map[i].next;
	return i;
}

static void idle_add(struct pv_blkback_kept *k, uint16_t i)
{
	k->map[i].newer = NONE;
	k->map[i].older = k->newest;
	if (k->newest != NONE)
		k->map[k->newest].newer = i;
	else
		k->oldest = i;
	k->newest = i;
}

static void idle_remove(struct pv_blkback_kept *k, uint16_t i)
{
	const struct pv_blkback_kept_map *m = &k->map[i];

	if (m->older != NONE)
		k->map[m->older].newer = m->newer;
	else
		k->oldest = m->newer;
	if (m->newer != NONE)
		k->map[m->newer].older = m->older;
	else
		k->newest = m->older;
}

/* Ends an idle map. */
static void evict(struct pv_blkback_queue *q, uint16_t i)
{
	const struct pv_back_bus *bus = q->back->bus;
	struct pv_blkback_kept *k = &q->kept;
	uint16_t *p = bucket(k, k->map[i].map.ref);

	while (*p != i)
		p = &k->map[*p].next;
	*p = k->map[i].next;
	idle_remove(k, i);
	bus->unmap(bus->ctx, &k->map[i].map, 1);
	k->map[i].next = k->free;
	k->free = i;
	k->n--;
}

static uint16_t place(struct pv_blkback_queue *q)
{
	struct pv_blkback_kept *k = &q->kept;
	uint16_t i;

	if (k->free == NONE && k->carved < q->back->cfg.max_kept)
		return (uint16_t)k->carved++;
	if (k->free == NONE && k->oldest != NONE)
		evict(q, k->oldest);
	i = k->free;
	if (i != NONE)
		k->free = k->map[i].next;
	return i;
}

uint16_t pv_blkback_kept_get(struct pv_blkback_queue *q, uint32_t ref)
{
	struct pv_blkback_kept *k = &q->kept;
	uint16_t i = find(k, ref);

	if (i == NONE)
		return i;
	if (k->map[i].users++ == 0)
		idle_remove(k, i);
	k->map[i].used = true;
	return i;
}

uint16_t pv_blkback_kept_add(struct pv_blkback_queue *q, const struct pv_back_map *map)
{
	struct pv_blkback_kept *k = &q->kept;
	uint16_t i = find(k, map->ref) == NONE ? place(q) : NONE;

	if (i == NONE)
		return i;
	k->map[i] = (struct pv_blkback_kept_map){
		.map = *map, .users = 1, .next = *bucket(k, map->ref), .used = true};
	*bucket(k, map->ref) = i;
	k->n++;
	return i;
}

void pv_blkback_kept_put(struct pv_blkback_queue *q, uint16_t kept)
{
	struct pv_blkback_kept *k = &q->kept;

	if (--k->map[kept].users == 0)
		idle_add(k, kept);
}

void *pv_blkback_kept_va(const struct pv_blkback_queue *q, uint16_t kept)
{
	return q->kept.map[kept].map.va;
}

void pv_blkback_kept_drop(struct pv_blkback_queue *q)
{
	while (q->kept.n && q->kept.oldest != NONE)
		evict(q, q->kept.oldest);
}

uint32_t pv_blkback_trim(struct pv_blkback *b, uint32_t index)
{
	struct pv_blkback_queue *q = &b->queue[index];
	struct pv_blkback_kept *k = &q->kept;
	uint16_t i, next;

	for (i = k->n ? k->oldest : NONE; i != NONE; i = next) {
		next = k->map[i].newer;
		if (!k->map[i].used)
			evict(q, i);
		else
			k->map[i].used = false;
	}
	return k->n;
}
