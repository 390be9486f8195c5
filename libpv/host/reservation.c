/*
 * Memory reservations: a guest that gives pages back, or takes them.
 *
 * Frames and counts come from the guest. A gfn that holds a page of the machine, or one that
 * somebody has mapped, is not given away. The result of a list is the number of extents done, as on
 * Xen: a short count is how every failure shows, and 0 that the list itself was no good.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/memory.h>

#define MAX_ORDER	    9u /* 2 MiB, what an unprivileged domain may ask for on Xen */
#define MAX_EXTENTS	    (UINT32_MAX >> 6) /* what Xen can count */
#define ADDRESS_BITS(flags) ((flags)&0xff)
#define NODE(flags)	    ((flags) >> 8 & 0xff)

bool pv_domain_gfn_idle(struct pv_domain *d, uint64_t gfn, uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++)
		if (pv_domain_gfn_special(d, gfn + i))
			return false;
	return !pv_domain_gfn_mapped(d, gfn, n); /* a backend's pointer, or an overlay */
}

static int give_back(struct pv_domain *d, uint64_t gfn, unsigned order)
{
	uint64_t i, n = 1ull << order;
	int rc;

	if (d->nr_pages < n || !pv_domain_gfn_idle(d, gfn, n))
		return -PV_EBUSY;
	for (i = 0; i < n; i++)
		if (!pv_domain_page(d, gfn + i, 0))
			return -PV_ENOENT;
	rc = d->vmm.release(d->vmm.ctx, gfn, order);
	d->nr_pages -= rc < 0 ? 0 : n;
	return rc;
}

static int take(struct pv_domain *d, uint64_t gfn, unsigned order)
{
	uint64_t n = 1ull << order;
	int rc;

	if (d->nr_pages > d->max_pages || n > d->max_pages - d->nr_pages)
		return -PV_ENOMEM;
	if (!pv_domain_gfn_idle(d, gfn, n))
		return -PV_EBUSY;
	rc = d->vmm.populate(d->vmm.ctx, gfn, order);
	d->nr_pages += rc < 0 ? 0 : n;
	return rc;
}

static int resize(struct pv_domain *d, unsigned op, uint64_t gfn, unsigned order)
{
	uint64_t n = 1ull << order;

	if (gfn > d->max_gfn || n - 1 > d->max_gfn - gfn)
		return -PV_EINVAL;
	return op == PV_XENMEM_decrease_reservation ? give_back(d, gfn, order)
						    : take(d, gfn, order);
}

/* Pages of a translated domain that have no place: they only count. */
static int64_t increase(struct pv_domain *d, const struct pv_memory_reservation *a, uint64_t start)
{
	uint64_t n = 1ull << a->extent_order, room;

	room = d->nr_pages > d->max_pages ? 0 : (d->max_pages - d->nr_pages) >> a->extent_order;
	if (room > a->nr_extents - start)
		room = a->nr_extents - start;
	d->nr_pages += room * n;
	return (int64_t)(start + room);
}

static bool flags_ok(unsigned op, uint32_t flags)
{
	if (ADDRESS_BITS(flags) && ADDRESS_BITS(flags) <= 12)
		return false;
	/* Nodes are the control domain's to choose, lazy memory a builder's to give to others. */
	if (!(flags & PV_XENMEMF_vnode) && NODE(flags) && (flags & PV_XENMEMF_exact_node_request))
		return false;
	return op != PV_XENMEM_populate_physmap || !(flags & PV_XENMEMF_populate_on_demand);
}

int64_t pv_do_reservation(struct pv_domain *d, unsigned vcpu, unsigned op, uint64_t start,
			  uint64_t gva)
{
	struct pv_memory_reservation a;
	uint64_t gfn, i, end;

	if (!d->vmm.populate || !d->vmm.release)
		return -PV_ENOSYS;
	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)) || a.nr_extents > MAX_EXTENTS ||
	    start >= a.nr_extents || !pv_domain_is_self(d, a.domid) || !flags_ok(op, a.mem_flags) ||
	    a.extent_order > MAX_ORDER || !pv_guest_range_ok(a.extent_start, a.nr_extents, 8))
		return (int64_t)start;
	if (op == PV_XENMEM_increase_reservation)
		return increase(d, &a, start);
	/* So many and no more in one call, so that the vCPU gets back to where it can be stopped. */
	end = a.nr_extents - start > PV_MAX_BATCH ? start + PV_MAX_BATCH : a.nr_extents;
	for (i = start; i < end; i++) {
		if (i != start && i % PV_BATCH == 0)
			pv_domain_breathe(d);
		if (pv_guest_read(d, vcpu, &gfn, a.extent_start + i * 8, 8) ||
		    resize(d, op, gfn, a.extent_order) < 0)
			break;
	}
	return (int64_t)i;
}

/* Machine frames cannot be exchanged where the guest has none; the order of checks is Xen's. */
static int64_t exchange(struct pv_domain *d, unsigned vcpu, const struct pv_memory_exchange *a)
{
	uint64_t gfn;
	int rc;

	if (a->in.extent_order > MAX_ORDER || a->out.extent_order > MAX_ORDER)
		return -PV_EPERM;
	if (a->nr_exchanged > a->in.nr_extents || a->in.domid != a->out.domid ||
	    UINT64_MAX >> a->in.extent_order < a->in.nr_extents ||
	    UINT64_MAX >> a->out.extent_order < a->out.nr_extents ||
	    a->in.nr_extents << a->in.extent_order != a->out.nr_extents << a->out.extent_order)
		return -PV_EINVAL;
	if (a->nr_exchanged == a->in.nr_extents)
		return 0;
	if (!pv_guest_range_ok(a->in.extent_start, a->in.nr_extents, 8) ||
	    !pv_guest_range_ok(a->out.extent_start, a->out.nr_extents, 8))
		return -PV_EFAULT;
	if (!flags_ok(PV_XENMEM_exchange, a->out.mem_flags))
		return -PV_EINVAL;
	rc = pv_domain_not_self(d, a->in.domid);
	if (rc)
		return rc;
	if (pv_guest_read(d, vcpu, &gfn, a->in.extent_start + a->nr_exchanged * 8, 8))
		return -PV_EFAULT;
	return pv_domain_page(d, gfn, 0) ? -PV_EOPNOTSUPP : -PV_EINVAL;
}

int64_t pv_do_memory_exchange(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_memory_exchange a;
	int64_t rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = exchange(d, vcpu, &a);
	if (rc && pv_guest_write(d, vcpu, gva + offsetof(struct pv_memory_exchange, nr_exchanged),
				 &a.nr_exchanged, sizeof(a.nr_exchanged)))
		return -PV_EFAULT;
	return rc;
}
