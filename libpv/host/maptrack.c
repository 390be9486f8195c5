/*
 * Handles of mapped grants.
 *
 * A handle is an index and a generation, so that a handle used twice, or guessed, is found out
 * instead of undoing somebody else's map. Slots are allocated in chunks up to max_maps.
 */
#include "domain.h"

static uint32_t slot_index(const struct pv_map_state *m)
{
	return m->handle & 0xffff;
}

struct pv_map_state *pv_domain_map_at(struct pv_domain *d, uint32_t index)
{
	return index < d->nr_map_slots ? &d->maps[index / PV_MAP_CHUNK][index % PV_MAP_CHUNK]
				       : NULL;
}

int pv_domain_maps_grow(struct pv_domain *d, uint32_t slots)
{
	while (d->nr_map_slots < slots) {
		struct pv_map_state *chunk;
		uint32_t i, n = d->max_maps - d->nr_map_slots;

		if (!n)
			return -PV_ENOSPC;
		chunk = pv_domain_alloc(d, sizeof(*chunk) * PV_MAP_CHUNK);
		if (!chunk)
			return -PV_ENOMEM;
		d->maps[d->nr_map_slots / PV_MAP_CHUNK] = chunk;
		/* Backwards, so that the lowest handle is given out first. */
		for (i = n < PV_MAP_CHUNK ? n : PV_MAP_CHUNK; i-- > 0;) {
			chunk[i].handle = d->nr_map_slots + i;
			chunk[i].next = d->map_free;
			d->map_free = d->nr_map_slots + i + 1;
		}
		d->nr_map_slots += n < PV_MAP_CHUNK ? n : PV_MAP_CHUNK;
	}
	return 0;
}

struct pv_map_state *pv_domain_map_new(struct pv_domain *d)
{
	struct pv_map_state *m;

	if (!d->map_free && pv_domain_maps_grow(d, d->nr_map_slots + 1))
		return NULL;
	m = pv_domain_map_at(d, d->map_free - 1);
	d->map_free = m->next;
	m->next = 0;
	return m;
}

struct pv_map_state *pv_domain_map_get(struct pv_domain *d, uint32_t handle)
{
	struct pv_map_state *m = pv_domain_map_at(d, handle & 0xffff);

	return m && m->kind != PV_MAP_FREE && m->handle == handle ? m : NULL;
}

void pv_domain_map_put(struct pv_domain *d, struct pv_map_state *m)
{
	uint32_t index = slot_index(m);

	d->nr_maps -= m->kind != PV_MAP_FREE;
	d->nr_guest_maps -= m->kind == PV_MAP_GUEST;
	m->kind = PV_MAP_FREE;
	m->handle += 1u << 16;
	m->next = d->map_free;
	d->map_free = index + 1;
}

void pv_domain_map_use(struct pv_domain *d, struct pv_map_state *m, enum pv_map_kind kind)
{
	m->kind = (uint8_t)kind;
	d->nr_maps++;
	d->nr_guest_maps += kind == PV_MAP_GUEST;
}

bool pv_domain_gfn_overlaid(struct pv_domain *d, uint64_t gfn, uint64_t n)
{
	uint32_t i;

	for (i = 0; d->nr_guest_maps && i < d->nr_map_slots; i++) {
		const struct pv_map_state *m = pv_domain_map_at(d, i);

		if (m->kind == PV_MAP_GUEST && m->gpa / PV_PAGE - gfn < n)
			return true;
	}
	return false;
}

bool pv_domain_gfn_mapped(struct pv_domain *d, uint64_t gfn, uint64_t n)
{
	const struct pv_copying *c;
	uint32_t i;

	for (c = d->copying; c; c = c->next)
		for (i = 0; i < c->n; i++)
			if (c->gfn[i] - gfn < n)
				return true;
	for (i = 0; d->nr_maps && i < d->nr_map_slots; i++) {
		const struct pv_map_state *m = pv_domain_map_at(d, i);

		if (m->kind != PV_MAP_FREE && m->gfn - gfn < n)
			return true;
	}
	return pv_domain_gfn_overlaid(d, gfn, n);
}
