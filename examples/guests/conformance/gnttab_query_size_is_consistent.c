/*
 * gnttab_query_size_is_consistent: The grant table has at least one frame, and no more than its
 * limit.
 */
#include "conformance.h"

CASE(gnttab_query_size_is_consistent)
{
	struct pv_gnttab_query_size q = {.dom = PV_DOMID_SELF};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_query_size, &q, 1), 0);
	CHECK_EQ(q.status, PV_GNTST_okay);
	CHECK(q.nr_frames >= 1);
	CHECK(q.max_nr_frames >= q.nr_frames);
}
