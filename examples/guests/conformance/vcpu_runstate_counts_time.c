/*
 * vcpu_runstate_counts_time: The run state of the asking vCPU is running, and the four times add
 * up to what has passed.
 */
#include "conformance.h"

static int agrees(void)
{
	struct pv_vcpu_runstate_info a, b;
	uint64_t sum_a = 0, sum_b = 0, start = kernel_now(), passed;
	unsigned i;

	if (vcpu_op(PV_VCPUOP_get_runstate_info, 0, &a) || a.state != PV_RUNSTATE_running)
		return 0;
	sleep_ms(20);
	if (vcpu_op(PV_VCPUOP_get_runstate_info, 0, &b))
		return 0;
	passed = kernel_now() - start;
	for (i = 0; i < 4; i++) {
		if (b.time[i] < a.time[i])
			return 0;
		sum_a += a.time[i];
		sum_b += b.time[i];
	}
	return sum_b - sum_a >= 15 * MS && sum_b - sum_a <= passed + passed / 2;
}

CASE(vcpu_runstate_counts_time)
{
	unsigned i;

	/* Processors of an emulated machine can be milliseconds apart, and a vCPU may move between them. */
	for (i = 0; i < 5; i++)
		if (agrees())
			return;
	CHECK(!"agrees in one of five tries");
}
