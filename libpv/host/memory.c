/*
 * HYPERVISOR_memory_op: which operation it is, and those that only tell: sizes, the memory map, and
 * what a guest is refused. Answers are Xen's for an unprivileged domain (xen/common/memory.c,
 * xen/include/xsm/dummy.h).
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/memory.h>

/* The command has the number of extents done so far in its upper bits, for Xen's own use. */
#define EXTENT_SHIFT 6

static int64_t do_count(struct pv_domain *d, unsigned vcpu, unsigned op, uint64_t gva)
{
	struct pv_memory_domain a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = pv_domain_not_self(d, a.domid);
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

/* What concerns other domains, devices and the machine: Xen's refusals. */
static int64_t do_claim(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_memory_reservation a;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	/* By number only: DOMID_SELF names nobody here. */
	if (a.extent_start || a.extent_order || a.mem_flags ||
	    (a.domid != d->domid && a.domid != 0))
		return -PV_EINVAL;
	return -PV_EPERM;
}

static int64_t do_pod_target(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_pod_target a;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (!pv_domain_is_self(d, a.domid) && a.domid != 0)
		return -PV_ESRCH;
	return d->kind == PV_DOMAIN_PVH && pv_domain_is_self(d, a.domid) ? -PV_EPERM : -PV_EINVAL;
}

static int64_t do_vnuma(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	uint16_t a[20]; /* struct vnuma_topology_info: the domain, padding, counts, addresses */
	int rc;

	if (pv_guest_read(d, vcpu, a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a[1])
		return -PV_EINVAL;
	rc = pv_domain_not_self(d, a[0]);
	return rc ? rc : -PV_EOPNOTSUPP; /* one node */
}

int64_t pv_do_memory_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint64_t gva = arg[1], start = arg[0] >> EXTENT_SHIFT;
	unsigned op = arg[0] & PV_MEMOP_CMD_MASK;

	switch (op) {
	case PV_XENMEM_increase_reservation:
	case PV_XENMEM_decrease_reservation:
	case PV_XENMEM_populate_physmap: return pv_do_reservation(d, vcpu, op, start, gva);
	default: break;
	}
	if (start)
		return -PV_EINVAL;
	switch (op) {
	case PV_XENMEM_maximum_ram_page: return (int64_t)d->max_gfn;
	case PV_XENMEM_current_reservation:
	case PV_XENMEM_maximum_reservation:
	case PV_XENMEM_maximum_gpfn: return do_count(d, vcpu, op, gva);
	case PV_XENMEM_exchange: return pv_do_memory_exchange(d, vcpu, gva);
	case PV_XENMEM_memory_map: return do_memory_map(d, vcpu, gva);
	case PV_XENMEM_machphys_mapping: return do_m2p(d, vcpu, gva);
	case PV_XENMEM_add_to_physmap: return pv_do_physmap_add(d, vcpu, gva);
	case PV_XENMEM_add_to_physmap_batch: return pv_do_physmap_add_batch(d, vcpu, gva);
	case PV_XENMEM_remove_from_physmap: return pv_do_physmap_remove(d, vcpu, gva);
	case PV_XENMEM_claim_pages: return do_claim(d, vcpu, gva);
	case PV_XENMEM_set_pod_target:
	case PV_XENMEM_get_pod_target: return do_pod_target(d, vcpu, gva);
	case PV_XENMEM_get_vnumainfo: return do_vnuma(d, vcpu, gva);
	case PV_XENMEM_acquire_resource: return -PV_EACCES; /* translated domains cannot hold any */
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

uint64_t pv_domain_pages(struct pv_domain *d)
{
	uint64_t n;

	pv_domain_enter(d);
	n = d->nr_pages;
	pv_domain_leave(d);
	return n;
}

void pv_domain_set_max_pages(struct pv_domain *d, uint64_t max_pages)
{
	pv_domain_enter(d);
	d->max_pages = max_pages;
	pv_domain_leave(d);
}
