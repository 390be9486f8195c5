/*
 * hvm_param_unknown_index_is_refused: A parameter number beyond the last: EINVAL.
 */
#include "conformance.h"

CASE(hvm_param_unknown_index_is_refused)
{
	CHECK_EQ(pv_hvm_param_get(pv, 1000), -PV_EINVAL);
	CHECK_EQ(pv_hvm_param_set(pv, 1000, 1), -PV_EINVAL);
}
