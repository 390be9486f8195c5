/*
 * SCHEDOP_poll looks at FIFO words: at once if the port is pending, else when it becomes so.
 */
#include "conformance.h"

CASE_LAST(38, evtchn_fifo_poll_sees_a_masked_port)
{
	uint64_t start;
	uint32_t a, b;
	int t;

	CHECK(is_fifo());
	CHECK_EQ(new_pair(&a, &b), 0);
	start = kernel_now();
	CHECK(!wait_pending(b, 5));
	CHECK(kernel_now() - start >= 5 * MS);
	CHECK_EQ(send(a), 0);
	start = kernel_now();
	CHECK(wait_pending(b, 10000));
	CHECK(kernel_now() - start < 5000 * MS);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
	t = timer_port();
	CHECK(t > 0);
	CHECK_EQ(singleshot(kernel_now() + 20 * MS, 0), 0);
	start = kernel_now();
	CHECK(wait_pending(t, 10000));
	CHECK(kernel_now() - start < 5000 * MS);
	timer_done(t);
}
