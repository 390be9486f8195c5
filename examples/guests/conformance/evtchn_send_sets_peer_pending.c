/*
 * evtchn_send_sets_peer_pending: A send makes the other end's port pending and leaves one's own
 * alone.
 */
#include "conformance.h"

CASE(evtchn_send_sets_peer_pending)
{
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	CHECK(pending(b));
	CHECK(!pending(a));
	CHECK(take_pending(b));
	CHECK_EQ(send(b), 0);
	CHECK(pending(a));
	CHECK(!pending(b));
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
