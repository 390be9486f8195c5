/*
 * memory_page_can_be_removed: A page of RAM can be removed from the physical map: a second time
 * there is none (ENOENT), and the domain is still charged for it.
 */
#include "conformance.h"

CASE(memory_page_can_be_removed)
{
	struct pv_remove_from_physmap r = {.domid = PV_DOMID_SELF};
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	char *page = pages_alloc(1);
	int before = memory_op(PV_XENMEM_current_reservation, &d);

	SKIP_IF(!is_pvh(), "PVH only");
	CHECK(page);
	r.gpfn = va_to_gfn(page);
	CHECK_EQ(memory_op(PV_XENMEM_remove_from_physmap, &r), 0);
	CHECK_EQ(memory_op(PV_XENMEM_remove_from_physmap, &r), -PV_ENOENT);
	CHECK_EQ(memory_op(PV_XENMEM_current_reservation, &d), before);
	r.gpfn = 1ull << 36;
	CHECK_EQ(memory_op(PV_XENMEM_remove_from_physmap, &r), -PV_ENOENT);
	r.domid = NO_DOMAIN;
	CHECK_EQ(memory_op(PV_XENMEM_remove_from_physmap, &r), -PV_ESRCH);
}
