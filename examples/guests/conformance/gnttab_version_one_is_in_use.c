/*
 * gnttab_version_one_is_in_use: The table is in version 1, asking for it again succeeds, and
 * version 3 is refused: EINVAL.
 */
#include "conformance.h"

CASE(gnttab_version_one_is_in_use)
{
	struct pv_gnttab_get_version g = {.dom = PV_DOMID_SELF};
	struct pv_gnttab_set_version s = {.version = 1};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_version, &g, 1), 0);
	CHECK_EQ(g.version, 1);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_set_version, &s, 1), 0);
	CHECK_EQ(s.version, 1);
	s.version = 3;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_set_version, &s, 1), -PV_EINVAL);
}
