/*
 * gnttab_v2_transitive_grant_is_refused: A grant that passes on another grant cannot be copied
 * from: general error, and no mark of use is left.
 */
#include "conformance.h"

CASE(gnttab_v2_transitive_grant_is_refused)
{
	char *from = pages_alloc(1), *to = pages_alloc(1);
	struct pv_gnttab_copy c = copy_pages(from, to, 8);
	int64_t ref = pv_gnttab_alloc(pv);

	CHECK(from && to && ref > 0);
	if (!v2_enter())
		return;
	v2_entry((uint32_t)ref)->transitive.trans_domid = own_domid;
	v2_entry((uint32_t)ref)->transitive.gref = (uint32_t)ref + 1;
	v2_entry((uint32_t)ref)->hdr.domid = own_domid;
	__atomic_store_n(&v2_entry((uint32_t)ref)->hdr.flags, PV_GTF_transitive, __ATOMIC_SEQ_CST);
	c.source.u.ref = (uint32_t)ref;
	c.flags = PV_GNTCOPY_source_gref;
	CHECK_EQ(run_copy(&c), PV_GNTST_general_error);
	CHECK_EQ(v2_status((uint32_t)ref), 0);
	v2_entry((uint32_t)ref)->hdr.flags = 0;
	v2_leave();
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)ref), 0);
	pages_free(from, 1);
	pages_free(to, 1);
}
