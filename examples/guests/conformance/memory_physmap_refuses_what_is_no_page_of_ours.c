/*
 * memory_physmap_refuses_what_is_no_page_of_ours: Pages of other domains come by batch only
 * (ENOSYS), devices not at all (EACCES), and an unknown space is invalid, like a place that
 * cannot be.
 */
#include "conformance.h"

CASE(memory_physmap_refuses_what_is_no_page_of_ours)
{
	SKIP_IF(!pv_is_translated(pv), "classic PV places nothing");
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_gmfn_foreign, 0, 0x100), -PV_ENOSYS);
	if (!is_privileged())
		CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_dev_mmio, 0, 0x100), -PV_EACCES);
	CHECK_EQ(pv_add_to_physmap(pv, 77, 0, 0x100), -PV_EINVAL);
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_shared_info, 1, 0x100), -PV_EINVAL);
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_gmfn, 0x100, UINT64_MAX), -PV_EINVAL);
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_gmfn, 1ull << 36, 0x100), -PV_EINVAL);
}
