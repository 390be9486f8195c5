/*
 * trap_page_fault_reports_address: A read of unmapped memory reaches the handler as a page fault
 * with the address.
 */
#include "conformance.h"

static uint64_t vector, error, address;

static int hook(struct trap_frame *f)
{
	vector = f->vector;
	error = f->error;
	if (is_pvh())
		__asm__ volatile("mov %%cr2, %0" : "=r"(address));
	else
		address = pv_vcpu_info(pv, 0)->arch.cr2;
	f->rip += 2;
	return 1;
}

CASE(trap_page_fault_reports_address)
{
	trap_hook = hook;
	vector = 0;
	/* Two bytes, as the hook assumes: mov (%rax), %ecx. */
	__asm__ volatile(".byte 0x8b, 0x08" : : "a"(BAD_ADDRESS + 0x123) : "rcx", "memory");
	trap_hook = NULL;
	CHECK_EQ(vector, 14);
	CHECK_EQ(error & 1, 0);
	CHECK_EQ(address, BAD_ADDRESS + 0x123);
}
