/*
 * version_unknown_op_is_refused: A version operation that does not exist: ENOSYS.
 */
#include "conformance.h"

CASE(version_unknown_op_is_refused)
{
	uint64_t arg[8] = {0};

	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xen_version, 99, ADDR(arg)), -PV_ENOSYS);
}
