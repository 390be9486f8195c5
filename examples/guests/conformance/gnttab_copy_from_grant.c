/*
 * gnttab_copy_from_grant: A copy from a grant reads the page that was lent; the grant is not in
 * use afterwards.
 */
#include "conformance.h"

CASE(gnttab_copy_from_grant)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	uint32_t ref;

	CHECK(from && to);
	memset(from, 0x5a, 4096);
	ref = lend(own_domid, from, PV_GRANT_RO);
	c.source.u.ref = ref;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK(!memcmp(to, from, 100));
	CHECK_EQ(to[100], 0);
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
