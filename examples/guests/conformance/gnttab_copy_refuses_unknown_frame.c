/*
 * gnttab_copy_refuses_unknown_frame: A copy from a frame that the domain does not have is refused
 * and copies nothing.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_unknown_frame)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	c.source.u.gmfn = 1ull << 40;
	CHECK(run_copy(&c) < 0 && c.status != PV_GNTST_okay);
	CHECK_EQ(to[0], 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
