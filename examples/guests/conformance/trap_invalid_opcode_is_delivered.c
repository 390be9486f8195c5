/*
 * trap_invalid_opcode_is_delivered: An undefined instruction reaches the kernel's handler with the
 * address of the instruction.
 */
#include "conformance.h"

static uint64_t vector, at, expected;

static int hook(struct trap_frame *f)
{
	vector = f->vector;
	at = f->rip;
	f->rip += 2;
	return 1;
}

CASE(trap_invalid_opcode_is_delivered)
{
	trap_hook = hook;
	vector = 0;
	__asm__ volatile("lea 1f(%%rip), %%rax; mov %%rax, %0; 1: ud2"
			 : "=m"(expected)
			 :
			 : "rax", "memory");
	trap_hook = NULL;
	CHECK_EQ(vector, 6);
	CHECK_EQ(at, expected);
}
