/*
 * sched_poll_with_past_deadline_returns: A poll whose deadline has passed returns at once.
 */
#include "conformance.h"

CASE(sched_poll_with_past_deadline_returns)
{
	struct pv_sched_poll p = {.timeout = 1};
	uint64_t start = kernel_now();

	CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), 0);
	CHECK(kernel_now() - start < 5000 * MS);
}
