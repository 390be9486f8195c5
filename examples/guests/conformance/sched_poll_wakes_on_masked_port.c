/*
 * sched_poll_wakes_on_masked_port: A sleeping poll is woken by an event on a masked port, long
 * before its deadline.
 */
#include "conformance.h"

CASE(sched_poll_wakes_on_masked_port)
{
	uint64_t start = kernel_now();
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(singleshot(start + 20 * MS, 0), 0);
	CHECK(wait_pending(port, 20000));
	CHECK(kernel_now() - start >= 20 * MS);
	CHECK(kernel_now() - start < 10000 * MS);
	timer_done(port);
}
