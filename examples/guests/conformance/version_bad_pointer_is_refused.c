/*
 * version_bad_pointer_is_refused: An argument at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(version_bad_pointer_is_refused)
{
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_get_features, BAD_ADDRESS),
		 -PV_EFAULT);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_extraversion, BAD_ADDRESS),
		 -PV_EFAULT);
}
