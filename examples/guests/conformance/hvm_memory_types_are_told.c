/*
 * hvm_memory_types_are_told: A page of RAM is RAM, and where nothing is, there could be a device.
 */
#include "conformance.h"

CASE(hvm_memory_types_are_told)
{
	struct pv_hvm_get_mem_type t = {.domid = PV_DOMID_SELF};
	char *page = pages_alloc(1);

	SKIP_IF(!is_pvh(), "PVH only");
	CHECK(page);
	t.pfn = va_to_gfn(page);
	CHECK_EQ(hvm_op(PV_HVMOP_get_mem_type, &t), 0);
	CHECK_EQ(t.mem_type, PV_HVMMEM_ram_rw);
	t.pfn = 1ull << 36;
	CHECK_EQ(hvm_op(PV_HVMOP_get_mem_type, &t), 0);
	CHECK_EQ(t.mem_type, PV_HVMMEM_mmio_dm);
	t.domid = NO_DOMAIN;
	CHECK_EQ(hvm_op(PV_HVMOP_get_mem_type, &t), -PV_ESRCH);
	pages_free(page, 1);
}
