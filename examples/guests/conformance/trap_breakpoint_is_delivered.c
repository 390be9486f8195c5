/*
 * trap_breakpoint_is_delivered: A breakpoint reaches the handler, behind the instruction.
 */
#include "conformance.h"

static uint64_t vector;

static int hook_breakpoint(struct trap_frame *f)
{
	vector = f->vector;
	return 1;
}

CASE(trap_breakpoint_is_delivered)
{
	trap_hook = hook_breakpoint;
	vector = 0;
	__asm__ volatile("int3" : : : "memory");
	trap_hook = NULL;
	CHECK_EQ(vector, 3);
}
