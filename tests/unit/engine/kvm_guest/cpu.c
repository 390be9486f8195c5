/*
 * cpu.c: CPUID, MSRs, ports and rings as the test guest finds them
 */
#include "guest.h"

static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3])
			 : "a"(leaf), "c"(sub));
}

void task_cpuid(void)
{
	uint32_t r[4];

	/* Rubbish in ECX must not hide the leaves. */
	cpuid(0x40000000, 0xdead, r);
	need(r[0] >= 0x40000004 && r[1] == 0x566e6558 && r[2] == 0x65584d4d && r[3] == 0x4d4d566e);
	cpuid(0x40000001, 0xdead, r);
	need(r[0] == (4 << 16 | 17));
	cpuid(0x40000002, 0xdead, r);
	need(r[0] == 1 && r[1] == 0x40000200);
	cpuid(0x40000004, 0xdead, r);
	need(r[1] == 0 && r[2] == 7);
	cpuid(1, 0, r);
	need(r[2] >> 31 && !(r[2] >> 5 & 1));
	call(CALL_REPORT, 3, r[1] >> 24, 0, 0);
}

static bool wrmsr_faults(uint32_t msr, uint64_t value)
{
	unsigned before = faults;

	__asm__ volatile("lea 1f(%%rip), %%r8; mov %%r8, %0; wrmsr\n1:"
			 : "=m"(resume_at)
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "r8", "memory");
	resume_at = 0;
	return faults != before;
}

static bool rdmsr_faults(uint32_t msr)
{
	unsigned before = faults;

	__asm__ volatile("lea 1f(%%rip), %%r8; mov %%r8, %0; rdmsr\n1:"
			 : "=m"(resume_at)
			 : "c"(msr)
			 : "rax", "rdx", "r8", "memory");
	resume_at = 0;
	return faults != before;
}

void task_msrs(void)
{
	uint64_t efer = rdmsr(0xc0000080);

	need(efer == 0x501);
	/* Long mode cannot be left while paging is on; unknown bits are refused. */
	need(wrmsr_faults(0xc0000080, 0x1));
	need(wrmsr_faults(0xc0000080, efer | 1ull << 40));
	need(wrmsr_faults(0xc0000080, efer | 1ull << 12));
	need(rdmsr(0xc0000080) == efer);
	need(!wrmsr_faults(0xc0000080, efer | 1ull << 11));
	need(rdmsr(0xc0000080) == (efer | 1ull << 11));
	need(!wrmsr_faults(0xc0000080, efer & ~1ull));
	need(rdmsr(0xc0000080) == (efer & ~1ull));
	/* A hypercall page where there is no memory, and one with another number. */
	need(wrmsr_faults(0x40000200, 0xd0000000));
	need(wrmsr_faults(0x40000200, ~0xfffull));
	need(wrmsr_faults(0x40000200, TEST_PAGE + 1));
	need(!rdmsr_faults(0x40000200));
	/* Nobody's. */
	need(rdmsr_faults(0x12345));
	need(wrmsr_faults(0x12345, 0));
	need(rdmsr_faults(0x4b564d01));
}

void task_ports(void)
{
	uint32_t wide;

	need(inb(0x42) == 0);
	need(inb(0x61) == 0x3f);
	need(inb(0x604) == 0);
	need(inb(0x605) == 0x80);
	need(inb(0x71) == 0xff);
	__asm__ volatile("inl %w1, %0" : "=a"(wide) : "Nd"((uint16_t)0xcfc));
	need(wide == 0xffffffff);
	/* Neither is the end: another sleep state, another value. */
	outb(0x604, 0x20 | 3 << 2);
	outb(0x604, 5 << 2);
	outb(0x606, 2);
	outb(0xe9, 'x');
	/* A string of bytes. */
	static const char text[] = "text";
	const char *p = text;
	unsigned long n = 4;

	__asm__ volatile("rep outsb" : "+S"(p), "+c"(n) : "d"((uint16_t)0xe9) : "memory");
	need(!n);
	need(*(volatile uint32_t *)(uintptr_t)0xd0000000u == 0xffffffff);
	*(volatile uint32_t *)(uintptr_t)0xd0000000u = 1;
}

extern uint64_t gdt[8], pml4[];
extern uint32_t tss[1024];

static volatile long ring_3_got;

/* Ring 3, with the right to use ports (IOPL 3), calls; the page fault of its next access comes back. */
void task_ring_3(void)
{
	uint64_t *table = pml4, stack, at = (uint64_t)(uintptr_t)tss;
	uint32_t ret;

	/* Everything is ring 3's, too. */
	for (int i = 0; i < 512 * 6; i++)
		if (table[i])
			table[i] |= 4;
	__asm__ volatile("mov %%cr3, %%rax; mov %%rax, %%cr3" ::: "rax", "memory");
	__asm__ volatile("mov %%rsp, %0" : "=r"(stack));
	*(uint64_t *)((char *)tss + 4) = stack - 4096;
	((uint16_t *)tss)[51] = 104;
	gdt[6] = 103 | (at & 0xffffff) << 16 | 0x89ull << 40 | (at >> 24 & 0xff) << 56;
	gdt[7] = at >> 32;
	__asm__ volatile("ltr %w0" : : "r"(0x30));
	__asm__ volatile("lea 2f(%%rip), %%rax; mov %%rax, %[resume]\n"
			 "mov %%rsp, %%r12\n"
			 "mov %%rsp, %%rax; push $0x23; push %%rax; push $0x3002; push $0x2b\n"
			 "lea 1f(%%rip), %%rax; push %%rax; iretq\n"
			 "1: mov %[nr], %%eax; out %%al, $0xf4\n"
			 "mov %%eax, %%r13d\n"
			 "hlt\n"
			 /* The fault left ring 3; its frame goes on here, in ring 3 still. */
			 "2: mov %%r13d, %[got]\n"
			 "3: jmp 4f\n"
			 "4:"
			 : [resume] "=m"(resume_at), [got] "=r"(ret)
			 : [nr] "i"(CALL_ECHO), "D"(5l), "S"(0l), "d"(0l)
			 : "rax", "r10", "r8", "r9", "r12", "r13", "memory", "cc");
	ring_3_got = (int)ret;
	if (ring_3_got != -1)
		__asm__ volatile("ud2");
	/* From ring 3 nobody can say so: the end is a port's. */
	outb(0x604, 0x20 | 5 << 2);
}
