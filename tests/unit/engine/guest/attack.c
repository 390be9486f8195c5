/*
 * attack.c: guest code tries to reach the host kernel
 *
 * From its own text every system call must become a hypercall. From the stub's text, where guest
 * code can jump with registers of its choice, only the calls of the filter's list may be carried
 * out, with checked arguments.
 */
#include "guest.h"

#define ENG	 0x600000001000ull
#define ENG_CTL	 0x600010000000ull
#define ENG_INFO 0x600001000000ull

#define NR_MPROTECT	10
#define NR_RT_SIGRETURN 15
#define NR_SCHED_YIELD	24
#define NR_FUTEX	202

static volatile uint64_t vector80, faults, illegal;
/* What is being tried: for whoever looks at a guest that hangs. */
volatile uint64_t attempt;

static void note(struct trap_frame *f)
{
	switch (f->vector) {
	case 128: vector80++; break;
	case 6: illegal++; break;
	case 14:
		/* The vsyscall page is not there: return from it. */
		faults++;
		f->rip = *(uint64_t *)f->rsp;
		f->rsp += 8;
		break;
	default: done(1000 + f->vector);
	}
}

static void leak(unsigned kind, uint64_t nr, int64_t result)
{
	static unsigned n;

	if (++n < 100) {
		report(8 + 2 * n, kind << 16 | nr);
		report(9 + 2 * n, (uint64_t)result);
	}
	report(1, n);
}

/* These are answered in the stub: the answer must be the one that the hypercall page gives. */
static bool in_stub(uint64_t nr)
{
	switch (nr) {
	case PV_HYPERVISOR_set_trap_table:
	case PV_HYPERVISOR_mmu_update:
	case PV_HYPERVISOR_stack_switch:
	case PV_HYPERVISOR_set_callbacks:
	case PV_HYPERVISOR_fpu_taskswitch:
	case PV_HYPERVISOR_set_debugreg:
	case PV_HYPERVISOR_get_debugreg:
	case PV_HYPERVISOR_multicall:
	case PV_HYPERVISOR_update_va_mapping:
	case PV_HYPERVISOR_xen_version:
	case PV_HYPERVISOR_set_segment_base:
	case PV_HYPERVISOR_mmuext_op:
	case PV_HYPERVISOR_sched_op:
	case PV_HYPERVISOR_callback_op:
	case PV_HYPERVISOR_event_channel_op: return true;
	default: return false;
	}
}

static void natively(uint64_t flag)
{
	for (uint64_t nr = 0; nr < 560; nr++) {
		uint64_t before = illegal;
		int64_t ret, want = (int64_t)(TEST_UNKNOWN + (nr | flag));

		attempt = nr | flag;
		/* iret leaves; the test's own calls answer otherwise. */
		if (!flag && (nr == PV_HYPERVISOR_iret || (nr >= TEST_DONE && nr <= TEST_DOWN) ||
			      nr == PV_HYPERVISOR_console_io))
			continue;
		ret = raw(nr | flag, 0, 0, 0, 0, 0, 0);
		if (!flag && in_stub(nr))
			want = hypercall((uint32_t)nr, 0, 0, 0, 0, 0);
		/* That emptied the trap table. */
		if (nr == PV_HYPERVISOR_set_trap_table)
			install_traps(note);
		/* uretprobe and uprobe pass seccomp by the kernel's design, and refuse themselves.
		 */
		if ((nr == 335 || nr == 336) && !flag && (illegal > before || ret == -PV_ENXIO))
			continue;
		if (ret != want)
			leak(flag ? 2 : 1, nr, ret);
	}
}

static void by_int80(void)
{
	for (uint64_t nr = 0; nr < 470; nr++) {
		uint64_t before = vector80;

		attempt = nr | 0x80ull << 32;
		__asm__ volatile("int $0x80"
				 : "+a"((uint64_t){nr})
				 : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0)
				 : "memory", "r8", "r9", "r10", "r11");
		if (vector80 != before + 1)
			leak(3, nr, 0);
	}
}

static void by_vsyscall(void)
{
	static const uint16_t nr[3] = {96, 201, 309};

	for (uint64_t i = 0; i < 3; i++) {
		uint64_t before = faults;
		int64_t ret =
			((int64_t(*)(uint64_t, uint64_t))(0xffffffffff600000 + i * 0x400))(0, 0);

		if (faults == before && ret != (int64_t)(TEST_UNKNOWN + nr[i]))
			leak(4, i, ret);
	}
}

/* stub_clone in entry.S: syscall; test %rax, %rax; jz +1; ret: it comes back unless the call
 * returns 0. */
static const uint8_t *find_gadget(void)
{
	static const uint8_t code[] = {0x0f, 0x05, 0x48, 0x85, 0xc0, 0x74, 0x01, 0xc3};
	const uint8_t *stub = (const uint8_t *)ENG;

	for (unsigned i = 0; i < 0x4000; i++) {
		unsigned n = 0;

		while (n < sizeof(code) && stub[i + n] == code[n])
			n++;
		if (n == sizeof(code))
			return stub + i;
	}
	done(__LINE__);
}

