/*
 * gnttab_map_refuses_unknown_domain: Mapping a grant of a domain that does not exist: bad domain.
 */
#include "conformance.h"

CASE(gnttab_map_refuses_unknown_domain)
{
	struct pv_gnttab_map_grant_ref m = {
		.host_addr = 0, .flags = PV_GNTMAP_host_map, .ref = 8, .dom = NO_DOMAIN};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_map_grant_ref, &m, 1), 0);
	CHECK_EQ(m.status, PV_GNTST_bad_domain);
}
