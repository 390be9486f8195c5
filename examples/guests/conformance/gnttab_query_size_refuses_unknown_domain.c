/*
 * gnttab_query_size_refuses_unknown_domain: The table of a domain that does not exist: the status
 * says bad domain.
 */
#include "conformance.h"

CASE(gnttab_query_size_refuses_unknown_domain)
{
	struct pv_gnttab_query_size q = {.dom = NO_DOMAIN};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_query_size, &q, 1), 0);
	CHECK_EQ(q.status, PV_GNTST_bad_domain);
}
