/*
 * gnttab_copy_refuses_read_only_destination: A copy to a grant that is read-only: general error,
 * nothing written.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_read_only_destination)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	uint32_t ref;

	CHECK(from && to);
	memset(from, 1, 4096);
	ref = lend(own_domid, to, PV_GRANT_RO);
	c.dest.u.ref = ref;
	c.flags = PV_GNTCOPY_dest_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	CHECK_EQ(to[0], 0);
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
