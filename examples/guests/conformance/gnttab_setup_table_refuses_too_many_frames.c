/*
 * gnttab_setup_table_refuses_too_many_frames: Asking for more frames than the limit: the status
 * says general error.
 */
#include "conformance.h"

CASE(gnttab_setup_table_refuses_too_many_frames)
{
	struct pv_gnttab_setup_table s = {.dom = PV_DOMID_SELF, .nr_frames = 1 << 20};
	uint64_t list[1];

	s.frame_list = ADDR(list);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_setup_table, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_general_error);
}
