/*
 * GNTTABOP_map_grant_ref and its undoing: a guest that sees its own grants at another address.
 *
 * The address is the guest's; nothing may be there that means something already, and nothing that is mapped may become
 * something else (mapped frames are asked for wherever a gfn changes its meaning).
 */
#include "gnttab_op.h"

static int target_gpa(struct pv_domain *d, unsigned vcpu, uint64_t host_addr, uint64_t *gpa)
{
	if (host_addr % PV_PAGE)
		return -PV_EINVAL;
	*gpa = host_addr;
	if (d->kind == PV_DOMAIN_PV)
		return d->vmm.gva_to_gpa(d->vmm.ctx, vcpu, host_addr, 0, gpa);
	return 0;
}

static void map(struct pv_domain *d, unsigned vcpu, struct pv_gnttab_map_grant_ref *op)
{
	const uint32_t known =
		PV_GNTMAP_host_map | PV_GNTMAP_readonly |
		(d->kind == PV_DOMAIN_PV ? PV_GNTMAP_application_map | PV_GNTMAP_guest_avail_mask
					 : 0);
	bool readonly = op->flags & PV_GNTMAP_readonly;
	struct pv_grant_use use;
	struct pv_map_state *m;
	uint64_t gpa;
	int rc;

	op->status = PV_GNTST_bad_gntref;
	if (!(op->flags & (PV_GNTMAP_host_map | PV_GNTMAP_device_map)))
		return;
	op->status = PV_GNTST_general_error;
	if (op->flags & ~known)
		return;
	op->status = PV_GNTST_bad_domain;
	if (!pv_domain_is_self(d, op->dom) && op->dom != 0)
		return;
	/* Domain 0 is there, but lends nothing. */
	op->status = PV_GNTST_general_error;
	if (!pv_domain_is_self(d, op->dom) || !d->vmm.physmap_set)
		return;
	if (target_gpa(d, vcpu, op->host_addr, &gpa) || gpa / PV_PAGE > PV_GFN_MAX ||
	    pv_domain_gfn_special(d, gpa / PV_PAGE) || pv_domain_gfn_mapped(d, gpa / PV_PAGE, 1))
		return;
	op->status = PV_GNTST_no_space;
	m = d->nr_guest_maps < PV_MAX_GUEST_MAPS ? pv_domain_map_new(d) : NULL;
	if (!m)
		return;
	rc = pv_domain_grant_pin(d, d->domid, op->ref, readonly, true, &use);
	/* Over itself is no place: what would be there after the unmap? */
	if (!rc &&
	    (use.gfn == gpa / PV_PAGE || d->vmm.physmap_set(d->vmm.ctx, gpa / PV_PAGE, use.gfn,
							    readonly ? PV_PHYSMAP_READONLY : 0))) {
		pv_domain_grant_unpin(d, op->ref, readonly);
		rc = PV_GNTST_general_error;
	}
	op->status = (int16_t)rc;
	if (rc) {
		pv_domain_map_put(d, m);
		return;
	}
	pv_domain_map_use(d, m, PV_MAP_GUEST);
	m->readonly = readonly;
	m->domid = d->domid;
	m->ref = op->ref;
	m->gfn = use.gfn;
	m->gpa = gpa;
	op->handle = m->handle;
	op->dev_bus_addr = use.gfn * PV_PAGE;
}

static void unmap(struct pv_domain *d, struct pv_map_state *m)
{
	(void)d->vmm.physmap_set(d->vmm.ctx, m->gpa / PV_PAGE, PV_PHYSMAP_NONE, 0);
	pv_domain_grant_unpin(d, m->ref, m->readonly);
	pv_domain_map_put(d, m);
}

/* An address of 0 leaves the map as it is, and that is no error. */
static int16_t unmap_at(struct pv_domain *d, unsigned vcpu, uint32_t handle, uint64_t host_addr)
{
	struct pv_map_state *m = pv_domain_map_get(d, handle);
	uint64_t gpa;

	if (!m || m->kind != PV_MAP_GUEST)
		return PV_GNTST_bad_handle;
	if (!host_addr)
		return PV_GNTST_okay;
	if (target_gpa(d, vcpu, host_addr, &gpa) || gpa != m->gpa)
		return PV_GNTST_general_error;
	unmap(d, m);
	return PV_GNTST_okay;
}

static int map_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	map(d, vcpu, &op->map);
	return 0;
}

/* The guest never learns the handle: nobody else could undo it. */
static void undo_map(struct pv_domain *d, const union pv_grant_op *op)
{
	if (op->map.status == PV_GNTST_okay)
		unmap(d, pv_domain_map_get(d, op->map.handle));
}

static int unmap_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	op->unmap.status = unmap_at(d, vcpu, op->unmap.handle, op->unmap.host_addr);
	return 0;
}

static int replace_one(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op)
{
	struct pv_gnttab_unmap_and_replace *r = &op->replace;

	/* There is no page table entry of ours that could move into the place. */
	if (r->host_addr && r->new_addr && pv_domain_map_get(d, r->handle))
		r->status = PV_GNTST_general_error;
	else
		r->status = unmap_at(d, vcpu, r->handle, r->host_addr);
	return 0;
}

const struct pv_grant_call pv_grant_call_map = {
	.size = sizeof(struct pv_gnttab_map_grant_ref),
	.answer_size = sizeof(struct pv_gnttab_map_grant_ref),
	.one = map_one,
	.undo = undo_map,
};
const struct pv_grant_call pv_grant_call_unmap = PV_GRANT_CALL(unmap_grant_ref, unmap_one);
const struct pv_grant_call pv_grant_call_replace = PV_GRANT_CALL(unmap_and_replace, replace_one);
