/*
 * evtchn_port_zero_is_reserved: Port 0 is never given out: a send through it and closing it are
 * refused, its status is closed.
 */
#include "conformance.h"

CASE(evtchn_port_zero_is_reserved)
{
	struct pv_evtchn_status s;

	CHECK_EQ(send(0), -PV_EINVAL);
	CHECK_EQ(close_port(0), -PV_EINVAL);
	CHECK_EQ(port_status(0, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_closed);
}
