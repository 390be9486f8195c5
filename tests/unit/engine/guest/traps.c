/*
 * traps.c: exceptions as Xen delivers them, and the ends that a guest can make
 */
#include "guest.h"

static volatile unsigned last_vector, skip;
static volatile uint64_t last_error, last_cr2, last_rip, traps;

static void note(struct trap_frame *f)
{
	last_vector = (unsigned)f->vector;
	last_error = f->error;
	last_cr2 = vcpu_info()->arch.cr2;
	last_rip = f->rip;
	traps++;
	expect((uint32_t)f->cs == 0xe030 && f->ss == PV_FLAT_KERNEL_SS);
	/* The table's entry for page faults asks for events to be masked. */
	if (f->vector == 14)
		expect(vcpu_info()->evtchn_upcall_mask == 1);
	f->rflags &= ~0x100ull;
	f->rip += skip;
}

static void page_faults(void)
{
	uint64_t val = 0x77;

	install_traps(note);
	vcpu_info()->evtchn_upcall_mask = 0;
	for (uint64_t i = 1; i <= 1000; i++) {
		uint64_t at = 0x5000 + i * 8;

		skip = 3;
		__asm__ volatile("movb $1, (%%rax)" ::"a"(at) : "memory");
		expect(traps == i && last_vector == 14 && last_cr2 == at);
		/* Written, not present, in kernel mode. */
		expect((last_error & 7) == 2);
		expect(vcpu_info()->evtchn_upcall_mask == 0);
	}
	/* Registers come back unchanged. */
	__asm__ volatile(
		"mov $0x1234, %%r11; mov $0x5678, %%rcx; movb $1, (%%rax); sub $0x1234, %%r11\n"
		"sub $0x5678, %%rcx; or %%r11, %%rcx; mov %%rcx, %0"
		: "=r"(val)
		: "a"(0x5000)
		: "rcx", "r11", "memory");
	expect(val == 0);
	/* With the mask set before, the frame says so and iret keeps it. */
	vcpu_info()->evtchn_upcall_mask = 1;
	__asm__ volatile("movb $1, (%%rax)" ::"a"(0x5000) : "memory");
	expect(vcpu_info()->evtchn_upcall_mask == 1);
	skip = 2;
	__asm__ volatile("mov (%%rax), %%al" ::"a"(0x6000) : "memory");
	expect((last_error & 7) == 0 && last_cr2 == 0x6000);
}

static void other_traps(void)
{
	uint64_t at;

	install_traps(note);
	skip = 2;
	__asm__ volatile("ud2");
	expect(last_vector == 6);
	skip = 3;
	__asm__ volatile("xor %%edx, %%edx; mov $1, %%eax; xor %%r9, %%r9; div %%r9" ::
				 : "rax", "rdx", "r9", "cc");
	expect(last_vector == 0);
	skip = 0;
	__asm__ volatile("lea 1f(%%rip), %0; int3; 1:" : "=r"(at));
	expect(last_vector == 3 && last_rip == at);
	__asm__ volatile("lea 1f(%%rip), %0; int $0x80; 1:" : "=r"(at));
	expect(last_vector == 128 && last_rip == at);
	__asm__ volatile("lea 1f(%%rip), %0; int $0x10; 1:" : "=r"(at));
	expect(last_vector == 16 && last_rip == at);
	skip = 1;
	__asm__ volatile("hlt");
	expect(last_vector == 13 && last_error == 0);
	skip = 3;
	__asm__ volatile("mov %%rbx, (%%rax)" ::"a"(1ull << 63), "b"(0) : "memory");
	expect(last_vector == 13);
	skip = 3;
	__asm__ volatile("mov %%rax, %%cr3" ::"a"(0));
	expect(last_vector == 13);
	skip = 2;
	__asm__ volatile("rdmsr" ::"c"(0x1234) : "rax", "rdx");
	expect(last_vector == 13);
	/* Single step: one instruction, then vector 1. */
	skip = 0;
	traps = 0;
	__asm__ volatile("pushf; orl $0x100, (%%rsp); popf; nop; nop" ::: "cc", "memory");
	expect(traps == 1 && last_vector == 1);
}

