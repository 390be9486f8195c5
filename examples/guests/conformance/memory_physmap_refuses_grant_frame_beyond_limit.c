/*
 * memory_physmap_refuses_grant_frame_beyond_limit: A frame of the grant table beyond its limit
 * cannot be placed: EINVAL. Classic PV, which maps machine frames, cannot place any: EACCES.
 */
#include "conformance.h"

CASE(memory_physmap_refuses_grant_frame_beyond_limit)
{
	int rc = pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table, 1 << 20, 0x100);

	CHECK_EQ(rc, pv_is_translated(pv) ? -PV_EINVAL : -PV_EACCES);
}
