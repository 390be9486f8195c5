/*
 * hypercall_multicall_does_not_nest: A multicall in a multicall is refused, and the calls around
 * it are made.
 */
#include "conformance.h"

CASE(hypercall_multicall_does_not_nest)
{
	struct pv_multicall_entry e[2];

	memset(e, 0, sizeof(e));
	e[0].op = PV_HYPERVISOR_multicall;
	e[0].args[0] = ADDR(e);
	e[0].args[1] = 1;
	e[1].op = PV_HYPERVISOR_xen_version;
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_multicall, ADDR(e), 2), 0);
	CHECK_EQ(e[0].result, -PV_EINVAL);
	CHECK_EQ(e[1].result, pv->version);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_multicall, BAD_ADDRESS, 1), -PV_EFAULT);
}
