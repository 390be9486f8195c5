/*
 * memory_physmap_batch_reports_each: A batch of moves reports each of them; a range is no business
 * of a batch (EOPNOTSUPP), and a page of another domain cannot be had (EPERM; an initial domain,
 * which could, is told that there is no such domain).
 */
#include "conformance.h"

CASE(memory_physmap_batch_reports_each)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	uint64_t idx[2] = {1ull << 36, va_to_gfn(from)}, gfn[2];
	struct pv_memory_reservation r = {.nr_extents = 1, .domid = PV_DOMID_SELF};
	struct pv_add_to_physmap_batch b;
	int32_t errs[2] = {7, 7};

	SKIP_IF(!pv_is_translated(pv), "classic PV places nothing");
	CHECK(from && to);
	memset(&b, 0, sizeof(b));
	b.domid = PV_DOMID_SELF;
	b.space = PV_XENMAPSPACE_gmfn;
	b.size = 2;
	b.idxs = ADDR(idx);
	b.gpfns = ADDR(gfn);
	b.errs = ADDR(errs);
	gfn[0] = gfn[1] = va_to_gfn(to);
	CHECK_EQ(memory_op(PV_XENMEM_add_to_physmap_batch, &b), 0);
	CHECK_EQ(errs[0], -PV_EINVAL);
	CHECK_EQ(errs[1], 0);
	r.extent_start = ADDR(&idx[1]);
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, &r), 1);
	b.space = PV_XENMAPSPACE_gmfn_range;
	CHECK_EQ(memory_op(PV_XENMEM_add_to_physmap_batch, &b), -PV_EOPNOTSUPP);
	b.space = PV_XENMAPSPACE_gmfn_foreign;
	b.u.foreign_domid = NO_DOMAIN;
	b.size = 1;
	CHECK_EQ(memory_op(PV_XENMEM_add_to_physmap_batch, &b), 0);
	CHECK_EQ(errs[0], is_privileged() ? -PV_ESRCH : -PV_EPERM);
	pages_free(from, 1);
	pages_free(to, 1);
}
