/*
 * main.c: the test guest's hypercalls, and the tasks that need nothing more
 */
#include "guest.h"

#ifdef __x86_64__
long hypercall_amd(void), hypercall_intel(void);

long call6(long nr, const long arg[6])
{
	register long r10 __asm__("r10") = arg[3];
	register long r8 __asm__("r8") = arg[4];
	register long r9 __asm__("r9") = arg[5];
	long ret = nr, di = arg[0], si = arg[1], dx = arg[2];
	uintptr_t to = TEST_PAGE + (uintptr_t)nr * 32;

	if (mailbox->direct)
		to = (uintptr_t)(mailbox->direct == 1 ? hypercall_amd : hypercall_intel);
	__asm__ volatile("call *%[to]"
			 : "+a"(ret), "+D"(di), "+S"(si), "+d"(dx), "+r"(r10), "+r"(r8), "+r"(r9)
			 : [to] "b"(to)
			 : "memory", "cc");
	return ret;
}

/* But for rax all registers are as before a call, also those that pass arguments. */
static bool registers_survive(void)
{
	uintptr_t to = mailbox->direct == 1   ? (uintptr_t)hypercall_amd
		       : mailbox->direct == 2 ? (uintptr_t)hypercall_intel
					      : TEST_PAGE + CALL_ECHO * 32u;
	uint64_t bad = CALL_ECHO;

	__asm__ volatile(
		"push %%rbp\nmov $101, %%rdi; mov $102, %%rsi; mov $103, %%rdx; mov $104, %%r10\n"
		"mov $105, %%r8; mov $106, %%r9; mov $107, %%rcx; mov $108, %%r11; mov $116, "
		"%%ebp\n"
		"mov $109, %%r12; mov $110, %%r13; mov $111, %%r14; mov $112, %%r15\n"
		"call *%1\n"
		"mov $1, %%eax\n"
		"cmp $101, %%rdi; jne 1f; cmp $102, %%rsi; jne 1f; cmp $103, %%rdx; jne 1f\n"
		"cmp $104, %%r10; jne 1f; cmp $105, %%r8; jne 1f; cmp $106, %%r9; jne 1f\n"
		"cmp $107, %%rcx; jne 1f; cmp $108, %%r11; jne 1f; cmp $109, %%r12; jne 1f\n"
		"cmp $110, %%r13; jne 1f; cmp $111, %%r14; jne 1f; cmp $112, %%r15; jne 1f\n"
		"cmp $116, %%rbp; jne 1f\n"
		"xor %%eax, %%eax\n1: pop %%rbp\n"
		: "+a"(bad)
		: "b"(to)
		: "rdi", "rsi", "rdx", "r10", "r8", "r9", "rcx", "r11", "r12", "r13", "r14", "r15",
		  "memory", "cc");
	return !bad;
}
#else
long hypercall_amd(void), hypercall_intel(void);

long call6(long nr, const long arg[6])
{
	static long a[8];
	long ret;

	a[0] = nr;
	for (int i = 0; i < 6; i++)
		a[1 + i] = arg[i];
	a[7] = mailbox->direct ? (long)(mailbox->direct == 1 ? hypercall_amd : hypercall_intel)
			       : TEST_PAGE + nr * 32;
	__asm__ volatile("push %%ebp; push %%ebx; push %%esi; push %%edi\n"
			 "mov %0, %%eax\n"
			 "mov 4(%%eax), %%ebx; mov 8(%%eax), %%ecx; mov 12(%%eax), %%edx\n"
			 "mov 16(%%eax), %%esi; mov 20(%%eax), %%edi; mov 24(%%eax), %%ebp\n"
			 "push 28(%%eax); mov (%%eax), %%eax\n"
			 "call *(%%esp); lea 4(%%esp), %%esp\n"
			 "pop %%edi; pop %%esi; pop %%ebx; pop %%ebp\n"
			 : "=a"(ret)
			 : "0"(a)
			 : "ecx", "edx", "memory", "cc");
	return ret;
}

static bool registers_survive(void)
{
	return true;
}
#endif

long call(long nr, long a, long b, long c, long d)
{
	return call6(nr, (const long[]){a, b, c, d, 0, 0});
}

