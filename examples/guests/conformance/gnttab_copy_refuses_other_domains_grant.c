/*
 * gnttab_copy_refuses_other_domains_grant: A copy from a reference that was granted to another
 * domain: general error.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_other_domains_grant)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	uint32_t ref;

	CHECK(from && to);
	ref = lend(own_domid + 1, from, PV_GRANT_RO);
	c.source.u.ref = ref;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
