/*
 * memory_physmap_refuses_grant_frame_beyond_limit: A frame of the grant table beyond its limit
 * cannot be placed: EINVAL.
 */
#include "conformance.h"

CASE(memory_physmap_refuses_grant_frame_beyond_limit)
{
	SKIP_IF(!pv_is_translated(pv), "classic PV maps machine frames");
	CHECK_EQ(pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table, 1 << 20, 0x100), -PV_EINVAL);
}