static void task_echo(void)
{
	static const char text[] = "hello from ring 0\n";
#ifdef __x86_64__
	const long high = (long)TEST_HIGH;
#else
	const long high = 0;
#endif

	for (long i = 0; i < 100; i++) {
		const long arg[6] = {i, i + 1, i + 2, i + 3, i + 4, i + 5};

		need(call6(CALL_ECHO, arg) ==
		     i + 3 * (i + 1) + 5 * (i + 2) + 7 * (i + 3) + 11 * (i + 4) + 13 * (i + 5));
	}
	need(call(CALL_ECHO, -1000, 0, 0, 0) == -1000);
	need(registers_survive());
	need(call(100, 0, 0, 0, 0) == -38);
	need(!call(CALL_PRINT, high + (long)text, sizeof(text) - 1, 0, 0));
	/* Not mapped. */
	if (high)
		need(call(CALL_PRINT, (long)0x123456789000ull, 1, 0, 0) == -14);
}

static void task_calls(void)
{
	for (;;) {
		mailbox->going++;
		call(CALL_ECHO, 1, 2, 3, 4);
	}
}

static void task_spin(void)
{
	for (;;)
		mailbox->going++;
}

static void task_nowhere(void)
{
	/* There is no memory, so there are no instructions. */
	((void (*)(void))(uintptr_t)0xd0000000u)();
}

#ifdef __x86_64__
static void task_triple_fault(void)
{
	const struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) none = {0, 0};

	__asm__ volatile("lidt %0; ud2" : : "m"(none));
}
#endif

static void task_send(void)
{
	struct {
		uint32_t port;
	} send;

	/* Port 5 has a short way to its other end; 6 has none; 7 is refused. */
	for (int i = 0; i < 10; i++) {
		send.port = 5;
		need(call(32, 4, (long)&send, 0, 0) == 0);
	}
	send.port = 6;
	need(call(32, 4, (long)&send, 0, 0) == 0);
	send.port = 7;
	need(call(32, 4, (long)&send, 0, 0) == -22);
#ifdef __x86_64__
	/* Nothing is mapped there. */
	if (!mailbox->direct)
		need(call(32, 4, 1l << 46, 0, 0) == -14);
#endif
	/* Other operations come with the number that they have. */
	need(call(32, 9, (long)&send, 0, 0) == 1009);
	need(call(32, 0, (long)&send, 0, 0) == 1000);
	need(call(33, 4, (long)&send, 0, 0) == -38);
}

void guest_main(unsigned vcpu)
{
#ifdef __x86_64__
	if (vcpu) {
		other_main(vcpu);
		return;
	}
	idt_init();
#endif
	if (!mailbox->direct)
		wrmsr(0x40000200, TEST_PAGE);
	switch (mailbox->task) {
	case TASK_ECHO: task_echo(); break;
	case TASK_CALLS: task_calls(); break;
	case TASK_SPIN: task_spin(); break;
	case TASK_SEND: task_send(); break;
	case TASK_NOWHERE: task_nowhere(); break;
	case TASK_S5: outb(0x604, 0x20 | 5 << 2); break;
	case TASK_RESET: outb(0x606, 1); break;
#ifdef __x86_64__
	case TASK_TRIPLE_FAULT: task_triple_fault(); break;
	case TASK_CPUID: task_cpuid(); break;
	case TASK_UPCALLS: task_upcalls(); break;
	case TASK_BLOCKED_UPCALL: task_blocked_upcall(); break;
	case TASK_CALLBACK: task_callback(); break;
	case TASK_TIMER: task_timer(); break;
	case TASK_SMP: task_smp(); break;
	case TASK_DOWN_UP: task_down_up(); break;
	case TASK_INITIALISE: task_initialise(); break;
	case TASK_BLOCK: task_block(); break;
	case TASK_HALT: task_halt(); break;
	case TASK_HALT_OTHERS: task_halt_others(); break;
	case TASK_NMI: task_nmi(); break;
	case TASK_FLUSH: task_flush(); break;
	case TASK_FRAMES: task_frames(); break;
	case TASK_OVERLAY: task_overlay(); break;
	case TASK_DIRTY: task_dirty(); break;
	case TASK_MSRS: task_msrs(); break;
	case TASK_PORTS: task_ports(); break;
	case TASK_RING_3: task_ring_3(); break;
#endif
	}
	call(CALL_DONE, 0, 0, 0, 0);
}
