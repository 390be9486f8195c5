/*
 * memory_reservation_is_consistent: The domain holds memory, and no more than its maximum allows.
 */
#include "conformance.h"

CASE(memory_reservation_is_consistent)
{
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	int64_t now =
		pv_hypercall2(pv, PV_HYPERVISOR_memory_op, PV_XENMEM_current_reservation, ADDR(&d));
	int64_t max =
		pv_hypercall2(pv, PV_HYPERVISOR_memory_op, PV_XENMEM_maximum_reservation, ADDR(&d));

	CHECK(now > 0);
	CHECK((uint64_t)now >= guest->ram_bytes >> 12);
	CHECK(max >= now);
}
