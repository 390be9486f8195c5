/*
 * evtchn_send_twice_is_one_event: Events are levels, not counts: two sends before the port is
 * looked at leave one pending bit.
 */
#include "conformance.h"

CASE(evtchn_send_twice_is_one_event)
{
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	CHECK_EQ(send(a), 0);
	CHECK(take_pending(b));
	CHECK(!pending(b));
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
