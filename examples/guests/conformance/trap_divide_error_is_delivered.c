/*
 * trap_divide_error_is_delivered: A division by zero reaches the handler.
 */
#include "conformance.h"

static uint64_t vector;

static int hook(struct trap_frame *f)
{
	vector = f->vector;
	f->rip += 2;
	return 1;
}

CASE(trap_divide_error_is_delivered)
{
	uint32_t lo = 1, hi = 0;

	trap_hook = hook;
	vector = 99;
	/* Two bytes: div %ecx. */
	__asm__ volatile("div %%ecx" : "+a"(lo), "+d"(hi) : "c"(0) : "memory");
	trap_hook = NULL;
	CHECK_EQ(vector, 0);
}
