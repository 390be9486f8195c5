/*
 * gnttab_copy_refuses_crossing_a_page: A copy that would run over the end of source or destination
 * page: bad copy argument, nothing copied.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_crossing_a_page)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	memset(from, 1, 4096);
	c.source.offset = 4096 - 99;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_copy_arg);
	c.source.offset = 0;
	c.dest.offset = 4096 - 99;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_copy_arg);
	c.dest.offset = 0;
	c.len = 4097;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_copy_arg);
	CHECK_EQ(to[0], 0);
	CHECK_EQ(to[4095], 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
