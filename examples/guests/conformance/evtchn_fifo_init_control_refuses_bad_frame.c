/*
 * A control block lies in memory. The refusal changes nothing.
 */
#include "conformance.h"

CASE_LAST(14, evtchn_fifo_init_control_refuses_bad_frame)
{
	struct pv_evtchn_init_control c = {.control_gfn = 1ull << 39, .vcpu = 0};
	uint32_t a, b;

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_init_control, &c), -PV_EINVAL);
	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	CHECK(pending(b));
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
