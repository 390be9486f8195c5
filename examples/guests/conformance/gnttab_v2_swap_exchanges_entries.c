/*
 * gnttab_v2_swap_exchanges_entries: Two entries of version 2 can be exchanged, whole.
 */
#include "conformance.h"

CASE(gnttab_v2_swap_exchanges_entries)
{
	struct pv_gnttab_swap_grant_ref s;
	int64_t a = pv_gnttab_alloc(pv), b = pv_gnttab_alloc(pv);
	char *page = pages_alloc(1);

	CHECK(a > 0 && b > 0 && page);
	if (!v2_enter())
		return;
	v2_lend((uint32_t)a, page, PV_GTF_readonly, 16, 32);
	s.ref_a = (uint32_t)a;
	s.ref_b = (uint32_t)b;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_swap_grant_ref, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_okay);
	CHECK_EQ(v2_entry((uint32_t)a)->hdr.flags, 0);
	CHECK_EQ(v2_entry((uint32_t)b)->sub_page.length, 32);
	CHECK_EQ(v2_entry((uint32_t)b)->sub_page.frame, va_to_gfn(page));
	v2_entry((uint32_t)b)->hdr.flags = 0;
	v2_leave();
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)a), 0);
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)b), 0);
	pages_free(page, 1);
}
