/*
 * version_number_is_returned: The version call returns major and minor in one number.
 */
#include "conformance.h"

CASE(version_number_is_returned)
{
	int64_t v = pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_version, 0);

	CHECK(v >> 16 >= 3);
	CHECK(v >> 16 < 100);
	CHECK_EQ(v, pv->version);
}
