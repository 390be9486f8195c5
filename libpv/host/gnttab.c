/*
 * Grant table, the state of entries: frames and their places, uses of each entry, and pinning.
 *
 * Entries are guest memory and hostile (see common/gnttab.h). What the host decided when an entry
 * was first pinned (frame and domain) is kept in pv_grant_active and used until the last unpin,
 * whatever the entry says by then. GTF_reading and GTF_writing stay set exactly as long (XSA-230).
 */
#include "access.h"
#include "domain.h"

struct pv_grant_active *pv_domain_grant_active(struct pv_domain *d, uint32_t ref)
{
	struct pv_grant_frame *f = &d->grant[ref / PV_GNTTAB_V1_ENTRIES];

	if (!f->active)
		f->active = pv_domain_alloc(d, sizeof(*f->active) * PV_GNTTAB_V1_ENTRIES);
	return f->active ? &f->active[ref % PV_GNTTAB_V1_ENTRIES] : NULL;
}

uint64_t *pv_domain_grant_entry(struct pv_domain *d, uint32_t ref, int *status)
{
	uint32_t frame = ref / PV_GNTTAB_V1_ENTRIES;
	uint64_t *page;

	*status = PV_GNTST_bad_gntref;
	if (frame >= d->grant_frames)
		return NULL;
	*status = PV_GNTST_okay;
	if (d->grant[frame].gfn == PV_NO_GPA) {
		if (ref < PV_STATE_GRANT_SEEDS)
			return &d->grant_seed[ref];
		*status = PV_GNTST_general_error; /* no place, so nothing was granted */
		return NULL;
	}
	page = pv_domain_page(d, d->grant[frame].gfn, 1);
	if (!page) {
		*status = PV_GNTST_general_error;
		return NULL;
	}
	return &page[ref % PV_GNTTAB_V1_ENTRIES];
}

int pv_domain_grant_pin(struct pv_domain *d, uint16_t domid, uint32_t ref, bool readonly,
			uint64_t *gfn, void **page)
{
	struct pv_grant_active *a;
	uint64_t *entry;
	uint32_t frame;
	bool idle;
	int rc;

	entry = pv_domain_grant_entry(d, ref, &rc);
	if (!entry)
		return rc;
	a = pv_domain_grant_active(d, ref);
	if (!a)
		return PV_GNTST_no_space;
	idle = !a->readers && !a->writers;
	if (!idle && a->domid != domid)
		return PV_GNTST_general_error;
	if (idle || (!readonly && !a->writers)) {
		rc = pv_gnttab_v1_pin(entry, domid, readonly, &frame);
		if (rc)
			return rc;
		if (idle) {
			a->frame = frame;
			a->domid = domid;
		}
	}
	if (readonly)
		a->readers++;
	else
		a->writers++;
	*gfn = a->frame;
	*page = pv_domain_page(d, a->frame, !readonly);
	/* The machine's own pages and overlays are not the guest's to give: they can go away. */
	if (!*page || pv_domain_gfn_frame(d, a->frame) || pv_domain_gfn_overlaid(d, a->frame, 1)) {
		pv_domain_grant_unpin(d, ref, readonly);
		return PV_GNTST_bad_page;
	}
	return PV_GNTST_okay;
}

void pv_domain_grant_unpin(struct pv_domain *d, uint32_t ref, bool readonly)
{
	struct pv_grant_active *a = pv_domain_grant_active(d, ref);
	uint64_t *entry;
	int rc;

	if (readonly)
		a->readers--;
	else
		a->writers--;
	if (a->writers || (readonly && a->readers))
		return;
	entry = pv_domain_grant_entry(d, ref, &rc);
	if (entry)
		pv_gnttab_v1_unpin(entry, a->readers != 0);
}

bool pv_domain_grant_frame_busy(struct pv_domain *d, uint32_t frame)
{
	const struct pv_grant_active *a = d->grant[frame].active;
	uint32_t i;

	for (i = 0; a && i < PV_GNTTAB_V1_ENTRIES; i++)
		if (a[i].readers || a[i].writers)
			return true;
	return false;
}

int pv_domain_grant_place(struct pv_domain *d, uint32_t frame, uint64_t gfn)
{
	uint64_t was;
	void *page, *old;
	int rc = 0;

	if (frame >= d->max_grant_frames || gfn > PV_GFN_MAX)
		return -PV_EINVAL;
	was = d->grant[frame].gfn;
	if (gfn == was)
		return 0;
	if (pv_domain_gfn_special(d, gfn) || pv_domain_gfn_mapped(d, gfn, 1))
		return -PV_EINVAL;
	if (d->vmm.frame_set)
		rc = d->vmm.frame_set(d->vmm.ctx, gfn, 1);
	page = rc ? NULL : pv_domain_page(d, gfn, 1);
	if (!page)
		return -PV_EINVAL;
	old = was == PV_NO_GPA ? NULL : pv_domain_page(d, was, 0);
	if (old) {
		pv_shared_read(page, old, PV_PAGE);
	} else {
		memset(page, 0, PV_PAGE);
		if (frame == 0)
			memcpy(page, d->grant_seed, sizeof(d->grant_seed));
	}
	d->grant[frame].gfn = gfn;
	if (frame >= d->grant_frames)
		d->grant_frames = frame + 1;
	if (was != PV_NO_GPA && d->vmm.frame_set)
		(void)d->vmm.frame_set(d->vmm.ctx, was, 0);
	return 0;
}

void pv_domain_grant_displace(struct pv_domain *d, uint32_t frame)
{
	uint64_t was = d->grant[frame].gfn;
	const void *page = pv_domain_page(d, was, 0);

	if (frame == 0 && page)
		pv_shared_read(d->grant_seed, page, sizeof(d->grant_seed));
	d->grant[frame].gfn = PV_NO_GPA;
	if (d->vmm.frame_set)
		(void)d->vmm.frame_set(d->vmm.ctx, was, 0);
}

void pv_domain_grants_fini(struct pv_domain *d)
{
	uint32_t i;

	for (i = 0; i < d->nr_map_slots; i++) {
		struct pv_map_state *m = pv_domain_map_at(d, i);

		if (m->kind == PV_MAP_GUEST && d->vmm.physmap_set)
			(void)d->vmm.physmap_set(d->vmm.ctx, m->gpa / PV_PAGE, PV_PHYSMAP_NONE, 0);
	}
	for (i = 0; i < PV_MAP_CHUNKS; i++)
		pv_domain_free(d, d->maps[i], sizeof(struct pv_map_state) * PV_MAP_CHUNK);
	for (i = 0; i < PV_STATE_GRANT_FRAMES; i++)
		pv_domain_free(d, d->grant[i].active,
			       sizeof(struct pv_grant_active) * PV_GNTTAB_V1_ENTRIES);
}
