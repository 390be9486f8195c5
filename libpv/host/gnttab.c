/*
 * Grant table, the state of entries: uses of each entry, and pinning.
 *
 * Entries are guest memory and hostile (see common/gnttab.h). What the host decided when an entry
 * was first pinned (frame, part of it, domain) is kept in pv_grant_active and used until the last
 * unpin, whatever the entry says by then. GTF_reading and GTF_writing stay set exactly as long
 * (XSA-230): in version 2 the status words are only ever written, from what is kept here.
 */
#include "access.h"
#include "domain.h"

/* Where an entry is: in the guest's table, or (version 1 always) among the seeds. */
struct place {
	uint64_t *entry;
	uint16_t *status; /* version 2; NULL: no status frame has a place for it */
	bool v2;
};

struct pv_grant_active *pv_domain_grant_active(struct pv_domain *d, uint32_t ref)
{
	struct pv_grant_active **a = &d->grant_active[ref / PV_GNTTAB_V1_ENTRIES];

	if (!*a)
		*a = pv_domain_alloc(d, sizeof(**a) * PV_GNTTAB_V1_ENTRIES);
	return *a ? &(*a)[ref % PV_GNTTAB_V1_ENTRIES] : NULL;
}

static uint16_t marks(const struct pv_grant_active *a)
{
	return (a->readers || a->writers ? PV_GTF_reading : 0) | (a->writers ? PV_GTF_writing : 0);
}

uint16_t pv_domain_grant_marks(const struct pv_domain *d, uint32_t ref)
{
	const struct pv_grant_active *a = d->grant_active[ref / PV_GNTTAB_V1_ENTRIES];

	return a ? marks(&a[ref % PV_GNTTAB_V1_ENTRIES]) : 0;
}

static int find(struct pv_domain *d, uint32_t ref, struct place *p)
{
	uint32_t entries = pv_domain_grant_entries(d), frame = ref / entries;
	uint64_t *page, status_gfn;
	uint16_t *status;

	if (frame >= d->grant_frames)
		return PV_GNTST_bad_gntref;
	p->v2 = d->grant_version == 2;
	p->status = NULL;
	if (d->grant_gfn[frame] == PV_NO_GPA) {
		/* Without a place nothing was granted, but for what the builder did. */
		p->v2 = false;
		p->entry = ref < PV_STATE_GRANT_SEEDS ? &d->grant_seed[ref] : NULL;
		return p->entry ? PV_GNTST_okay : PV_GNTST_general_error;
	}
	page = pv_domain_page(d, d->grant_gfn[frame], 1);
	if (!page)
		return PV_GNTST_general_error;
	p->entry = &page[ref % entries * (p->v2 ? 2 : 1)];
	status_gfn = p->v2 ? d->status_gfn[ref / PV_GNTTAB_STATUSES] : PV_NO_GPA;
	if (status_gfn != PV_NO_GPA) {
		status = pv_domain_page(d, status_gfn, 1);
		p->status = status ? &status[ref % PV_GNTTAB_STATUSES] : NULL;
	}
	return PV_GNTST_okay;
}

static int pin_entry(const struct place *p, struct pv_grant_active *a, uint16_t domid,
		     bool readonly, bool whole)
{
	uint16_t was = marks(a);
	struct pv_gnttab_grant g;
	int rc = p->v2 ? pv_gnttab_v2_pin(p->entry, p->status, was, domid, readonly, whole, &g)
		       : pv_gnttab_v1_pin(p->entry, domid, readonly, &g);

	if (rc || was)
		return rc;
	a->frame = g.frame;
	a->domid = domid;
	a->offset = g.offset;
	a->length = g.length;
	return rc;
}

int pv_domain_grant_pin(struct pv_domain *d, uint16_t domid, uint32_t ref, bool readonly,
			bool whole, struct pv_grant_use *use)
{
	struct pv_grant_active *a;
	struct place p;
	int rc;

	rc = find(d, ref, &p);
	if (rc)
		return rc;
	a = pv_domain_grant_active(d, ref);
	if (!a)
		return PV_GNTST_no_space;
	if (marks(a) && (a->domid != domid || (whole && a->length != PV_PAGE)))
		return PV_GNTST_general_error;
	if (!marks(a) || (!readonly && !a->writers)) {
		rc = pin_entry(&p, a, domid, readonly, whole);
		if (rc)
			return rc;
	}
	if (readonly)
		a->readers++;
	else
		a->writers++;
	use->gfn = a->frame;
	use->offset = a->offset;
	use->length = a->length;
	use->page = pv_domain_page(d, a->frame, !readonly);
	/* The machine's own pages and overlays are not the guest's to give: they can go away. */
	if (!use->page || pv_domain_gfn_frame(d, a->frame) ||
	    pv_domain_gfn_overlaid(d, a->frame, 1)) {
		pv_domain_grant_unpin(d, ref, readonly);
		return PV_GNTST_bad_page;
	}
	return PV_GNTST_okay;
}

void pv_domain_grant_unpin(struct pv_domain *d, uint32_t ref, bool readonly)
{
	struct pv_grant_active *a = pv_domain_grant_active(d, ref);
	uint16_t before = marks(a);
	struct place p;

	if (readonly)
		a->readers--;
	else
		a->writers--;
	if (marks(a) == before || find(d, ref, &p))
		return;
	if (!p.v2)
		pv_gnttab_v1_unpin(p.entry, marks(a) != 0);
	else if (p.status)
		pv_gnttab_v2_status(p.status, marks(a));
}

int pv_domain_grant_seed_locked(struct pv_domain *d, uint32_t ref, uint16_t domid, uint64_t gfn)
{
	struct place p;

	if (ref >= PV_STATE_GRANT_SEEDS || gfn > UINT32_MAX || find(d, ref, &p))
		return -PV_EINVAL;
	if (p.v2)
		pv_gnttab_v2_grant(p.entry, domid, gfn, 0, 0, 0);
	else
		pv_gnttab_v1_grant(p.entry, domid, (uint32_t)gfn, 0);
	return 0;
}

int pv_domain_grant_swap(struct pv_domain *d, uint32_t a, uint32_t b)
{
	struct place pa, pb;
	uint64_t wa[2], wb[2];
	unsigned n;
	int rc;

	rc = find(d, a, &pa);
	if (!rc)
		rc = find(d, b, &pb);
	if (rc || a == b)
		return rc;
	if (pv_domain_grant_marks(d, a) || pv_domain_grant_marks(d, b))
		return PV_GNTST_eagain;
	/* Two entries are in one form: seeds are those of a frame that has no place at all. */
	if (pa.v2 != pb.v2)
		return PV_GNTST_general_error;
	n = pa.v2 ? 16 : 8;
	pv_shared_read(wa, pa.entry, n);
	pv_shared_read(wb, pb.entry, n);
	pv_shared_write(pa.entry, wb, n);
	pv_shared_write(pb.entry, wa, n);
	return PV_GNTST_okay;
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
		pv_domain_free(d, d->grant_active[i],
			       sizeof(struct pv_grant_active) * PV_GNTTAB_V1_ENTRIES);
}
