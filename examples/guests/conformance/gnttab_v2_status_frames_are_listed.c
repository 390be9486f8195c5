/*
 * gnttab_v2_status_frames_are_listed: The table has one status frame for 8 of its own; more
 * cannot be listed. In version 1 there is none.
 */
#include "conformance.h"

CASE(gnttab_v2_status_frames_are_listed)
{
	struct pv_gnttab_get_status_frames s = {.dom = PV_DOMID_SELF, .nr_frames = 1};
	uint64_t list[4];

	SKIP_IF(is_pvh(), "PVH guests place them and need no list");
	s.frame_list = ADDR(list);
	if (pv->gnttab.version == 1) {
		CHECK_EQ(gnttab_op(PV_GNTTABOP_get_status_frames, &s, 1), 0);
		CHECK_EQ(s.status, PV_GNTST_general_error);
	}
	if (!v2_enter())
		return;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_status_frames, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_okay);
	CHECK(list[0] != UINT64_MAX);
	s.nr_frames = 4;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_status_frames, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_general_error);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_status_frames, &s, 2), -PV_EINVAL);
	s.dom = NO_DOMAIN;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_status_frames, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_bad_domain);
	v2_leave();
}
