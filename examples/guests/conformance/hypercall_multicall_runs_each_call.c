/*
 * hypercall_multicall_runs_each_call: A multicall makes every call in it and stores each result.
 */
#include "conformance.h"

CASE(hypercall_multicall_runs_each_call)
{
	struct pv_multicall_entry m[3];

	memset(m, 0, sizeof(m));
	m[0].op = PV_HYPERVISOR_xen_version;
	m[0].args[0] = PV_XENVER_version;
	m[1].op = 63;
	m[2].op = PV_HYPERVISOR_xen_version;
	m[2].args[0] = PV_XENVER_pagesize;
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_multicall, ADDR(m), 3), 0);
	CHECK_EQ(m[0].result, pv->version);
	CHECK_EQ(m[1].result, -PV_ENOSYS);
	CHECK_EQ(m[2].result, 4096);
}
