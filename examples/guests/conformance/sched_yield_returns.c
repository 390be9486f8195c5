/*
 * sched_yield_returns: Yielding returns 0.
 */
#include "conformance.h"

CASE(sched_yield_returns)
{
	CHECK_EQ(sched_op(PV_SCHEDOP_yield, NULL), 0);
}
