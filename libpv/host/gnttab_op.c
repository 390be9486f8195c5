/*
 * HYPERVISOR_grant_table_op: what a guest may do with grants.
 *
 * Each operation of a batch is copied in, done and answered by itself; a failing one does not stop
 * the rest, as on Xen. The only domain whose grants a guest can use is its own: backends of other
 * domains do not grant. Version 2 is refused: its switch of formats has cost Xen five advisories.
 */
#include "access.h"
#include "domain.h"

static int target_gpa(struct pv_domain *d, unsigned vcpu, uint64_t host_addr, uint64_t *gpa)
{
	if (host_addr % PV_PAGE)
		return -PV_EINVAL;
	*gpa = host_addr;
	if (d->kind == PV_DOMAIN_PV)
		return d->vmm.gva_to_gpa(d->vmm.ctx, vcpu, host_addr, 0, gpa);
	return 0;
}

static void map_one(struct pv_domain *d, unsigned vcpu, struct pv_gnttab_map_grant_ref *op)
{
	const uint32_t known = PV_GNTMAP_host_map | PV_GNTMAP_readonly | PV_GNTMAP_application_map |
			       PV_GNTMAP_guest_avail_mask;
	bool readonly = op->flags & PV_GNTMAP_readonly;
	struct pv_map_state *m;
	uint64_t gpa, gfn;
	void *page;
	int rc;

	op->status = PV_GNTST_bad_gntref;
	if (!(op->flags & (PV_GNTMAP_host_map | PV_GNTMAP_device_map)))
		return;
	op->status = PV_GNTST_bad_domain;
	if (!pv_domain_is_self(d, op->dom))
		return;
	op->status = PV_GNTST_general_error;
	if (op->flags & ~known || !d->vmm.physmap_set)
		return;
	if (target_gpa(d, vcpu, op->host_addr, &gpa) || gpa / PV_PAGE > PV_GFN_MAX ||
	    pv_domain_gfn_special(d, gpa / PV_PAGE) || pv_domain_gfn_mapped(d, gpa / PV_PAGE, 1))
		return;
	op->status = PV_GNTST_no_space;
	m = d->nr_guest_maps < PV_MAX_GUEST_MAPS ? pv_domain_map_new(d) : NULL;
	if (!m)
		return;
	rc = pv_domain_grant_pin(d, d->domid, op->ref, readonly, &gfn, &page);
	/* Over itself is no place: what would be there after the unmap? */
	if (!rc &&
	    (gfn == gpa / PV_PAGE || d->vmm.physmap_set(d->vmm.ctx, gpa / PV_PAGE, gfn,
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
	m->gfn = gfn;
	m->gpa = gpa;
	op->handle = m->handle;
	op->dev_bus_addr = gfn * PV_PAGE;
}

static void unmap(struct pv_domain *d, struct pv_map_state *m)
{
	(void)d->vmm.physmap_set(d->vmm.ctx, m->gpa / PV_PAGE, PV_PHYSMAP_NONE, 0);
	pv_domain_grant_unpin(d, m->ref, m->readonly);
	pv_domain_map_put(d, m);
}

static void unmap_one(struct pv_domain *d, unsigned vcpu, struct pv_gnttab_unmap_grant_ref *op)
{
	struct pv_map_state *m = pv_domain_map_get(d, op->handle);
	uint64_t gpa;

	op->status = PV_GNTST_bad_handle;
	if (!m || m->kind != PV_MAP_GUEST)
		return;
	op->status = PV_GNTST_general_error;
	if (target_gpa(d, vcpu, op->host_addr, &gpa) || gpa != m->gpa)
		return;
	unmap(d, m);
	op->status = PV_GNTST_okay;
}

static int64_t do_map(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_map_grant_ref op;
	uint32_t i;

	for (i = 0; i < count; i++, gva += sizeof(op)) {
		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
			return -PV_EFAULT;
		map_one(d, vcpu, &op);
		if (pv_guest_write(d, vcpu, gva, &op, sizeof(op))) {
			/* The guest never learns the handle: undo what nobody could undo. */
			if (op.status == PV_GNTST_okay)
				unmap(d, pv_domain_map_get(d, op.handle));
			return -PV_EFAULT;
		}
	}
	return 0;
}

static int64_t do_unmap(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_unmap_grant_ref op;
	uint32_t i;

	for (i = 0; i < count; i++, gva += sizeof(op)) {
		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
			return -PV_EFAULT;
		unmap_one(d, vcpu, &op);
		if (pv_guest_write(d, vcpu, gva, &op, sizeof(op)))
			return -PV_EFAULT;
	}
	return 0;
}

static int setup(struct pv_domain *d, unsigned vcpu, const struct pv_gnttab_setup_table *op)
{
	uint64_t gfn;
	uint32_t i;

	if (!pv_domain_is_self(d, op->dom))
		return PV_GNTST_bad_domain;
	if (op->nr_frames > d->max_grant_frames)
		return PV_GNTST_general_error;
	for (i = 0; i < op->nr_frames; i++) {
		gfn = d->grant[i].gfn != PV_NO_GPA ? d->grant[i].gfn : d->grant_setup_gfn[i];
		if (gfn == PV_NO_GPA || pv_domain_grant_place(d, i, gfn))
			return PV_GNTST_general_error;
		if (pv_guest_write(d, vcpu, op->frame_list + i * 8ull, &gfn, 8))
			return PV_GNTST_bad_virt_addr;
	}
	return PV_GNTST_okay;
}

static int64_t do_setup(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_setup_table op;

	if (count != 1)
		return -PV_EINVAL;
	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	op.status = (int16_t)setup(d, vcpu, &op);
	return pv_guest_write(d, vcpu, gva, &op, sizeof(op));
}

static int64_t do_query(struct pv_domain *d, unsigned vcpu, uint64_t gva, uint32_t count)
{
	struct pv_gnttab_query_size op;

	if (count != 1)
		return -PV_EINVAL;
	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	op.status = PV_GNTST_bad_domain;
	if (pv_domain_is_self(d, op.dom)) {
		op.nr_frames = d->grant_frames;
		op.max_nr_frames = d->max_grant_frames;
		op.status = PV_GNTST_okay;
	}
	return pv_guest_write(d, vcpu, gva, &op, sizeof(op));
}

static int64_t do_set_version(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_gnttab_set_version op;
	int64_t rc;

	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	rc = op.version == 1 ? 0 : op.version == 2 ? -PV_ENOSYS : -PV_EINVAL;
	op.version = 1;
	if (pv_guest_write(d, vcpu, gva, &op, sizeof(op)))
		return -PV_EFAULT;
	return rc;
}

static int64_t do_get_version(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_gnttab_get_version op;

	if (pv_guest_read(d, vcpu, &op, gva, sizeof(op)))
		return -PV_EFAULT;
	if (!pv_domain_is_self(d, op.dom))
		return op.dom == 0 ? -PV_EPERM : -PV_ESRCH;
	op.version = 1;
	return pv_guest_write(d, vcpu, gva, &op, sizeof(op));
}

int64_t pv_do_grant_table_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint64_t gva = arg[1];
	uint32_t count = (uint32_t)arg[2];

	if (arg[2] > PV_MAX_BATCH)
		return -PV_EINVAL;
	switch (arg[0]) {
	case PV_GNTTABOP_map_grant_ref: return do_map(d, vcpu, gva, count);
	case PV_GNTTABOP_unmap_grant_ref: return do_unmap(d, vcpu, gva, count);
	case PV_GNTTABOP_setup_table: return do_setup(d, vcpu, gva, count);
	case PV_GNTTABOP_copy: return pv_do_grant_copy(d, vcpu, gva, count);
	case PV_GNTTABOP_query_size: return do_query(d, vcpu, gva, count);
	case PV_GNTTABOP_set_version: return count == 1 ? do_set_version(d, vcpu, gva) : -PV_EINVAL;
	case PV_GNTTABOP_get_version: return do_get_version(d, vcpu, gva);
	default: return -PV_ENOSYS;
	}
}
