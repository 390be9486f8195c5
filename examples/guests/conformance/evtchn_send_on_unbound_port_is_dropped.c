/*
 * evtchn_send_on_unbound_port_is_dropped: A send through a port that nobody has bound yet succeeds
 * and does nothing.
 */
#include "conformance.h"

CASE(evtchn_send_on_unbound_port_is_dropped)
{
	int port = new_unbound();

	CHECK(port > 0);
	CHECK_EQ(send(port), 0);
	CHECK(!pending(port));
	CHECK_EQ(close_port(port), 0);
}
