/*
 * gnttab_table_grows_on_demand: More references than one frame holds can be lent at once, and
 * those in later frames work.
 */
#include "conformance.h"

CASE(gnttab_table_grows_on_demand)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_query_size q = {.dom = PV_DOMID_SELF};
	struct pv_gnttab_copy c = copy_pages(from, to, 10);
	uint32_t *ref = pages_alloc(1);
	unsigned i;

	CHECK(from && to && ref);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_query_size, &q, 1), 0);
	SKIP_IF(q.max_nr_frames < 2, "the host allows one grant frame");
	memset(from, 3, 4096);
	for (i = 0; i < 600; i++)
		ref[i] = lend(own_domid, from, PV_GRANT_RO);
	CHECK(ref[599] >= 512);
	c.source.u.ref = ref[599];
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_okay);
	CHECK_EQ(to[0], 3);
	for (i = 0; i < 600; i++)
		CHECK_EQ(pv_gnttab_end(pv, ref[i]), 0);
	pages_free(from, 1);
	pages_free(to, 1);
	pages_free(ref, 1);
}
