/*
 * gnttab_v2_copy_from_whole_page: A copy from a grant of a whole page reads it all; no mark of
 * use is left.
 */
#include "conformance.h"

CASE(gnttab_v2_copy_from_whole_page)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 4096);
	int64_t ref = pv_gnttab_alloc(pv);

	CHECK(from && to && ref > 0);
	memset(from, 0x44, 4096);
	if (!v2_enter())
		return;
	v2_lend((uint32_t)ref, from, PV_GTF_readonly, 0, 0);
	c.source.u.ref = (uint32_t)ref;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(to[0], 0x44);
	CHECK_EQ(to[4095], 0x44);
	CHECK_EQ(v2_status((uint32_t)ref), 0);
	c = copy_pages(to, from, 8);
	c.dest.u.ref = (uint32_t)ref;
	c.flags = PV_GNTCOPY_dest_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error); /* read-only */
	CHECK_EQ(v2_status((uint32_t)ref), 0);
	v2_entry((uint32_t)ref)->hdr.flags = 0;
	v2_leave();
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
