/*
 * gnttab_copy_of_nothing: A copy of 0 bytes succeeds, and so does a batch of 0 copies.
 */
#include "conformance.h"

CASE(gnttab_copy_of_nothing)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	c.len = 0;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_copy, &c, 0), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
