/*
 * time_passes_while_asleep: System time counts while the vCPU sleeps.
 */
#include "conformance.h"

CASE(time_passes_while_asleep)
{
	uint64_t start = kernel_now(), slept;

	sleep_ms(50);
	slept = kernel_now() - start;
	CHECK(slept >= 50 * MS);
	CHECK(slept < 10000 * MS);
}
