/*
 * gnttab_v2_can_be_chosen_and_left: While nothing is lent the table can be switched to version 2
 * and back: the version in use is told, and the entries start as zeros.
 */
#include "conformance.h"

CASE(gnttab_v2_can_be_chosen_and_left)
{
	struct pv_gnttab_get_version g = {.dom = PV_DOMID_SELF};
	struct pv_gnttab_set_version s = {.version = 3};
	uint64_t *entry = (uint64_t *)(void *)v2_entry(20);
	unsigned own = pv->gnttab.version;

	if (own == 1)
		entry[0] = 0x1234567890; /* permits nothing */
	if (!v2_enter())
		return;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_version, &g, 1), 0);
	CHECK_EQ(g.version, 2);
	CHECK_EQ(entry[0], 0);
	CHECK_EQ(v2_status(20), 0);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_set_version, &s, 1), -PV_EINVAL);
	CHECK_EQ(s.version, 2);
	v2_leave();
	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_version, &g, 1), 0);
	CHECK_EQ(g.version, own);
}
