/*
 * gnttab_v2_copy_stays_within_the_part: A grant of a part of a page can be copied from and to
 * within that part; one byte beyond either end is a general error.
 */
#include "conformance.h"

CASE(gnttab_v2_copy_stays_within_the_part)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 50);
	int64_t ref = pv_gnttab_alloc(pv);

	CHECK(from && to && ref > 0);
	memset(from, 0x45, 4096);
	if (!v2_enter())
		return;
	v2_lend((uint32_t)ref, from, 0, 100, 50);
	c.source.u.ref = (uint32_t)ref;
	c.source.offset = 100;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(to[49], 0x45);
	CHECK_EQ(to[50], 0);
	c.source.offset = 99;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	c.source.offset = 101;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	c.source.offset = 4090;
	CHECK_EQ(run_copy(&c), PV_GNTST_bad_copy_arg);
	c = copy_pages(to, from, 51);
	c.dest.u.ref = (uint32_t)ref;
	c.dest.offset = 100;
	c.flags = PV_GNTCOPY_dest_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	c.len = 50;
	to[0] = 0x46;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(from[100], 0x46);
	CHECK_EQ(v2_status((uint32_t)ref), 0);
	v2_entry((uint32_t)ref)->hdr.flags = 0;
	v2_leave();
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
