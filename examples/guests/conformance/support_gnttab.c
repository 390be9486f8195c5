/*
 * Helpers of the grant cases: the table in version 2 without the library's own state in between, and
 * a place for mappings.
 */
#include "conformance.h"

static uint16_t *status_page;

static int switch_to(uint32_t version)
{
	struct pv_gnttab_set_version s = {.version = version};

	return gnttab_op(PV_GNTTABOP_set_version, &s, 1);
}

int v2_enter(void)
{
	if (pv->gnttab.version == 2)
		return 1;
	if (!pv_is_translated(pv)) {
		case_skipped("classic PV keeps its status frames mapped: see gnttab=v2");
		return 0;
	}
	if (switch_to(2)) {
		case_failed(__FILE_NAME__, __LINE__, "GNTTABOP_set_version 2");
		return 0;
	}
	/* The page stays the status frame's: it is a hole whenever the table is in version 1. */
	if (!status_page)
		status_page = pages_alloc(1);
	if (!status_page ||
	    pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table, PV_XENMAPIDX_grant_table_status,
			      va_to_gfn(status_page))) {
		switch_to(1);
		case_failed(__FILE_NAME__, __LINE__, "a place for status frame 0");
		return 0;
	}
	return 1;
}

void v2_leave(void)
{
	if (pv->gnttab.version != 2)
		switch_to(1);
}

union pv_grant_entry_v2 *v2_entry(uint32_t ref)
{
	return (union pv_grant_entry_v2 *)(void *)pv->gnttab.frame[ref / 256] + ref % 256;
}

uint16_t v2_status(uint32_t ref)
{
	uint16_t *page = pv->gnttab.version == 2 ? pv->gnttab.status[ref / 2048] : status_page;

	return __atomic_load_n(&page[ref % 2048], __ATOMIC_SEQ_CST);
}

void v2_lend(uint32_t ref, void *page, unsigned flags, unsigned offset, unsigned length)
{
	union pv_grant_entry_v2 *e = v2_entry(ref);

	e->sub_page.frame = va_to_gfn(page);
	e->sub_page.page_off = (uint16_t)offset;
	e->sub_page.length = (uint16_t)length;
	e->hdr.domid = own_domid;
	if (length)
		flags |= PV_GTF_sub_page;
	__atomic_store_n(&e->hdr.flags, (uint16_t)(flags | PV_GTF_permit_access), __ATOMIC_SEQ_CST);
}

void *map_place(uint64_t *addr)
{
	static void *hole;
	struct pv_remove_from_physmap r = {.domid = PV_DOMID_SELF};

	if (!is_pvh()) {
		case_skipped("only PVH maps at guest physical addresses");
		return NULL;
	}
	if (!hole)
		hole = pages_alloc(1);
	r.gpfn = va_to_gfn(hole);
	*addr = r.gpfn << 12;
	(void)memory_op(PV_XENMEM_remove_from_physmap, &r);
	return hole;
}
