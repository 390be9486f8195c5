/*
 * memory_page_can_be_given_back_and_taken: A page of RAM can be given to the host and another
 * taken in its place, which is usable.
 */
#include "conformance.h"

CASE(memory_page_can_be_given_back_and_taken)
{
	struct pv_memory_reservation r = {.nr_extents = 1, .domid = PV_DOMID_SELF};
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	char *page = pages_alloc(1);
	uint64_t gfn = va_to_gfn(page);
	int before, without;

	SKIP_IF(!pv_is_translated(pv), "classic PV would have to unmap the page first");
	CHECK(page);
	before = memory_op(PV_XENMEM_current_reservation, &d);
	r.extent_start = ADDR(&gfn);
	CHECK_EQ(memory_op(PV_XENMEM_decrease_reservation, &r), 1);
	without = memory_op(PV_XENMEM_current_reservation, &d);
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, &r), 1);
	CHECK_EQ(without, before - 1);
	CHECK_EQ(memory_op(PV_XENMEM_current_reservation, &d), before);
	memset(page, 0x77, 4096);
	CHECK_EQ(page[4095], 0x77);
	pages_free(page, 1);
}
