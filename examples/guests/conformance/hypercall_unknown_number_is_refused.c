/*
 * hypercall_unknown_number_is_refused: A hypercall number that nothing stands behind: ENOSYS.
 */
#include "conformance.h"

CASE(hypercall_unknown_number_is_refused)
{
	CHECK_EQ(pv_hypercall2(pv, 11, 0, 0), -PV_ENOSYS);
	CHECK_EQ(pv_hypercall2(pv, 47, 0, 0), -PV_ENOSYS);
	CHECK_EQ(pv_hypercall2(pv, 63, 0, 0), -PV_ENOSYS);
	CHECK_EQ(pv_hypercall2(pv, 127, 0, 0), -PV_ENOSYS);
}
