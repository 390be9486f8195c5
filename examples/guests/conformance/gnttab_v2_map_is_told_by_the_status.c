/*
 * gnttab_v2_map_is_told_by_the_status: A mapped grant of version 2 is told by its status word,
 * not in the entry; the version cannot change meanwhile (EBUSY). A part of a page cannot be
 * mapped.
 */
#include "conformance.h"

CASE(gnttab_v2_map_is_told_by_the_status)
{
	struct pv_gnttab_set_version s = {.version = 1};
	int64_t ref = pv_gnttab_alloc(pv);
	char *page = pages_alloc(1), *hole;
	uint32_t handle;
	uint64_t addr;

	CHECK(page && ref > 0);
	memset(page, 0x47, 4096);
	hole = map_place(&addr);
	if (!hole || !v2_enter())
		return;
	v2_lend((uint32_t)ref, page, 0, 0, 2048);
	CHECK_EQ(pv_gnttab_map(pv, own_domid, (uint32_t)ref, addr, 0, &handle), -PV_EIO);
	CHECK_EQ(v2_status((uint32_t)ref), 0);
	v2_lend((uint32_t)ref, page, 0, 0, 0);
	CHECK_EQ(pv_gnttab_map(pv, own_domid, (uint32_t)ref, addr, 0, &handle), 0);
	CHECK_EQ(hole[0], 0x47);
	CHECK_EQ(v2_status((uint32_t)ref), PV_GTF_reading | PV_GTF_writing);
	CHECK_EQ(v2_entry((uint32_t)ref)->hdr.flags, PV_GTF_permit_access);
	CHECK_EQ(gnttab_op(PV_GNTTABOP_set_version, &s, 1), -PV_EBUSY);
	CHECK_EQ(s.version, 2);
	CHECK_EQ(pv_gnttab_unmap(pv, addr, handle), 0);
	CHECK_EQ(v2_status((uint32_t)ref), 0);
	v2_entry((uint32_t)ref)->hdr.flags = 0;
	v2_leave();
	CHECK_EQ(pv_gnttab_free(pv, (uint32_t)ref), 0);
}
