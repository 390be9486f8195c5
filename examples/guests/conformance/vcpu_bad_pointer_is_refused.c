/*
 * vcpu_bad_pointer_is_refused: An argument at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(vcpu_bad_pointer_is_refused)
{
	CHECK_EQ(vcpu_op(PV_VCPUOP_set_singleshot_timer, 0, (void *)BAD_ADDRESS), -PV_EFAULT);
	CHECK_EQ(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, (void *)BAD_ADDRESS), -PV_EFAULT);
}
