/*
 * vcpu_runstate_counts_time: The run state of the asking vCPU is running, and the four times add
 * up to what has passed.
 */
#include "conformance.h"

CASE(vcpu_runstate_counts_time)
{
	struct pv_vcpu_runstate_info a, b;
	uint64_t sum_a = 0, sum_b = 0, start = kernel_now(), passed;
	unsigned i;

	CHECK_EQ(vcpu_op(PV_VCPUOP_get_runstate_info, 0, &a), 0);
	CHECK_EQ(a.state, PV_RUNSTATE_running);
	sleep_ms(20);
	CHECK_EQ(vcpu_op(PV_VCPUOP_get_runstate_info, 0, &b), 0);
	passed = kernel_now() - start;
	for (i = 0; i < 4; i++) {
		CHECK(b.time[i] >= a.time[i]);
		sum_a += a.time[i];
		sum_b += b.time[i];
	}
	CHECK(sum_b - sum_a >= 15 * MS);
	/* Processors of an emulated machine can be milliseconds apart, and a vCPU may move between them. */
	CHECK(sum_b - sum_a <= passed + passed / 2);
}
