/*
 * timer_periodic_refuses_too_short_a_period: A period under a millisecond is refused: EINVAL.
 */
#include "conformance.h"

CASE(timer_periodic_refuses_too_short_a_period)
{
	struct pv_vcpu_set_periodic_timer t = {.period_ns = MS - 1};

	CHECK_EQ(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, &t), -PV_EINVAL);
}
