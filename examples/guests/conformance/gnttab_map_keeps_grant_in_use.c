/*
 * gnttab_map_keeps_grant_in_use: A mapped grant shows what is in the page, and cannot be ended
 * (EBUSY) before it is unmapped. (Both addresses of the page are lost: a page of the own domain
 * moves to the new one.)
 */
#include "conformance.h"

CASE(gnttab_map_keeps_grant_in_use)
{
	struct pv_remove_from_physmap r = {.domid = PV_DOMID_SELF};
	char *page = pages_alloc(1), *hole = pages_alloc(1);
	uint32_t ref, handle;
	uint64_t addr;

	CHECK(page && hole);
	SKIP_IF(!is_pvh() && pv_is_translated(pv), "an engine without mappings of grants");
	addr = ADDR(hole);
	if (is_pvh()) {
		r.gpfn = va_to_gfn(hole);
		CHECK_EQ(memory_op(PV_XENMEM_remove_from_physmap, &r), 0);
		addr = r.gpfn << 12;
	} else {
		/* A mapping that replaces another leaves the flush to the guest: take the old one
		 * away. */
		CHECK_EQ(
			pv_hypercall3(pv, PV_HYPERVISOR_update_va_mapping, addr, 0, PV_UVMF_INVLPG),
			0);
	}
	memset(page, 0x66, 4096);
	ref = lend(own_domid, page, PV_GRANT_RW);
	CHECK_EQ(pv_gnttab_map(pv, own_domid, ref, addr, 0, &handle), 0);
	CHECK_EQ(hole[0], 0x66);
	CHECK_EQ(hole[4095], 0x66);
	CHECK_EQ(pv_gnttab_in_use(pv, ref), 1);
	CHECK_EQ(pv_gnttab_revoke(pv, ref), -PV_EBUSY);
	CHECK_EQ(pv_gnttab_unmap(pv, addr, handle), 0);
	CHECK_EQ(pv_gnttab_end(pv, ref), 0);
}
