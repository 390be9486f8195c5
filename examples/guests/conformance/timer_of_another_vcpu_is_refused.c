/*
 * timer_of_another_vcpu_is_refused: A vCPU can only set its own timers: EINVAL.
 */
#include "conformance.h"

CASE(timer_of_another_vcpu_is_refused)
{
	struct pv_vcpu_set_singleshot_timer s = {.timeout_abs_ns = 1};

	SKIP_IF(guest->vcpus < 2, "one vCPU");
	CHECK_EQ(vcpu_op(PV_VCPUOP_set_singleshot_timer, 1, &s), -PV_EINVAL);
	CHECK_EQ(vcpu_op(PV_VCPUOP_stop_singleshot_timer, 1, NULL), -PV_EINVAL);
}
