/*
 * gnttab_map_refuses_no_kind_of_map: Mapping neither for the processor nor for devices is refused:
 * bad grant reference.
 */
#include "conformance.h"

CASE(gnttab_map_refuses_no_kind_of_map)
{
	struct pv_gnttab_map_grant_ref m = {.host_addr = 0, .flags = 0, .ref = 8, .dom = own_domid};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_map_grant_ref, &m, 1), 0);
	CHECK_EQ(m.status, PV_GNTST_bad_gntref);
}
