/*
 * gnttab_copy_reaches_the_page_end: A copy may end exactly at the end of a page.
 */
#include "conformance.h"

CASE(gnttab_copy_reaches_the_page_end)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);

	CHECK(from && to);
	memset(from, 7, 4096);
	c.source.offset = 4096 - 100;
	c.dest.offset = 4096 - 100;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(to[4095], 7);
	CHECK_EQ(to[4096 - 101], 0);
	c = copy_pages(from, to, 4096);
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(to[0], 7);
	pages_free(from, 1);
	pages_free(to, 1);
}
