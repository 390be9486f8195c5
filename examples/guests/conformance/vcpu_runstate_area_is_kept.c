/*
 * vcpu_runstate_area_is_kept: A registered run state area says that the asking vCPU runs, also after
 * it has slept.
 */
#include "conformance.h"

CASE(vcpu_runstate_area_is_kept)
{
	struct pv_vcpu_register_runstate_memory_area a;
	struct pv_vcpu_runstate_info *r = pages_alloc(1);

	CHECK(r);
	r->state = 77;
	a.addr.h = ADDR(r);
	CHECK_EQ(vcpu_op(PV_VCPUOP_register_runstate_memory_area, 0, &a), 0);
	CHECK_EQ(r->state, PV_RUNSTATE_running);
	CHECK(r->state_entry_time <= kernel_now() + 10 * MS);
	sleep_ms(20);
	CHECK_EQ(r->state, PV_RUNSTATE_running);
	a.addr.h = 0;
	CHECK_EQ(vcpu_op(PV_VCPUOP_register_runstate_memory_area, 0, &a), 0);
	/* The page stays: a host may write to it once more. */
}
