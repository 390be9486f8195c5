/*
 * gnttab_operations_of_pv_are_refused_in_pvh: Transfers, unmap-and-replace, lists of status frames
 * and cache flushes are for PV guests; in PVH: ENOSYS.
 */
#include "conformance.h"

CASE(gnttab_operations_of_pv_are_refused_in_pvh)
{
	uint64_t arg[8] = {0};

	SKIP_IF(!is_pvh(), "a PV guest has them");
	CHECK_EQ(gnttab_op(PV_GNTTABOP_transfer, arg, 1), -PV_ENOSYS);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_unmap_and_replace, arg, 1), -PV_ENOSYS);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_status_frames, arg, 1), -PV_ENOSYS);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_cache_flush, arg, 1), -PV_ENOSYS);
}
