/*
 * Guest-physical space: regions, and the pages that have become otherwise.
 *
 * A page outside the regions is memory only with the engine's help (frame_set), since the engine told its CPUs of the regions alone. A
 * page inside that was given back is memory for the CPUs still: a guest that looks there finds new zeros and harms itself.
 *
 * Large pages (hugetlbfs) are a pool with an end, and who touches one that is not there dies of SIGBUS: this process, when the guest puts a frame
 * of the machine there. So the regions are filled before the guest starts and nothing of them is given back to the host, and a page outside is allocated
 * before it counts as memory, or refused.
 */
#include <fcntl.h>
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include "domain/domain.h"

#define LARGE_ORDER 9
#define LARGE	    (4096ull << LARGE_ORDER)

static bool bit(const uint64_t *map, uint64_t gfn)
{
	return map && map[gfn / 64] >> (gfn % 64) & 1;
}

/* The map is there. */
static void put_bit(uint64_t *map, uint64_t gfn, bool value)
{
	uint64_t mask = 1ull << (gfn % 64);

	map[gfn / 64] = value ? map[gfn / 64] | mask : map[gfn / 64] & ~mask;
}

size_t space_odd_size(const struct space *s)
{
	return (size_t)((s->size >> 18) + 1) * sizeof(uint64_t);
}

/* Untouched parts of it cost nothing. */
static int need_map(const struct space *s, uint64_t **map)
{
	if (!*map)
		*map = calloc(1, space_odd_size(s));
	return *map ? 0 : -PV_ENOMEM;
}

static bool in_regions(const struct space *s, uint64_t gfn)
{
	for (unsigned i = 0; i < s->nregions; i++)
		if (gfn - (s->region[i].gpa >> 12) < s->region[i].size >> 12)
			return true;
	return false;
}

/* Memory of its own, whatever it shows now. */
static bool is_own(const struct space *s, uint64_t gfn)
{
	return in_regions(s, gfn) != bit(s->odd, gfn);
}

int space_create(struct space *s, uint64_t size, const struct engine_region *region, unsigned n,
		 unsigned flags)
{
	*s = (struct space){.fd = -1, .size = size, .nregions = n};
	s->large = flags & ENGINE_RAM_HUGE;
	if (s->large)
		s->size = (size + LARGE - 1) & ~(LARGE - 1);
	if (n) {
		memcpy(s->region, region, n * sizeof(*region));
	} else {
		s->nregions = 1;
		s->region[0].size = s->size;
	}
	return engine_ram_create(s->size, flags, &s->fd, &s->ram);
}

uint64_t space_ram(const struct space *s)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < s->nregions; i++)
		sum += s->region[i].size;
	return sum;
}

void *space_at(const struct space *s, uint64_t gpa, uint32_t len)
{
	uint64_t gfn = gpa >> 12;

	if (gpa >= s->size || len > s->size - gpa)
		return NULL;
	if (!is_own(s, gfn) && !bit(s->overlay, gfn))
		return NULL;
	return (char *)s->ram + gpa;
}

/* Whether all of 2^order pages from gfn on are in the span, none shows another, and each is memory or each is not. */
static bool all(const struct space *s, uint64_t gfn, unsigned order, bool memory)
{
	uint64_t pages = s->size >> 12;

	if (order >= 20 || gfn >= pages || 1ull << order > pages - gfn)
		return false;
	for (uint64_t i = gfn; i < gfn + (1ull << order); i++)
		if (is_own(s, i) != memory || bit(s->overlay, i))
			return false;
	return true;
}

static int take_large(struct space *s, uint64_t gfn)
{
	uint64_t n = gfn >> LARGE_ORDER;

	for (unsigned i = 0; i < s->ntaken; i++)
		if (s->taken[i] == n)
			return 0;
	if (s->ntaken == SPACE_LARGE_MAX || fallocate(s->fd, 0, (off_t)(n * LARGE), (off_t)LARGE))
		return -PV_ENOMEM;
	s->taken[s->ntaken++] = n;
	return 0;
}

