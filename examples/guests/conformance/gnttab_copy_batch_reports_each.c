/*
 * gnttab_copy_batch_reports_each: In a batch each copy has its own status: a bad one in the middle
 * does not spoil the others.
 */
#include "conformance.h"

CASE(gnttab_copy_batch_reports_each)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c[3];
	unsigned i;

	CHECK(from && to);
	memset(from, 9, 4096);
	for (i = 0; i < 3; i++) {
		c[i] = copy_pages(from, to, 10);
		c[i].dest.offset = i * 100;
	}
	c[1].dest.offset = 4090;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_copy, c, 3), 0);
	CHECK_EQ(c[0].status, PV_GNTST_okay);
	CHECK_EQ(c[1].status, PV_GNTST_bad_copy_arg);
	CHECK_EQ(c[2].status, PV_GNTST_okay);
	CHECK_EQ(to[0], 9);
	CHECK_EQ(to[4090], 0);
	CHECK_EQ(to[209], 9);
	pages_free(from, 1);
	pages_free(to, 1);
}
