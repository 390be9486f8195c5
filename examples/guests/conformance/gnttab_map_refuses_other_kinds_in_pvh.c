/*
 * gnttab_map_refuses_other_kinds_in_pvh: A PVH guest cannot ask for a bus address, a user mapping
 * or a page table entry: general error.
 */
#include "conformance.h"

CASE(gnttab_map_refuses_other_kinds_in_pvh)
{
	static const uint32_t flags[] = {PV_GNTMAP_device_map,
					 PV_GNTMAP_host_map | PV_GNTMAP_device_map,
					 PV_GNTMAP_host_map | PV_GNTMAP_application_map,
					 PV_GNTMAP_host_map | PV_GNTMAP_contains_pte};
	struct pv_gnttab_map_grant_ref m;
	char *page = pages_alloc(1);
	uint32_t ref, i;
	uint64_t addr;

	CHECK(page);
	if (!map_place(&addr))
		return;
	ref = lend(own_domid, page, PV_GRANT_RW);
	for (i = 0; i < 4; i++) {
		memset(&m, 0, sizeof(m));
		m.host_addr = addr;
		m.flags = flags[i];
		m.ref = ref;
		m.dom = own_domid;
		CHECK_EQ(gnttab_op(PV_GNTTABOP_map_grant_ref, &m, 1), 0);
		CHECK_EQ(m.status, PV_GNTST_general_error);
	}
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
	pages_free(page, 1);
}
