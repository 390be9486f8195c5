/*
 * gnttab_setup_table_lists_places: A translated guest is told where it has put its frames, and
 * all ones for what has no place.
 */
#include "conformance.h"

CASE(gnttab_setup_table_lists_places)
{
	uint64_t list[PV_GNTTAB_MAX_FRAMES];
	struct pv_gnttab_setup_table s = {
		.dom = PV_DOMID_SELF, .nr_frames = 1, .frame_list = ADDR(list)};

	SKIP_IF(!pv_is_translated(pv), "classic PV is told machine frames");
	CHECK_EQ(gnttab_op(PV_GNTTABOP_setup_table, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_okay);
	CHECK_EQ(list[0], va_to_gfn(pv->gnttab.frame[0]));
	s.dom = NO_DOMAIN;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_setup_table, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_bad_domain);
	s.dom = PV_DOMID_SELF;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_setup_table, &s, 2), -PV_EINVAL);
}
