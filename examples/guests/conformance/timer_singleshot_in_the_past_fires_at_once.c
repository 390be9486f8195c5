/*
 * timer_singleshot_in_the_past_fires_at_once: A single-shot timer whose time has passed fires
 * immediately.
 */
#include "conformance.h"

CASE(timer_singleshot_in_the_past_fires_at_once)
{
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(singleshot(1, 0), 0);
	CHECK(wait_pending(port, 20000));
	timer_done(port);
}
