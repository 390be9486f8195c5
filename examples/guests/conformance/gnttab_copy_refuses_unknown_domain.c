/*
 * gnttab_copy_refuses_unknown_domain: A copy from a grant of a domain that does not exist: bad
 * domain.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_unknown_domain)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	c.source.u.ref = 8;
	c.source.domid = NO_DOMAIN;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_domain);
	pages_free(from, 1);
	pages_free(to, 1);
}
