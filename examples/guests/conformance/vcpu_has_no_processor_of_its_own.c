/*
 * vcpu_has_no_processor_of_its_own: A vCPU that is not pinned has no physical number: EINVAL.
 */
#include "conformance.h"

CASE(vcpu_has_no_processor_of_its_own)
{
	struct pv_vcpu_get_physid p;

	CHECK_EQ(vcpu_op(PV_VCPUOP_get_physid, 0, &p), -PV_EINVAL);
}
