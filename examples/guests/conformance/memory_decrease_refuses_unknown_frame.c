/*
 * memory_decrease_refuses_unknown_frame: Giving back a frame that the domain does not have: none
 * is done.
 */
#include "conformance.h"

CASE(memory_decrease_refuses_unknown_frame)
{
	struct pv_memory_reservation r = {.nr_extents = 1, .domid = PV_DOMID_SELF};
	uint64_t gfn = 1ull << 40;

	r.extent_start = ADDR(&gfn);
	CHECK_EQ(memory_op(PV_XENMEM_decrease_reservation, &r), 0);
}
