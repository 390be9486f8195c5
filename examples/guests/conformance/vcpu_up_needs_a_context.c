/*
 * vcpu_up_needs_a_context: A vCPU that was never given a context cannot be brought up, and is not
 * up: EINVAL.
 */
#include "conformance.h"

CASE(vcpu_up_needs_a_context)
{
	unsigned last = guest->vcpus - 1;

	SKIP_IF(guest->vcpus < 3, "needs a vCPU that no case starts");
	CHECK_EQ(vcpu_op(PV_VCPUOP_is_up, last, NULL), 0);
	CHECK_EQ(vcpu_op(PV_VCPUOP_up, last, NULL), -PV_EINVAL);
}
