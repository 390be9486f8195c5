/*
 * vcpu_running_vcpu_is_up: The vCPU that asks is up; to bring it up again is no error.
 */
#include "conformance.h"

CASE(vcpu_running_vcpu_is_up)
{
	CHECK_EQ(vcpu_op(PV_VCPUOP_is_up, 0, NULL), 1);
	CHECK_EQ(vcpu_op(PV_VCPUOP_up, 0, NULL), 0);
}
