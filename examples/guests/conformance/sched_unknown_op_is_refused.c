/*
 * sched_unknown_op_is_refused: A scheduling operation that does not exist: ENOSYS.
 */
#include "conformance.h"

CASE(sched_unknown_op_is_refused)
{
	uint64_t arg[8] = {0};

	CHECK_EQ(sched_op(99, arg), -PV_ENOSYS);
}
