/*
 * Priorities are 0 to 15, of ports that exist.
 */
#include "conformance.h"

CASE_LAST(23, evtchn_fifo_priority_is_checked)
{
	struct pv_evtchn_set_priority p = {.priority = 15};
	int port;

	CHECK(is_fifo());
	port = new_unbound();
	CHECK(port > 0);
	p.port = (uint32_t)port;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_set_priority, &p), 0);
	p.priority = 16;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_set_priority, &p), -PV_EINVAL);
	p.priority = 1;
	p.port = UINT32_MAX;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_set_priority, &p), -PV_EINVAL);
	CHECK_EQ(close_port(port), 0);
}
