/*
 * timer_singleshot_replaces_the_last: A new single-shot time takes the place of the one that was
 * set.
 */
#include "conformance.h"

CASE(timer_singleshot_replaces_the_last)
{
	uint64_t start;
	int port = timer_port();

	CHECK(port > 0);
	start = kernel_now();
	CHECK_EQ(singleshot(start + 60000 * MS, 0), 0);
	CHECK_EQ(singleshot(start + 10 * MS, 0), 0);
	CHECK(wait_pending(port, 20000));
	CHECK(kernel_now() - start < 20000 * MS);
	timer_done(port);
}
