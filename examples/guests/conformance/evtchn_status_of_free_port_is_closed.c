/*
 * evtchn_status_of_free_port_is_closed: The status of a port that nobody allocated is closed;
 * beyond the table it is an error: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_status_of_free_port_is_closed)
{
	struct pv_evtchn_status s;
	int port = new_unbound();

	CHECK(port > 0);
	CHECK_EQ(close_port(port), 0);
	CHECK_EQ(port_status(port, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_closed);
	CHECK_EQ(port_status(UINT32_MAX, &s), -PV_EINVAL);
}
