/*
 * A control block is for a vCPU that exists.
 */
#include "conformance.h"

CASE_LAST(12, evtchn_fifo_init_control_refuses_unknown_vcpu)
{
	struct pv_evtchn_init_control c = {.vcpu = guest->vcpus};
	void *page = pages_alloc(1);

	CHECK(page);
	c.control_gfn = va_to_gfn(page);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_init_control, &c), -PV_ENOENT);
	c.vcpu = UINT32_MAX;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_init_control, &c), -PV_ENOENT);
	pages_free(page, 1);
}
