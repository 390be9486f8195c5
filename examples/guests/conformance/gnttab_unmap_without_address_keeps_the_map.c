/*
 * gnttab_unmap_without_address_keeps_the_map: An unmap that names no address leaves the map in place,
 * and that is no error.
 */
#include "conformance.h"

CASE(gnttab_unmap_without_address_keeps_the_map)
{
	struct pv_gnttab_unmap_grant_ref u = {0};
	char *page = pages_alloc(1), *hole;
	uint32_t ref, handle;
	uint64_t addr;

	CHECK(page);
	hole = map_place(&addr);
	if (!hole)
		return;
	ref = lend(own_domid, page, PV_GRANT_RW);
	CHECK_EQ(pv_gnttab_map(pv, own_domid, ref, addr, 0, &handle), 0);
	u.handle = handle;
	CHECK_EQ(gnttab_op(PV_GNTTABOP_unmap_grant_ref, &u, 1), 0);
	CHECK_EQ(u.status, PV_GNTST_okay);
	CHECK_EQ(pv_gnttab_in_use(pv, ref), 1);
	CHECK_EQ(pv_gnttab_unmap(pv, addr, handle), 0);
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
}
