/*
 * gnttab_unknown_op_is_refused: A grant table operation that does not exist: ENOSYS.
 */
#include "conformance.h"

CASE(gnttab_unknown_op_is_refused)
{
	uint64_t arg[8] = {0};

	CHECK_EQ(gnttab_op(99, arg, 1), -PV_ENOSYS);
}
