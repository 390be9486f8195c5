/*
 * The guest's physical map: what appears where.
 *
 * Every gfn is the guest's word. What already means something stays (XSA-507: one frame, two
 * purposes), and what somebody has mapped is not moved away under him.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/memory.h>

int pv_domain_not_self(const struct pv_domain *d, uint16_t domid)
{
	if (pv_domain_is_self(d, domid))
		return 0;
	return domid == 0 ? -PV_EPERM : -PV_ESRCH;
}

/* The page at gfn `from` moves to gfn `to`; what was there is gone, and `from` is a hole. */
static int move_page(struct pv_domain *d, uint64_t from, uint64_t to)
{
	void *src, *dst;
	bool hole;

	if (from > d->max_gfn || to > d->max_gfn || !d->vmm.populate || !d->vmm.release)
		return -PV_EINVAL;
	src = pv_domain_page(d, from, 0);
	if (!src)
		return -PV_EINVAL;
	if (from == to)
		return 0;
	if (!pv_domain_gfn_idle(d, from, 1) || !pv_domain_gfn_idle(d, to, 1))
		return -PV_EBUSY;
	dst = pv_domain_page(d, to, 1);
	hole = !dst;
	if (hole && d->vmm.populate(d->vmm.ctx, to, 0) >= 0)
		dst = pv_domain_page(d, to, 1);
	if (!dst)
		return -PV_ENOMEM;
	pv_shared_read(dst, src, PV_PAGE);
	if (d->vmm.release(d->vmm.ctx, from, 0) < 0) {
		if (hole)
			(void)d->vmm.release(d->vmm.ctx, to, 0);
		return -PV_ENOMEM;
	}
	if (!hole)
		d->nr_pages--;
	return 0;
}

static int add(struct pv_domain *d, unsigned vcpu, unsigned space, uint64_t idx, uint64_t gfn)
{
	switch (space) {
	case PV_XENMAPSPACE_shared_info:
		if (idx)
			return -PV_EINVAL;
		pv_domain_latch_width(d, vcpu);
		return pv_domain_move_shared_info(d, gfn);
	case PV_XENMAPSPACE_grant_table:
		if (d->grant_version == 2 && (idx & PV_XENMAPIDX_grant_table_status)) {
			idx &= ~(uint64_t)PV_XENMAPIDX_grant_table_status;
			return idx >= PV_STATE_STATUS_FRAMES
				       ? -PV_EINVAL
				       : pv_domain_status_place(d, (uint32_t)idx, gfn);
		}
		return idx >= PV_STATE_GRANT_FRAMES ? -PV_EINVAL
						    : pv_domain_grant_place(d, (uint32_t)idx, gfn);
	case PV_XENMAPSPACE_gmfn: return move_page(d, idx, gfn);
	default: return -PV_EINVAL;
	}
}

static int add_range(struct pv_domain *d, const struct pv_add_to_physmap *a)
{
	uint32_t i;
	int rc = 0;

	if (a->gpfn + a->size < a->gpfn || a->idx + a->size < a->idx)
		return -PV_EOVERFLOW;
	for (i = 0; i < a->size && !rc; i++) {
		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		rc = move_page(d, a->idx + i, a->gpfn + i);
	}
	return rc;
}

int64_t pv_do_physmap_add(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_add_to_physmap a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.space == PV_XENMAPSPACE_gmfn_foreign)
		return -PV_ENOSYS; /* by batch only */
	if (a.space == PV_XENMAPSPACE_dev_mmio && (pv_domain_is_self(d, a.domid) || !a.domid))
		return -PV_EACCES;
	rc = pv_domain_not_self(d, a.domid);
	if (rc)
		return rc;
	if (a.gpfn == UINT64_MAX)
		return -PV_EINVAL;
	return a.space == PV_XENMAPSPACE_gmfn_range ? add_range(d, &a)
						    : add(d, vcpu, a.space, a.idx, a.gpfn);
}

int64_t pv_do_physmap_add_batch(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_add_to_physmap_batch a;
	uint32_t i;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.space == PV_XENMAPSPACE_gmfn_range)
		return -PV_EOPNOTSUPP;
	if (a.space == PV_XENMAPSPACE_dev_mmio && (pv_domain_is_self(d, a.domid) || !a.domid))
		return -PV_EACCES;
	rc = pv_domain_not_self(d, a.domid);
	if (rc)
		return rc;
	if (!pv_guest_range_ok(a.idxs, a.size, 8) || !pv_guest_range_ok(a.gpfns, a.size, 8) ||
	    !pv_guest_range_ok(a.errs, a.size, 4))
		return -PV_EFAULT;
	for (i = 0; i < a.size; i++) {
		uint64_t idx, gfn;
		int32_t err;

		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		if (pv_guest_read(d, vcpu, &idx, a.idxs + i * 8ull, 8) ||
		    pv_guest_read(d, vcpu, &gfn, a.gpfns + i * 8ull, 8))
			return -PV_EFAULT;
		if (gfn == UINT64_MAX)
			return -PV_EINVAL;
		/* A translated domain holds no page of another, whoever that would be. */
		err = a.space == PV_XENMAPSPACE_gmfn_foreign ? -PV_EPERM
							     : add(d, vcpu, a.space, idx, gfn);
		if (pv_guest_write(d, vcpu, a.errs + i * 4ull, &err, 4))
			return -PV_EFAULT;
	}
	return 0;
}

/* A page of RAM leaves its place and stays counted, as on Xen, where nobody can get at it again. */
static int remove_ram(struct pv_domain *d, uint64_t gfn)
{
	if (!d->vmm.release || !pv_domain_page(d, gfn, 0))
		return -PV_ENOENT;
	if (!pv_domain_gfn_idle(d, gfn, 1))
		return -PV_EBUSY;
	return d->vmm.release(d->vmm.ctx, gfn, 0);
}

int64_t pv_do_physmap_remove(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_remove_from_physmap a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = pv_domain_not_self(d, a.domid);
	if (rc)
		return rc;
	if (a.gpfn > PV_GFN_MAX)
		return -PV_ENOENT;
	rc = pv_domain_grant_displace(d, a.gpfn);
	if (rc != -PV_ENOENT)
		return rc;
	/* Event channels live in shared_info: it can be moved, not taken away. */
	return a.gpfn == d->shared_info_gfn ? -PV_EBUSY : remove_ram(d, a.gpfn);
}
