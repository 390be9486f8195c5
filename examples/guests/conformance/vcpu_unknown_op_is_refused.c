/*
 * vcpu_unknown_op_is_refused: A vCPU operation that does not exist: ENOSYS.
 */
#include "conformance.h"

CASE(vcpu_unknown_op_is_refused)
{
	uint64_t arg[8] = {0};

	CHECK_EQ(vcpu_op(99, 0, arg), -PV_ENOSYS);
}
