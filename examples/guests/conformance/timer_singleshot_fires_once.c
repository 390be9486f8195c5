/*
 * timer_singleshot_fires_once: A single-shot timer does not come again.
 */
#include "conformance.h"

CASE(timer_singleshot_fires_once)
{
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(singleshot(kernel_now() + 5 * MS, 0), 0);
	CHECK(wait_pending(port, 20000));
	take_pending(port);
	sleep_ms(30);
	CHECK(!pending(port));
	timer_done(port);
}
