/*
 * A vCPU has one control block, for good.
 */
#include "conformance.h"

CASE_LAST(21, evtchn_fifo_init_control_refuses_a_second_time)
{
	struct pv_evtchn_init_control c = {.vcpu = 0};
	void *page = pages_alloc(1);

	CHECK(is_fifo());
	CHECK(page);
	c.control_gfn = va_to_gfn(page);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_init_control, &c), -PV_EINVAL);
	pages_free(page, 1);
}
