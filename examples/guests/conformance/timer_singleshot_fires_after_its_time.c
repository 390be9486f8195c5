/*
 * timer_singleshot_fires_after_its_time: A single-shot timer raises VIRQ_TIMER when its time has
 * come, and not before.
 */
#include "conformance.h"

CASE(timer_singleshot_fires_after_its_time)
{
	uint64_t at;
	int port = timer_port();

	CHECK(port > 0);
	at = kernel_now() + 30 * MS;
	CHECK_EQ(singleshot(at, 0), 0);
	CHECK(wait_pending(port, 20000));
	CHECK(kernel_now() >= at);
	timer_done(port);
}
