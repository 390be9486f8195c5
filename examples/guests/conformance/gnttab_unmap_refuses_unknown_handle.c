/*
 * gnttab_unmap_refuses_unknown_handle: Unmapping with a handle that no map gave out: bad handle.
 */
#include "conformance.h"

CASE(gnttab_unmap_refuses_unknown_handle)
{
	struct pv_gnttab_unmap_grant_ref u = {.host_addr = 0, .handle = 12345};

	CHECK_EQ(gnttab_op(PV_GNTTABOP_unmap_grant_ref, &u, 1), 0);
	CHECK_EQ(u.status, PV_GNTST_bad_handle);
}
