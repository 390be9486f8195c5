/*
 * gnttab_swap_exchanges_idle_entries: Two references of which neither is in use change places; a
 * reference with itself is no error, one beyond the table is a bad reference.
 */
#include "conformance.h"

CASE(gnttab_swap_exchanges_idle_entries)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 8);
	int64_t other = pv_gnttab_alloc(pv);
	struct pv_gnttab_swap_grant_ref s;

	CHECK(from && to && other > 0);
	memset(from, 0x48, 4096);
	s.ref_a = lend(own_domid, from, PV_GRANT_RO);
	s.ref_b = (uint32_t)other;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_swap_grant_ref, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_okay);
	c.flags = PV_GNTCOPY_source_gref;
	c.source.u.ref = s.ref_a;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	c.source.u.ref = s.ref_b;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(to[0], 0x48);
	CHECK_EQ(pv_gnttab_end(pv, s.ref_b), 0);
	CHECK_EQ(pv_gnttab_free(pv, s.ref_a), 0);
	s.ref_b = s.ref_a;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_swap_grant_ref, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_okay);
	s.ref_b = 1 << 24;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_swap_grant_ref, &s, 1), 0);
	CHECK_EQ(s.status, PV_GNTST_bad_gntref);
	pages_free(from, 1);
	pages_free(to, 1);
}
