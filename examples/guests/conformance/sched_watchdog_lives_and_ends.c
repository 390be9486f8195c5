/*
 * sched_watchdog_lives_and_ends: A watchdog is started, petted and stopped by its number; two can
 * be had (ENOSPC), and one that was never started is unknown: EINVAL.
 */
#include "conformance.h"

CASE(sched_watchdog_lives_and_ends)
{
	struct pv_sched_watchdog w = {.id = 0, .timeout = 600};
	int first = sched_op(PV_SCHEDOP_watchdog, &w), second;

	CHECK(first == 1 || first == 2);
	second = sched_op(PV_SCHEDOP_watchdog, &w);
	CHECK(second > 0 && second != first);
	CHECK_EQ(sched_op(PV_SCHEDOP_watchdog, &w), -PV_ENOSPC);
	w.id = (uint32_t)first;
	CHECK_EQ(sched_op(PV_SCHEDOP_watchdog, &w), 0);
	w.timeout = 0;
	CHECK_EQ(sched_op(PV_SCHEDOP_watchdog, &w), 0);
	CHECK_EQ(sched_op(PV_SCHEDOP_watchdog, &w), -PV_EINVAL);
	w.id = (uint32_t)second;
	CHECK_EQ(sched_op(PV_SCHEDOP_watchdog, &w), 0);
	w.id = 3;
	CHECK_EQ(sched_op(PV_SCHEDOP_watchdog, &w), -PV_EINVAL);
}