/* The page has changed sides; outside the regions the engine is told. */
static int set_own(struct domain *d, uint64_t gfn, bool own)
{
	struct space *s = &d->space;
	int rc = 0;

	if (in_regions(s, gfn)) {
		put_bit(s->odd, gfn, !own);
		return 0;
	}
	if (own && s->large)
		rc = take_large(s, gfn);
	if (rc >= 0)
		rc = d->impl->frame_set ? d->impl->frame_set(d->engine, gfn, own) : -PV_EINVAL;
	if (rc >= 0)
		put_bit(s->odd, gfn, own);
	return rc;
}

int space_release(struct domain *d, uint64_t gfn, unsigned order)
{
	struct space *s = &d->space;

	if (!all(s, gfn, order, true))
		return -PV_EINVAL;
	if (need_map(s, &s->odd))
		return -PV_ENOMEM;
	if (!s->large && fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				   (off_t)(gfn << 12), (off_t)(4096ull << order)))
		return -PV_ENOMEM;
	d->impl->mark_dirty(d->engine, gfn << 12, 4096ull << order);
	for (uint64_t i = 0; i < 1ull << order; i++)
		set_own(d, gfn + i, false);
	return 0;
}

int space_populate(struct domain *d, uint64_t gfn, unsigned order)
{
	struct space *s = &d->space;
	uint64_t i;
	int rc = 0;

	if (!all(s, gfn, order, false))
		return -PV_EINVAL;
	if (need_map(s, &s->odd))
		return -PV_ENOMEM;
	for (i = 0; i < 1ull << order && rc >= 0; i++)
		rc = set_own(d, gfn + i, true);
	/* The one that failed is as it was. */
	for (i -= rc < 0; rc < 0 && i; i--)
		set_own(d, gfn + i - 1, false);
	return rc;
}

/* Where a frame leaves RAM, RAM stays. */
int space_frame_set(struct domain *d, uint64_t gfn, bool present)
{
	struct space *s = &d->space;

	if (gfn >= s->size >> 12)
		return -PV_EINVAL;
	if (need_map(s, &s->odd))
		return -PV_ENOMEM;
	if (is_own(s, gfn) == present || (!present && in_regions(s, gfn)))
		return 0;
	return set_own(d, gfn, present);
}

int space_overlay_set(struct domain *d, uint64_t gfn, uint64_t source, unsigned flags)
{
	bool gone = source == PV_PHYSMAP_NONE, outside;
	struct space *s = &d->space;
	int rc = 0;

	/* A part of a large page cannot show another. */
	if (s->large)
		return -PV_EOPNOTSUPP;
	if (gfn >= s->size >> 12 || (!gone && !space_at(s, source << 12, 4096)))
		return -PV_EINVAL;
	if (gone != bit(s->overlay, gfn))
		return gone ? -PV_EINVAL : -PV_EBUSY;
	if (need_map(s, &s->overlay) || need_map(s, &s->odd))
		return -PV_ENOMEM;
	outside = !in_regions(s, gfn) && !is_own(s, gfn);
	if (outside && !gone)
		rc = d->impl->frame_set(d->engine, gfn, true);
	if (rc >= 0)
		rc = d->impl->overlay_set(d->engine, gfn, source, flags);
	if (outside && (gone || rc < 0))
		d->impl->frame_set(d->engine, gfn, false);
	if (rc >= 0)
		put_bit(s->overlay, gfn, !gone);
	return rc;
}

int space_odd_load(struct space *s, const uint64_t *odd, size_t size)
{
	if (size != space_odd_size(s))
		return -PV_EINVAL;
	if (need_map(s, &s->odd))
		return -PV_ENOMEM;
	memcpy(s->odd, odd, size);
	return 0;
}
