/*
 * vcpu_starts_stops_and_starts_again: A second vCPU runs a function, goes down, and can be started
 * once more.
 */
#include "conformance.h"

static unsigned runs, ran_on;

static void run(void *arg)
{
	ran_on = cpu_id();
	__atomic_store_n(&runs, 1, __ATOMIC_RELEASE);
}

CASE(vcpu_starts_stops_and_starts_again)
{
	unsigned i;

	SKIP_IF(guest->vcpus < 2, "one vCPU");
	for (i = 0; i < 3; i++) {
		runs = 0;
		CHECK_EQ(cpu_start(1, run, NULL), 0);
		while (!__atomic_load_n(&runs, __ATOMIC_ACQUIRE))
			pv_sched_yield(pv);
		CHECK_EQ(ran_on, 1);
		while (cpu_is_up(1))
			pv_sched_yield(pv);
	}
	CHECK_EQ(vcpu_op(PV_VCPUOP_is_up, 1, NULL), 0);
}
