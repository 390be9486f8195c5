/*
 * sched_poll_ends_at_its_deadline: A poll on nothing sleeps until its deadline, an absolute time,
 * and returns 0.
 */
#include "conformance.h"

CASE(sched_poll_ends_at_its_deadline)
{
	uint64_t start = kernel_now(), deadline = start + 20 * MS;
	struct pv_sched_poll p = {.timeout = deadline};

	while (kernel_now() < deadline)
		CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), 0);
	CHECK(kernel_now() - start < 5000 * MS);
}
