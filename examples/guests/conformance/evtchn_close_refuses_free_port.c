/*
 * evtchn_close_refuses_free_port: Closing a port twice, or one beyond the table, is refused:
 * EINVAL.
 */
#include "conformance.h"

CASE(evtchn_close_refuses_free_port)
{
	int port = new_unbound();

	CHECK(port > 0);
	CHECK_EQ(close_port(port), 0);
	CHECK_EQ(close_port(port), -PV_EINVAL);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_close, &(struct pv_evtchn_close){.port = UINT32_MAX}),
		 -PV_EINVAL);
}
