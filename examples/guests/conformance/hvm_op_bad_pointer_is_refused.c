/*
 * hvm_op_bad_pointer_is_refused: An argument at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(hvm_op_bad_pointer_is_refused)
{
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_hvm_op, PV_HVMOP_get_param, BAD_ADDRESS),
		 -PV_EFAULT);
}
