/*
 * gnttab_bad_pointer_is_refused: An argument at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(gnttab_bad_pointer_is_refused)
{
	CHECK_EQ(gnttab_op(PV_GNTTABOP_copy, (void *)BAD_ADDRESS, 1), -PV_EFAULT);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_map_grant_ref, (void *)BAD_ADDRESS, 1), -PV_EFAULT);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_query_size, (void *)BAD_ADDRESS, 1), -PV_EFAULT);
}