/* HYPERVISOR_iret to a place with all registers as given; then the plain instruction with Xen's
 * selectors. */
static void iret(void)
{
	uint64_t ok;

	vcpu_info()->evtchn_upcall_mask = 1;
	__asm__ volatile(
		"mov %%rsp, %%rbx\n"
		"push $0xe02b\n push %%rbx\n pushf\n orl $0x200, (%%rsp)\n push $0xe033\n"
		"lea 1f(%%rip), %%rax\n push %%rax\n push $0\n"
		"mov $11, %%rax\n mov $12, %%rcx\n mov $13, %%r11\n mov $14, %%r15\n"
		"jmp *%1\n"
		"1: cmp %%rsp, %%rbx; jne 2f; cmp $11, %%rax; jne 2f; cmp $12, %%rcx; jne 2f\n"
		"cmp $13, %%r11; jne 2f; cmp $14, %%r15; jne 2f; mov $1, %0; jmp 3f\n"
		"2: mov $0, %0\n3:\n"
		: "=&r"(ok)
		: "r"(VB + HCPAGE_GPA + 23ull * 32)
		: "rax", "rbx", "rcx", "r11", "r15", "memory", "cc");
	expect(ok == 1);
	/* IF in the frame is the inverse of the mask. */
	expect(vcpu_info()->evtchn_upcall_mask == 0);
	__asm__ volatile(
		"mov %%rsp, %%rbx\n"
		"push $0xe02b\n push %%rbx\n pushf\n push $0xe033\n"
		"lea 1f(%%rip), %%rax\n push %%rax\n"
		"mov $11, %%rax\n mov $12, %%rcx\n"
		"iretq\n"
		"1: cmp %%rsp, %%rbx; jne 2f; cmp $11, %%rax; jne 2f; cmp $12, %%rcx; jne 2f\n"
		"mov $1, %0; jmp 3f\n"
		"2: mov $0, %0\n3:\n"
		: "=&r"(ok)
		:
		: "rax", "rbx", "rcx", "memory", "cc");
	expect(ok == 1);
	expect(vcpu_info()->evtchn_upcall_mask == 0);
}

static void double_fault(void)
{
	*(volatile char *)0x7000 = 1;
}

static void bad_stack(void)
{
	install_traps(note);
	__asm__ volatile("mov $8, %%rsp; movb $1, 0x7000" ::: "memory");
}

/*
 * Guest code can reach the stub's rt_sigreturn with a frame of its own, and so block the signal by
 * which the monitor stops vCPUs.
 */
static void forge_mask(void)
{
	static const uint8_t restorer[7] = {0xb8, 15, 0, 0, 0, 0x0f, 0x05};
	const uint8_t *stub = (const uint8_t *)0x600000001000, *at = NULL;
	static uint64_t frame[64];

	for (unsigned i = 0; i < 0x4000 && !at; i++) {
		unsigned n = 0;

		while (n < 7 && stub[i + n] == restorer[n])
			n++;
		if (n == 7)
			at = stub + i;
	}
	expect(at != NULL);
	frame[0] = 6; /* uc_flags: ss is valid, strictly */
	uint64_t *g = frame + 5;

	g[15] = VB + STACK_GPA + STACK_SIZE - 512; /* rsp */
	__asm__ volatile("lea 1f(%%rip), %0" : "=r"(g[16]));
	g[17] = 0x202;
	g[18] = 0x33 | 0x2bull << 48;
	frame[37] = ~0ull; /* sigmask */
	report(0, 1);
	__asm__ volatile("mov %0, %%rsp; jmp *%1; 1: pause; jmp 1b" ::"r"(frame), "r"(at));
}

void tasks_traps(unsigned task)
{
	switch (task) {
	case TASK_PAGE_FAULT: page_faults(); break;
	case TASK_OTHER_TRAPS: other_traps(); break;
	case TASK_IRET: iret(); break;
	case TASK_DOUBLE_FAULT: double_fault(); break;
	case TASK_BAD_STACK: bad_stack(); break;
	case TASK_FORGE_MASK: forge_mask(); break;
	default: return;
	}
	done(0);
}
