/*
 * memory_reservation_of_bad_list_does_nothing: A reservation that cannot be read, of a domain
 * that is not there, of pages too great or with flags that make no sense: no extent is done,
 * which is 0 and no error.
 */
#include "conformance.h"

CASE(memory_reservation_of_bad_list_does_nothing)
{
	struct pv_memory_reservation r = {.nr_extents = 1, .domid = PV_DOMID_SELF};
	uint64_t gfn = 1ull << 40;

	r.extent_start = ADDR(&gfn);
	CHECK_EQ(memory_op(PV_XENMEM_decrease_reservation, (void *)BAD_ADDRESS), 0);
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, (void *)BAD_ADDRESS), 0);
	r.domid = NO_DOMAIN;
	CHECK_EQ(memory_op(PV_XENMEM_decrease_reservation, &r), 0);
	r.domid = PV_DOMID_SELF;
	r.extent_order = 40;
	CHECK_EQ(memory_op(PV_XENMEM_decrease_reservation, &r), 0);
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, &r), 0);
	r.extent_order = 0;
	r.mem_flags = 12; /* memory of 12 address bits */
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, &r), 0);
	r.mem_flags = PV_XENMEMF_populate_on_demand;
	CHECK_EQ(memory_op(PV_XENMEM_populate_physmap, &r), 0);
}
