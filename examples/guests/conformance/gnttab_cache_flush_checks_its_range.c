/*
 * gnttab_cache_flush_checks_its_range: A cache flush of nothing is done at once; one beyond a
 * page is invalid. A host may not have the operation: ENOSYS.
 */
#include "conformance.h"

CASE(gnttab_cache_flush_checks_its_range)
{
	struct pv_gnttab_cache_flush f = {.op = PV_GNTTAB_CACHE_CLEAN};
	int rc = gnttab_op(PV_GNTTABOP_cache_flush, &f, 1);

	SKIP_IF(rc == -PV_ENOSYS, "the host has no cache flush");
	CHECK_EQ(rc, 0);
	f.offset = 4095;
	f.length = 2;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_cache_flush, &f, 1), -PV_EINVAL);
	f.offset = 0;
	f.length = 8;
	f.op = 4;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_cache_flush, &f, 1), -PV_EINVAL);
}
