/*
 * gnttab_copy_grant_to_grant: Source and destination may both be grants.
 */
#include "conformance.h"

CASE(gnttab_copy_grant_to_grant)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	uint32_t in, out;

	CHECK(from && to);
	memset(from, 0x5c, 4096);
	in = lend(own_domid, from, PV_GRANT_RO);
	out = lend(own_domid, to, PV_GRANT_RW);
	c.source.u.ref = in;
	c.dest.u.ref = out;
	c.flags = PV_GNTCOPY_source_gref | PV_GNTCOPY_dest_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK(!memcmp(to, from, 100));
	CHECK_EQ(pv_gnttab_end(pv, in), 0);
	CHECK_EQ(pv_gnttab_end(pv, out), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
