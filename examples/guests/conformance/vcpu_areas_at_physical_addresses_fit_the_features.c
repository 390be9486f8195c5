/*
 * vcpu_areas_at_physical_addresses_fit_the_features: Where the features say so, run state and
 * time areas can be registered by physical address, within a page; elsewhere the operations do
 * not exist (ENOSYS).
 */
#include "conformance.h"

CASE(vcpu_areas_at_physical_addresses_fit_the_features)
{
	struct pv_vcpu_register_runstate_memory_area a;
	struct pv_vcpu_runstate_info *r = pages_alloc(1);
	int has = pv_has_feature(pv, PV_XENFEAT_runstate_phys_area);

	CHECK(r);
	a.addr.p = va_to_gfn(r) << 12;
	CHECK_EQ(vcpu_op(PV_VCPUOP_register_runstate_phys_area, 0, &a), has ? 0 : -PV_ENOSYS);
	SKIP_IF(!has, "the host has no areas at physical addresses");
	CHECK_EQ(r->state, PV_RUNSTATE_running);
	a.addr.p += 4096 - 16;
	CHECK_EQ(vcpu_op(PV_VCPUOP_register_runstate_phys_area, 0, &a), -PV_ENXIO);
	a.addr.p = UINT64_MAX;
	CHECK_EQ(vcpu_op(PV_VCPUOP_register_runstate_phys_area, 0, &a), 0);
	pages_free(r, 1);
}
