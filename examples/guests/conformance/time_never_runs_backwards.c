/*
 * time_never_runs_backwards: Ten thousand readings of system time on one vCPU never decrease.
 */
#include "conformance.h"

CASE(time_never_runs_backwards)
{
	uint64_t last = kernel_now(), now;
	unsigned i;

	for (i = 0; i < 10000; i++) {
		now = kernel_now();
		CHECK(now >= last);
		last = now;
	}
}
