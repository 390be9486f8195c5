/*
 * gnttab_copy_frame_to_frame: A copy between two own frames, without any grant, copies exactly the
 * bytes asked for.
 */
#include "conformance.h"

CASE(gnttab_copy_frame_to_frame)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	unsigned i;

	CHECK(from && to);
	for (i = 0; i < 4096; i++)
		from[i] = (char)i;
	c.source.offset = 50;
	c.dest.offset = 200;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK(!memcmp(to + 200, from + 50, 100));
	CHECK_EQ(to[199], 0);
	CHECK_EQ(to[300], 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
