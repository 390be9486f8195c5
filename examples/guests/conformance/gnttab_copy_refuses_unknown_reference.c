/*
 * gnttab_copy_refuses_unknown_reference: A copy from a reference beyond the table: bad grant
 * reference.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_unknown_reference)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	c.source.u.ref = UINT32_MAX;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_gntref);
	pages_free(from, 1);
	pages_free(to, 1);
}
