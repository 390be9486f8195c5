/*
 * gnttab_get_version_refuses_unknown_domain: The version of a domain that does not exist: ESRCH.
 */
#include "conformance.h"

CASE(gnttab_get_version_refuses_unknown_domain)
{
	struct pv_gnttab_get_version g = {.dom = NO_DOMAIN};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_get_version, &g, 1), -PV_ESRCH);
}
