/*
 * vcpu_unknown_vcpu_is_refused: Operations on a vCPU that does not exist: ENOENT.
 */
#include "conformance.h"

CASE(vcpu_unknown_vcpu_is_refused)
{
	CHECK_EQ(vcpu_op(PV_VCPUOP_is_up, 4096, NULL), -PV_ENOENT);
	CHECK_EQ(vcpu_op(PV_VCPUOP_up, 4096, NULL), -PV_ENOENT);
}
