/*
 * vcpu_nmi_takes_no_argument: An NMI is sent without an argument: EINVAL with one.
 */
#include "conformance.h"

CASE(vcpu_nmi_takes_no_argument)
{
	uint64_t arg = 0;

	CHECK_EQ(vcpu_op(PV_VCPUOP_send_nmi, 0, &arg), -PV_EINVAL);
}
