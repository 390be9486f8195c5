/*
 * evtchn_closed_port_is_given_out_again: The lowest free number is given out next, so a closed
 * port comes back.
 */
#include "conformance.h"

CASE(evtchn_closed_port_is_given_out_again)
{
	int port = new_unbound(), again;

	CHECK(port > 0);
	CHECK_EQ(close_port(port), 0);
	again = new_unbound();
	CHECK_EQ(again, port);
	CHECK_EQ(close_port(again), 0);
}
