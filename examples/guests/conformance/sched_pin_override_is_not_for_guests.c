/*
 * sched_pin_override_is_not_for_guests: Only the initial domain pins itself: EPERM.
 */
#include "conformance.h"

CASE(sched_pin_override_is_not_for_guests)
{
	struct pv_sched_pin_override p = {.pcpu = 0};

	SKIP_IF(is_privileged(), "the initial domain may");
	CHECK_EQ(sched_op(PV_SCHEDOP_pin_override, &p), -PV_EPERM);
}
