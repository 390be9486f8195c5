/*
 * vcpu_times_agree: System time on two vCPUs differs by no more than the time it takes to ask.
 */
#include "conformance.h"

static uint64_t answer;

static void read_time(void *arg)
{
	__atomic_store_n(&answer, kernel_now(), __ATOMIC_RELEASE);
}

CASE(vcpu_times_agree)
{
	uint64_t before, after;

	SKIP_IF(guest->vcpus < 2, "one vCPU");
	answer = 0;
	before = kernel_now();
	CHECK_EQ(cpu_start(1, read_time, NULL), 0);
	while (!__atomic_load_n(&answer, __ATOMIC_ACQUIRE))
		pv_sched_yield(pv);
	after = kernel_now();
	while (cpu_is_up(1))
		pv_sched_yield(pv);
	/* Clocks of different processors may be a little apart. */
	CHECK(answer + 10 * MS >= before);
	CHECK(answer <= after + 10 * MS);
}
