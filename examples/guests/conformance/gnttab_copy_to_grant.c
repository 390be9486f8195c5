/*
 * gnttab_copy_to_grant: A copy to a writable grant writes into the page that was lent.
 */
#include "conformance.h"

CASE(gnttab_copy_to_grant)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	uint32_t ref;

	CHECK(from && to);
	memset(from, 0x5b, 4096);
	ref = lend(own_domid, to, PV_GRANT_RW);
	c.dest.u.ref = ref;
	c.flags = PV_GNTCOPY_dest_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK(!memcmp(to, from, 100));
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
