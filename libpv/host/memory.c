/*
 * HYPERVISOR_memory_op: reservations, the memory map, and where the machine's own pages appear.
 *
 * Frames and counts come from the guest. A gfn that holds a page of the machine cannot become
 * another, nor be given away under it.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/memory.h>

#define MAX_ORDER 9u /* 2 MiB, what an unprivileged domain may ask for on Xen */

static int not_self(const struct pv_domain *d, uint16_t domid)
{
	if (pv_domain_is_self(d, domid))
		return 0;
	return domid == 0 ? -PV_EPERM : -PV_ESRCH;
}

static int64_t do_count(struct pv_domain *d, unsigned vcpu, unsigned op, uint64_t gva)
{
	struct pv_memory_domain a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = not_self(d, a.domid);
	if (rc)
		return rc;
	switch (op) {
	case PV_XENMEM_current_reservation: return (int64_t)d->nr_pages;
	case PV_XENMEM_maximum_reservation: return (int64_t)d->max_pages;
	default: return (int64_t)d->max_gfn;
	}
}

static int64_t do_memory_map(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_memory_map a;
	uint32_t i;

	if (!d->nr_memmap)
		return -PV_ENOSYS;
	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.nr_entries > d->nr_memmap)
		a.nr_entries = d->nr_memmap;
	for (i = 0; i < a.nr_entries; i++) {
		/* struct e820entry of the boot protocol: 20 bytes, no padding between entries */
		unsigned char e[20];

		memcpy(e, &d->memmap[i].addr, 8);
		memcpy(e + 8, &d->memmap[i].size, 8);
		memcpy(e + 16, &d->memmap[i].type, 4);
		if (pv_guest_write(d, vcpu, a.buffer + i * sizeof(e), e, sizeof(e)))
			return -PV_EFAULT;
	}
	return pv_guest_write(d, vcpu, gva, &a, sizeof(a));
}

static int64_t do_m2p(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_machphys_mapping a = {d->m2p_start, d->m2p_end, d->m2p_max_mfn};

	if (!d->m2p_end)
		return -PV_ENOSYS;
	return pv_guest_write(d, vcpu, gva, &a, sizeof(a));
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
	case PV_XENMAPSPACE_gmfn:
	case PV_XENMAPSPACE_gmfn_range:
	case PV_XENMAPSPACE_gmfn_foreign:
	case PV_XENMAPSPACE_dev_mmio: return -PV_ENOSYS;
	default: return -PV_EINVAL;
	}
}

static int64_t do_add(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_add_to_physmap a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = not_self(d, a.domid);
	return rc ? rc : add(d, vcpu, a.space, a.idx, a.gpfn);
}

static int64_t do_add_batch(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_add_to_physmap_batch a;
	uint32_t i;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = not_self(d, a.domid);
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
		err = add(d, vcpu, a.space, idx, gfn);
		if (pv_guest_write(d, vcpu, a.errs + i * 4ull, &err, 4))
			return -PV_EFAULT;
	}
	return 0;
}

static int64_t do_remove(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_remove_from_physmap a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = not_self(d, a.domid);
	if (rc)
		return rc;
	if (a.gpfn > PV_GFN_MAX)
		return -PV_ENOENT;
	rc = pv_domain_grant_displace(d, a.gpfn);
	if (rc != -PV_ENOENT)
		return rc;
	if (a.gpfn == d->shared_info_gfn)
		return -PV_EBUSY; /* event channels live there: move it instead */
	return -PV_ENOENT;
}

static int resize(struct pv_domain *d, unsigned op, uint64_t gfn, unsigned order)
{
	uint64_t i, n = 1ull << order;
	int rc;

	if (gfn > d->max_gfn || n - 1 > d->max_gfn - gfn || gfn % n)
		return -PV_EINVAL;
	for (i = 0; i < n; i++)
		if (pv_domain_gfn_special(d, gfn + i))
			return -PV_EBUSY;
	if (pv_domain_gfn_mapped(d, gfn, n))
		return -PV_EBUSY; /* a backend's pointer, or an overlay */
	if (op == PV_XENMEM_decrease_reservation) {
		if (d->nr_pages < n)
			return -PV_EINVAL;
		rc = d->vmm.release(d->vmm.ctx, gfn, order);
		d->nr_pages -= rc < 0 ? 0 : n;
		return rc;
	}
	if (d->nr_pages > d->max_pages || n > d->max_pages - d->nr_pages)
		return -PV_ENOMEM;
	rc = d->vmm.populate(d->vmm.ctx, gfn, order);
	d->nr_pages += rc < 0 ? 0 : n;
	return rc;
}

/* The result is the number of extents done, as on Xen: a short count is how failure shows. */
static int64_t do_reservation(struct pv_domain *d, unsigned vcpu, unsigned op, uint64_t gva)
{
	struct pv_memory_reservation a;
	uint64_t gfn;
	uint32_t i;
	int rc;

	if (!d->vmm.populate || !d->vmm.release || op == PV_XENMEM_increase_reservation)
		return -PV_ENOSYS; /* an auto-translated guest populates its physmap instead */
	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = not_self(d, a.domid);
	if (rc)
		return rc;
	if (a.extent_order > MAX_ORDER || a.nr_extents > PV_MAX_BATCH)
		return -PV_EINVAL;
	for (i = 0; i < a.nr_extents; i++) {
		if (i && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		if (pv_guest_read(d, vcpu, &gfn, a.extent_start + i * 8ull, 8) ||
		    resize(d, op, gfn, a.extent_order) < 0)
			break;
	}
	return i;
}

int64_t pv_do_memory_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint64_t gva = arg[1];

	switch (arg[0]) {
	case PV_XENMEM_increase_reservation:
	case PV_XENMEM_decrease_reservation:
	case PV_XENMEM_populate_physmap: return do_reservation(d, vcpu, (unsigned)arg[0], gva);
	case PV_XENMEM_maximum_ram_page: return (int64_t)d->max_gfn;
	case PV_XENMEM_current_reservation:
	case PV_XENMEM_maximum_reservation:
	case PV_XENMEM_maximum_gpfn: return do_count(d, vcpu, (unsigned)arg[0], gva);
	case PV_XENMEM_memory_map: return do_memory_map(d, vcpu, gva);
	case PV_XENMEM_machphys_mapping: return do_m2p(d, vcpu, gva);
	case PV_XENMEM_add_to_physmap: return do_add(d, vcpu, gva);
	case PV_XENMEM_add_to_physmap_batch: return do_add_batch(d, vcpu, gva);
	case PV_XENMEM_remove_from_physmap: return do_remove(d, vcpu, gva);
	default: return -PV_ENOSYS;
	}
}

int pv_domain_set_memory_map(struct pv_domain *d, const struct pv_domain_memory *map, uint32_t n)
{
	if (n > PV_MAX_MEMMAP)
		return -PV_E2BIG;
	pv_domain_enter(d);
	memcpy(d->memmap, map, n * sizeof(*map));
	d->nr_memmap = n;
	pv_domain_leave(d);
	return 0;
}
