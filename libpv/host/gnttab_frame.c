/*
 * Grant table, its frames: where the guest sees entries and status words.
 *
 * A frame is a page of guest memory that the guest chose; only one thing can be at a gfn (XSA-507).
 * What entries say lives in that page alone, but for the builder's first few, which are kept here
 * while frame 0 has no place. A status frame repeats what pv_grant_active says: it is written anew
 * wherever it is put, and nothing is lost when it goes.
 */
#include "access.h"
#include "domain.h"

#define FRAMES_PER_STATUS (PV_GNTTAB_STATUSES / PV_GNTTAB_V2_ENTRIES)

uint32_t pv_domain_status_frames(const struct pv_domain *d)
{
	return d->grant_version == 2 ? (d->grant_frames + FRAMES_PER_STATUS - 1) / FRAMES_PER_STATUS
				     : 0;
}

bool pv_domain_grants_busy(const struct pv_domain *d, uint32_t from, uint32_t to)
{
	uint32_t ref;

	for (ref = from; ref < to; ref++) {
		if (!d->grant_active[ref / PV_GNTTAB_V1_ENTRIES])
			ref |= PV_GNTTAB_V1_ENTRIES - 1;
		else if (pv_domain_grant_marks(d, ref))
			return true;
	}
	return false;
}

/* A page at gfn for the table: NULL if something is there already or nothing can be. */
static void *take(struct pv_domain *d, uint64_t gfn)
{
	void *page;

	if (pv_domain_gfn_special(d, gfn) || pv_domain_gfn_mapped(d, gfn, 1))
		return NULL;
	if (d->vmm.frame_set && d->vmm.frame_set(d->vmm.ctx, gfn, 1))
		return NULL;
	page = pv_domain_page(d, gfn, 1);
	if (!page && d->vmm.frame_set)
		(void)d->vmm.frame_set(d->vmm.ctx, gfn, 0);
	return page;
}

static void leave(struct pv_domain *d, uint64_t *place)
{
	uint64_t was = *place;

	*place = PV_NO_GPA;
	if (was != PV_NO_GPA && d->vmm.frame_set)
		(void)d->vmm.frame_set(d->vmm.ctx, was, 0);
}

static void fill_entries(struct pv_domain *d, uint32_t frame, uint64_t *page)
{
	uint32_t i;

	pv_shared_clear(page);
	for (i = 0; frame == 0 && i < PV_STATE_GRANT_SEEDS; i++) {
		if (d->grant_version == 2)
			pv_gnttab_to_v2(d->grant_seed[i], &page[2 * i]);
		else
			__atomic_store_n(&page[i], d->grant_seed[i], __ATOMIC_RELAXED);
	}
}

int pv_domain_grant_place(struct pv_domain *d, uint32_t frame, uint64_t gfn)
{
	void *page, *old;

	if (frame >= d->max_grant_frames || gfn > PV_GFN_MAX)
		return -PV_EINVAL;
	if (gfn == d->grant_gfn[frame])
		return 0;
	page = take(d, gfn);
	if (!page)
		return -PV_EINVAL;
	old = d->grant_gfn[frame] == PV_NO_GPA ? NULL : pv_domain_page(d, d->grant_gfn[frame], 0);
	if (old)
		pv_shared_read(page, old, PV_PAGE);
	else
		fill_entries(d, frame, page);
	leave(d, &d->grant_gfn[frame]);
	d->grant_gfn[frame] = gfn;
	if (frame >= d->grant_frames)
		d->grant_frames = frame + 1;
	return 0;
}

int pv_domain_status_place(struct pv_domain *d, uint32_t index, uint64_t gfn)
{
	uint32_t need = (index + 1) * FRAMES_PER_STATUS, i;
	uint16_t *page;

	if (d->grant_version != 2 || index >= PV_STATE_STATUS_FRAMES || gfn > PV_GFN_MAX)
		return -PV_EINVAL;
	/* The table grows to what this frame speaks of, as on Xen. */
	if (index >= pv_domain_status_frames(d) && need > d->max_grant_frames)
		return -PV_EINVAL;
	if (gfn == d->status_gfn[index])
		return 0;
	page = take(d, gfn);
	if (!page)
		return -PV_EINVAL;
	for (i = 0; i < PV_GNTTAB_STATUSES; i++)
		__atomic_store_n(&page[i], pv_domain_grant_marks(d, index * PV_GNTTAB_STATUSES + i),
				 __ATOMIC_RELAXED);
	if (index >= pv_domain_status_frames(d))
		d->grant_frames = need;
	leave(d, &d->status_gfn[index]);
	d->status_gfn[index] = gfn;
	return 0;
}

/* Frame 0 goes: what it says of the builder's references is kept. */
static void keep_seeds(struct pv_domain *d)
{
	uint64_t *page = pv_domain_page(d, d->grant_gfn[0], 0);
	uint32_t i;

	for (i = 0; page && i < PV_STATE_GRANT_SEEDS; i++) {
		if (d->grant_version == 2)
			(void)pv_gnttab_to_v1(&page[2 * i], &d->grant_seed[i]);
		else
			d->grant_seed[i] = __atomic_load_n(&page[i], __ATOMIC_RELAXED);
	}
}

int pv_domain_grant_displace(struct pv_domain *d, uint64_t gfn)
{
	uint32_t i, n = pv_domain_grant_entries(d);

	for (i = 0; i < PV_STATE_STATUS_FRAMES; i++) {
		if (d->status_gfn[i] == gfn) {
			leave(d, &d->status_gfn[i]);
			return 0;
		}
	}
	for (i = 0; i < d->grant_frames; i++) {
		if (d->grant_gfn[i] != gfn)
			continue;
		if (pv_domain_grants_busy(d, i * n, (i + 1) * n))
			return -PV_EBUSY;
		if (i == 0)
			keep_seeds(d);
		leave(d, &d->grant_gfn[i]);
		return 0;
	}
	return -PV_ENOENT;
}
