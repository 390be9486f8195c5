/*
 * gnttab_copy_refuses_frame_of_unknown_domain: A frame of a domain that does not exist: bad
 * domain.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_frame_of_unknown_domain)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	c.source.domid = NO_DOMAIN;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_domain);
	pages_free(from, 1);
	pages_free(to, 1);
}
