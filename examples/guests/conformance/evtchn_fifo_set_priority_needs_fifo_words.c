/*
 * Priorities belong to FIFO words; a port that does not exist is told first.
 */
#include "conformance.h"

CASE_LAST(11, evtchn_fifo_set_priority_needs_fifo_words)
{
	struct pv_evtchn_set_priority p = {.priority = 1};
	int port;

	SKIP_IF(is_fifo(), "the domain has FIFO words already");
	port = new_unbound();
	CHECK(port > 0);
	p.port = (uint32_t)port;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_set_priority, &p), -PV_ENOSYS);
	p.port = UINT32_MAX;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_set_priority, &p), -PV_EINVAL);
	CHECK_EQ(close_port(port), 0);
}
