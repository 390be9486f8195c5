/*
 * gnttab_v2_status_frame_needs_version_two: A status frame can be placed in version 2 only, and
 * none beyond those of the largest table: EINVAL.
 */
#include "conformance.h"

CASE(gnttab_v2_status_frame_needs_version_two)
{
	SKIP_IF(!pv_is_translated(pv), "classic PV places nothing");
	if (pv->gnttab.version == 1)
		CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table,
					   PV_XENMAPIDX_grant_table_status, 0x100),
			 -PV_EINVAL);
	if (!v2_enter())
		return;
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table,
				   PV_XENMAPIDX_grant_table_status | 0x1000, 0x100),
		 -PV_EINVAL);
	v2_leave();
}
