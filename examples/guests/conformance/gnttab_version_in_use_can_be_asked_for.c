/*
 * gnttab_version_in_use_can_be_asked_for: Asking for the version that is in use succeeds, and version
 * 3 is refused: EINVAL. The answer is the version in use.
 */
#include "conformance.h"

CASE(gnttab_version_in_use_can_be_asked_for)
{
	struct pv_gnttab_get_version g = {.dom = PV_DOMID_SELF};
	struct pv_gnttab_set_version s = {.version = pv->gnttab.version};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_version, &g, 1), 0);
	CHECK_EQ(g.version, pv->gnttab.version);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_set_version, &s, 1), 0);
	CHECK_EQ(s.version, pv->gnttab.version);
	s.version = 3;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_set_version, &s, 1), -PV_EINVAL);
	CHECK_EQ(s.version, pv->gnttab.version);
}
