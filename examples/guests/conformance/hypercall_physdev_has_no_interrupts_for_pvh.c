/*
 * hypercall_physdev_has_no_interrupts_for_pvh: A PVH guest without devices has no physical
 * interrupts: ENOSYS.
 */
#include "conformance.h"

CASE(hypercall_physdev_has_no_interrupts_for_pvh)
{
	static const unsigned ops[] = {PV_PHYSDEVOP_map_pirq, PV_PHYSDEVOP_unmap_pirq,
				       PV_PHYSDEVOP_eoi, PV_PHYSDEVOP_irq_status_query,
				       PV_PHYSDEVOP_get_free_pirq};
	uint64_t arg[8] = {0};
	unsigned i;

	SKIP_IF(!is_pvh(), "PVH only");
	for (i = 0; i < 5; i++)
		CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_physdev_op, ops[i], ADDR(arg)),
			 -PV_ENOSYS);
}
