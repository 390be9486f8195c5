/*
 * evtchn_unknown_op_is_refused: An event channel operation that does not exist: ENOSYS.
 */
#include "conformance.h"

CASE(evtchn_unknown_op_is_refused)
{
	uint64_t arg[8] = {0};

	CHECK_EQ(evtchn_op(99, arg), -PV_ENOSYS);
}
