/*
 * memory_unknown_op_is_refused: A memory operation that does not exist: ENOSYS.
 */
#include "conformance.h"

CASE(memory_unknown_op_is_refused)
{
	uint64_t arg[8] = {0};

	CHECK_EQ(memory_op(60, arg), -PV_ENOSYS);
}
