/*
 * memory_page_moves_to_another_place: A page of RAM can be moved to another frame of the same
 * domain: what was there is gone, its old place is a hole, and the domain has one page less.
 */
#include "conformance.h"

CASE(memory_page_moves_to_another_place)
{
	struct pv_memory_reservation r = {.nr_extents = 1, .domid = PV_DOMID_SELF};
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	char *from = pages_alloc(1), *to = pages_alloc(1);
	uint64_t gfn = va_to_gfn(from);
	int before;

	SKIP_IF(!pv_is_translated(pv), "classic PV has its own table");
	CHECK(from && to);
	memset(from, 0x31, 4096);
	before = memory_op(PV_XENMEM_current_reservation, &d);
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_gmfn, gfn, va_to_gfn(to)), 0);
	CHECK_EQ(to[0], 0x31);
	CHECK_EQ(to[4095], 0x31);
	CHECK_EQ(memory_op(PV_XENMEM_current_reservation, &d), before - 1);
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_gmfn, gfn, va_to_gfn(to)), -PV_EINVAL);
	r.extent_start = ADDR(&gfn);
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, &r), 1);
	CHECK_EQ(memory_op(PV_XENMEM_current_reservation, &d), before);
	memset(from, 1, 4096);
	pages_free(from, 1);
	pages_free(to, 1);
}
