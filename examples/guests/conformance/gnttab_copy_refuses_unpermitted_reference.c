/*
 * gnttab_copy_refuses_unpermitted_reference: A copy from a reference that grants nothing: general
 * error.
 */
#include "conformance.h"

CASE(gnttab_copy_refuses_unpermitted_reference)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 100);
	int64_t ref = pv_gnttab_alloc(pv);

	CHECK(from && to && ref > 0);
	c.source.u.ref = (uint32_t)ref;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
