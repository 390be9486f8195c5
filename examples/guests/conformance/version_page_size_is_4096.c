/*
 * version_page_size_is_4096: The page size of the interface is 4096 bytes.
 */
#include "conformance.h"

CASE(version_page_size_is_4096)
{
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_xen_version, PV_XENVER_pagesize, 0), 4096);
}