static const uint8_t *gadget;

static int64_t from_stub(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			 uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	int64_t ret;

	attempt = nr | 0x57ull << 32;
	__asm__ volatile("call *%7"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "b"(gadget), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static void every_number_from_stub(bool paging)
{
	for (uint64_t nr = 0; nr < 560; nr++) {
		int64_t ret;

		/* On the list: these have targeted attempts. */
		if (nr == NR_RT_SIGRETURN || nr == NR_SCHED_YIELD || nr == NR_FUTEX ||
		    nr == NR_MPROTECT || (paging && nr >= 9 && nr <= 11))
			continue;
		ret = from_stub(nr, 0, 0, 0, 0, 0, 0);
		/* The SIGILL of uretprobe ends in the stub, which goes on. */
		if ((nr == 335 && ret == -1) || ((nr == 335 || nr == 336) && ret == -PV_ENXIO))
			continue;
		if (ret != -PV_ENOSYS)
			leak(5, nr, ret);
	}
}

struct call {
	uint16_t nr;
	uint64_t a, b, c, d, e, f;
};

#define RAM_FD	   3
#define KICK_FD	   4
#define FIXED	   0x11 /* MAP_SHARED | MAP_FIXED */
#define FREE_SPACE (VB + RAM_SIZE + 0x100000)

/* Refused in every configuration. */
static const struct call refused[] = {
	{9, FREE_SPACE, 4096, 3, 0x32, ~0ull, 0},	    /* anonymous memory */
	{9, FREE_SPACE, 4096, 3, 0x31, RAM_FD, 0},	    /* shared, fixed, anonymous */
	{9, FREE_SPACE, 4096, 3, 0x12, RAM_FD, 0},	    /* private */
	{9, FREE_SPACE, 4096, 3, 1, RAM_FD, 0},		    /* anywhere */
	{9, FREE_SPACE, 4096, 3, FIXED | 0x100, RAM_FD, 0}, /* growing down */
	{9, FREE_SPACE, 4096, 3, FIXED | 1ull << 32, RAM_FD, 0},
	{9, FREE_SPACE, 4096, 7, FIXED, RAM_FD, 0}, /* writable code */
	{9, FREE_SPACE, 4096, 3 | 1ull << 32, FIXED, RAM_FD, 0},
	{9, FREE_SPACE, 4096, 4, FIXED, RAM_FD, 0},
	{9, FREE_SPACE, 4096, 3, FIXED, KICK_FD, 0},
	{9, FREE_SPACE, 4096, 3, FIXED, 20, 0}, /* where the control pages were */
	{9, FREE_SPACE, 1ull << 40, 3, FIXED, RAM_FD, 0},
	{9, FREE_SPACE, 1ull << 32, 3, FIXED, RAM_FD, 0},
	{9, ENG, 4096, 3, FIXED, RAM_FD, 0},	  /* over the stub */
	{9, ENG_INFO, 4096, 3, FIXED, RAM_FD, 0}, /* over the monitor's pages */
	{9, ENG_CTL, 4096, 3, FIXED, RAM_FD, 0},
	{9, 0x5fff00000000, 4096, 3, FIXED, RAM_FD, 0}, /* into the guard */
	{9, 0x7fff00000000, 4096, 3, FIXED, RAM_FD, 0},
	{11, ENG, 4096, 0, 0, 0, 0},
	{11, ENG_CTL, 4096, 0, 0, 0, 0},
	{11, 0x5ffdfffff000, 1ull << 40, 0, 0, 0, 0},
	{10, ENG, 4096, 7, 0, 0, 0},
	{10, ENG_INFO, 4096, 3, 0, 0, 0}, /* write to what the monitor owns */
	{10, 0x5ffdfffff000, 1ull << 40, 3, 0, 0, 0},
	{10, VB, 4096, 0x1000003, 0, 0, 0}, /* PROT_GROWSDOWN */
	{25, VB, 4096, 8192, 0, 0, 0},	    /* mremap */
	{28, VB, 4096, 9, 0, 0, 0},	    /* madvise */
	{NR_FUTEX, VB, 6, 0, 0, 0, 0},	    /* LOCK_PI */
	{NR_FUTEX, VB, 3, 1, 1, VB, 0},	    /* REQUEUE */
	{NR_FUTEX, VB, 4, 1, 1, VB, 0},	    /* CMP_REQUEUE */
	{NR_FUTEX, VB, 5, 1, 1, VB, 0},	    /* WAKE_OP */
	{NR_FUTEX, VB, 11, 1, 0, VB, 0},    /* WAIT_REQUEUE_PI */
	{NR_FUTEX, VB, 0x81, 1, 0, 0, 0},   /* WAKE, private */
	{NR_FUTEX, VB, 0x109, 1, 0, 0, 0},  /* WAIT_BITSET, real time */
	{449, VB, 1, 0, 0, 0, 0},	    /* futex_waitv */
	{1, RAM_FD, VB, 8, 0, 0, 0},	    /* write to RAM */
	{1, KICK_FD, VB, 4096, 0, 0, 0},    /* write of another length */
	{1, KICK_FD, VB, 8 | 1ull << 32, 0, 0, 0},
	{1, KICK_FD + 16, VB, 8, 0, 0, 0},
	{1, 2, VB, 8, 0, 0, 0},
	{0, KICK_FD, VB, 8, 0, 0, 0},	    /* read */
	{158, 0x1011, 0, 0, 0, 0, 0},	    /* arch_prctl: CPUID faulting */
	{158, 0x1004, VB, 0, 0, 0, 0},	    /* ARCH_GET_GS: writes memory */
	{154, 0x11, VB, 16, 0, 0, 0},	    /* modify_ldt */
	{56, 0x100, VB, 0, 0, 0, 0},	    /* clone */
	{435, VB, 88, 0, 0, 0, 0},	    /* clone3 */
	{59, VB, 0, 0, 0, 0, 0},	    /* execve */
	{322, RAM_FD, VB, 0, 0, 0x1000, 0}, /* execveat of RAM */
	{62, 1, 9, 0, 0, 0, 0},		    /* kill */
	{234, 1, 1, 9, 0, 0, 0},	    /* tgkill */
	{101, 16, 1, 0, 0, 0, 0},	    /* ptrace attach */
	{311, 1, VB, 1, VB, 1, 0},	    /* process_vm_writev */
	{157, 1, 0, 0, 0, 0, 0},	    /* prctl: PDEATHSIG off */
	{317, 1, 0, VB, 0, 0, 0},	    /* seccomp */
	{131, VB, 0, 0, 0, 0, 0},	    /* sigaltstack */
	{13, 31, VB, 0, 8, 0, 0},	    /* rt_sigaction of SIGSYS */
	{14, 0, VB, 0, 8, 0, 0},	    /* rt_sigprocmask */
	{77, RAM_FD, 0, 0, 0, 0, 0},	    /* ftruncate */
	{72, RAM_FD, 1033, 0, 0, 0, 0},	    /* seals */
	{323, 1, 0, 0, 0, 0, 0},	    /* userfaultfd */
	{425, 8, VB, 0, 0, 0, 0},	    /* io_uring_setup */
	{41, 1, 1, 0, 0, 0, 0},		    /* socket */
	{257, ~0ull, VB, 0, 0, 0, 0},	    /* openat */
	{272, 0x10000000, 0, 0, 0, 0, 0},   /* unshare */
	{302, 0, 9, VB, 0, 0, 0},	    /* prlimit64 */
	{231, 0, 0, 0, 0, 0, 0},	    /* exit_group */
	{60, 0, 0, 0, 0, 0, 0},		    /* exit */
};

/* Refused unless the guest maps pages. */
static const struct call paging_only[] = {
	{9, FREE_SPACE, 4096, 3, FIXED, RAM_FD, 0},
	{11, FREE_SPACE, 4096, 0, 0, 0, 0},
	{10, FREE_SPACE, 4096, 3, 0, 0, 0},
};

static void targeted(bool paging)
{
	for (unsigned i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const struct call *t = &refused[i];
		int64_t ret = from_stub(t->nr, t->a, t->b, t->c, t->d, t->e, t->f);

		if (ret != -PV_ENOSYS)
			leak(6, i, ret);
	}
	for (unsigned i = 0; !paging && i < sizeof(paging_only) / sizeof(paging_only[0]); i++) {
		const struct call *t = &paging_only[i];
		int64_t ret;

		if (t->nr == NR_MPROTECT && *(volatile uint8_t *)(VB + COMMAND_GPA))
			continue;
		ret = from_stub(t->nr, t->a, t->b, t->c, t->d, t->e, t->f);

		if (ret != -PV_ENOSYS)
			leak(7, i, ret);
	}
	if (!paging)
		return;
	/* What is granted: a guest's own RAM at a guest's address. */
	if (from_stub(9, FREE_SPACE, 4096, 3, FIXED, RAM_FD, SCRATCH_GPA) != (int64_t)FREE_SPACE)
		leak(8, 0, 0);
	*(volatile uint8_t *)FREE_SPACE = 0x5a;
	if (*SCRATCH != 0x5a)
		leak(8, 1, 0);
}

/* The stub, and what the monitor owns, cannot be written. */
static void stores(void)
{
	static const uint64_t at[] = {ENG, ENG + 0x800, ENG_INFO, ENG_INFO + 0x1000,
				      ENG_INFO + 0x2000};

	for (unsigned i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		uint64_t before = faults;

		/* note() returns from a fault as from a call. */
		__asm__ volatile("call 1f; jmp 2f; 1: movb $0, (%%rax); ret; 2:" ::"a"(at[i])
				 : "memory");
		if (faults != before + 1)
			leak(9, i, 0);
	}
}

void tasks_attack(unsigned task)
{
	bool paging = task == TASK_ATTACK_PAGING;

	if (task != TASK_ATTACK && !paging)
		return;
	report(1, 0);
	install_traps(note);
	natively(0);
	natively(0x40000000);
	by_int80();
	by_vsyscall();
	stores();
	gadget = find_gadget();
	every_number_from_stub(paging);
	targeted(paging);
	report(2, vector80);
	report(3, illegal);
	done(0);
}
