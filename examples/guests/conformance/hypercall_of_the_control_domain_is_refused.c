/*
 * hypercall_of_the_control_domain_is_refused: platform_op is the control domain's (EPERM), a
 * device model needs another domain, and performance counters are not had in PVH (EOPNOTSUPP).
 */
#include "conformance.h"

CASE(hypercall_of_the_control_domain_is_refused)
{
	uint32_t op[64] = {0, 0x03000001}; /* command, version of the interface */

	SKIP_IF(is_privileged(), "the initial domain may");
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_platform_op, ADDR(op), 0), -PV_EPERM);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_platform_op, BAD_ADDRESS, 0), -PV_EFAULT);
	CHECK_EQ(pv_hypercall3(pv, PV_HYPERVISOR_dm_op, own_domid, 1, ADDR(op)), -PV_EPERM);
	CHECK_EQ(pv_hypercall3(pv, PV_HYPERVISOR_dm_op, NO_DOMAIN, 1, ADDR(op)), -PV_ESRCH);
	CHECK_EQ(pv_hypercall3(pv, PV_HYPERVISOR_dm_op, own_domid, 1000, ADDR(op)), -PV_E2BIG);
	if (is_pvh())
		CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xenpmu_op, 0, ADDR(op)), -PV_EOPNOTSUPP);
}
