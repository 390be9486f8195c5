/*
 * evtchn_send_refuses_closed_port: A send through a closed port, or a number beyond the table, is
 * refused: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_send_refuses_closed_port)
{
	int port = new_unbound();

	CHECK(port > 0);
	CHECK_EQ(close_port(port), 0);
	CHECK_EQ(send(port), -PV_EINVAL);
	CHECK_EQ(send(PV_EVTCHN_FIFO_NR_CHANNELS), -PV_EINVAL);
	CHECK_EQ(send(UINT32_MAX), -PV_EINVAL);
}
