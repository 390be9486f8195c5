/*
 * gnttab_copy_refuses_ended_grant: After a grant has been ended nothing can be copied through it.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_ended_grant)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	uint32_t ref;

	CHECK(from && to);
	ref = lend(own_domid, from, PV_GRANT_RO);
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
	c.source.u.ref = ref;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	pages_free(from, 1);
	pages_free(to, 1);
}
