/*
 * hypercall_keeps_registers: A hypercall changes rax and, as its own, the argument registers, rcx
 * and r11; every other register stays.
 */
#include "conformance.h"

extern char hypercall_page[];

CASE(hypercall_keeps_registers)
{
	uint64_t rbx, r12, r13, r14, r15, rax = PV_HYPERVISOR_xen_version;

	/* Through the page in every mode; its address is the kernel's. */
	__asm__ volatile("mov $0x1111, %%ebx; mov $0x2222, %%r12d; mov $0x3333, %%r13d; "
			 "mov $0x4444, %%r14d; mov $0x5555, %%r15d; "
			 "xor %%edi, %%edi; xor %%esi, %%esi; call *%[page]; "
			 "mov %%rbx, %[b]; mov %%r12, %[c]; mov %%r13, %[d]; "
			 "mov %%r14, %[e]; mov %%r15, %[f]"
			 : "+a"(rax), [b] "=m"(rbx), [c] "=m"(r12), [d] "=m"(r13), [e] "=m"(r14),
			   [f] "=m"(r15)
			 : [page] "r"(hypercall_page + 32 * PV_HYPERVISOR_xen_version)
			 : "rdi", "rsi", "rcx", "r11", "rbx", "r12", "r13", "r14", "r15", "memory");
	CHECK_EQ(rax, pv->version);
	CHECK_EQ(rbx, 0x1111);
	CHECK_EQ(r12, 0x2222);
	CHECK_EQ(r13, 0x3333);
	CHECK_EQ(r14, 0x4444);
	CHECK_EQ(r15, 0x5555);
}
