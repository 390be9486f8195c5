/*
 * signal.c: what the host kernel tells a vCPU: faults, refused system calls, kicks
 *
 * One handler, on a signal stack of each vCPU's own (its address says which vCPU this is: ES may be
 * the guest's). The interrupted registers are moved to ue_vrw.regs, worked on as a Xen guest would
 * have them, and moved back; what may sleep (a hypercall, a rest) is done after the return from the
 * handler, on the stub's stack, so that FPU state is the guest's own at that time. SIGSEGV and
 * SIGBUS stay open inside the handler: the stub touches guest memory through instructions with
 * fixups, and the dirty log may have protected a stack.
 *
 * Trust: contents of the frame are what guest code had in its registers; see stub.h.
 */
#include <signal.h>
#include <ucontext.h>
#include <linux/audit.h>
#include <pv/abi/errno.h>
#include "stub.h"

#define VEC_UD	6u
#define VEC_DF	8u
#define VEC_TS	10u
#define VEC_GP	13u
#define VEC_PF	14u
#define VEC_AC	17u
#define PF_USER 4ull
#define UD2	0x0b0f

struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static const uint8_t handled[] = {SIGSYS, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGUSR1};

static void regs_in(struct pv_cpu_user_regs *r, const greg_t *g)
{
	r->r15 = (uint64_t)g[REG_R15];
	r->r14 = (uint64_t)g[REG_R14];
	r->r13 = (uint64_t)g[REG_R13];
	r->r12 = (uint64_t)g[REG_R12];
	r->r11 = (uint64_t)g[REG_R11];
	r->r10 = (uint64_t)g[REG_R10];
	r->r9 = (uint64_t)g[REG_R9];
	r->r8 = (uint64_t)g[REG_R8];
	r->rbp = (uint64_t)g[REG_RBP];
	r->rbx = (uint64_t)g[REG_RBX];
	r->rax = (uint64_t)g[REG_RAX];
	r->rcx = (uint64_t)g[REG_RCX];
	r->rdx = (uint64_t)g[REG_RDX];
	r->rsi = (uint64_t)g[REG_RSI];
	r->rdi = (uint64_t)g[REG_RDI];
	r->rip = (uint64_t)g[REG_RIP];
	r->rsp = (uint64_t)g[REG_RSP];
	r->rflags = (uint64_t)g[REG_EFL];
}

static void regs_out(const struct pv_cpu_user_regs *r, greg_t *g)
{
	g[REG_R15] = (greg_t)r->r15;
	g[REG_R14] = (greg_t)r->r14;
	g[REG_R13] = (greg_t)r->r13;
	g[REG_R12] = (greg_t)r->r12;
	g[REG_R11] = (greg_t)r->r11;
	g[REG_R10] = (greg_t)r->r10;
	g[REG_R9] = (greg_t)r->r9;
	g[REG_R8] = (greg_t)r->r8;
	g[REG_RBP] = (greg_t)r->rbp;
	g[REG_RBX] = (greg_t)r->rbx;
	g[REG_RAX] = (greg_t)r->rax;
	g[REG_RCX] = (greg_t)r->rcx;
	g[REG_RDX] = (greg_t)r->rdx;
	g[REG_RSI] = (greg_t)r->rsi;
	g[REG_RDI] = (greg_t)r->rdi;
	g[REG_RIP] = (greg_t)r->rip;
	g[REG_RSP] = (greg_t)r->rsp;
	g[REG_EFL] = (greg_t)r->rflags;
}

static bool within(uint64_t rip, const char *from, const char *to)
{
	return rip >= (uint64_t)from && rip < (uint64_t)to;
}

/* Leave the handler into stub code at `entry`, on the stub's stack. */
static void go_to(struct ue_vrw *v, greg_t *g, void (*entry)(void))
{
	g[REG_RIP] = (greg_t)entry;
	g[REG_RDI] = (greg_t)v;
	g[REG_RSP] = (greg_t)v + UE_VRW_STACK;
	g[REG_EFL] = 0x202;
}

static bool fix_up(greg_t *g)
{
	for (const struct stub_fixup *f = stub_extable; f < stub_extable_end; f++) {
		if ((uint64_t)&f->insn + (uint64_t)(int64_t)f->insn == (uint64_t)g[REG_RIP]) {
			g[REG_RIP] = (greg_t)((uint64_t)&f->fixup + (uint64_t)(int64_t)f->fixup);
			return true;
		}
	}
	return false;
}

/* The stub was interrupted. */
static void in_stub(struct ue_vrw *v, int sig, greg_t *g)
{
	switch (sig) {
	case SIGUSR1:
		/* Work is looked for on the way out; once past the last look, look again. */
		if (within((uint64_t)g[REG_RIP], stub_call_window, stub_call_window_end)) {
			g[REG_RIP] = (greg_t)stub_call_window;
			g[REG_RAX] = (greg_t)v;
		} else if (within((uint64_t)g[REG_RIP], stub_run_window, stub_run_window_end)) {
			g[REG_RIP] = (greg_t)stub_run_window;
			g[REG_RAX] = (greg_t)v;
		}
		return;
	case SIGSEGV:
	case SIGBUS:
		if (fix_up(g))
			return;
		break;
	case SIGILL:
		/* uretprobe(2) and uprobe(2), which no filter sees, end like this; the stub's own
		 * ends are ud2. */
		if (*(const uint16_t *)g[REG_RIP] != UD2)
			return;
		break;
	case SIGTRAP:
		/* A guest that single-steps into a hypercall steps over it. */
		g[REG_EFL] &= ~0x100;
		return;
	case SIGSYS:
		/* Refused by the filter: guest code has jumped here with arguments of its own. */
		g[REG_RAX] = -PV_ENOSYS;
		return;
	}
	regs_in(&v->regs, g);
	stub_die(v, UE_DEATH_IN_STUB, (uint64_t)g[REG_RIP]);
}

static void deliver_fault(struct ue_vrw *v, int sig, const greg_t *g)
{
	/* Not every SIGILL comes from an exception: the number may be that of an earlier one. */
	unsigned vector = sig == SIGILL ? VEC_UD : (unsigned)g[REG_TRAPNO];
	uint64_t error = (uint64_t)g[REG_ERR];
	struct pv_vcpu_info *vi = (struct pv_vcpu_info *)stub_ro(v)->vinfo;

	switch (vector) {
	case VEC_GP:
		if (stub_emulate(v))
			return;
		/* int $n without a gate: the error code names the entry of the IDT. */
		if (error & 2 && !(error & 1)) {
			v->regs.rip += 2;
			stub_deliver_trap(v, (unsigned)(error >> 3) & 255, false, 0);
			return;
		}
		break;
	case VEC_UD:
		if (stub_emulate(v))
			return;
		break;
	case VEC_PF:
		v->cr2 = (uint64_t)g[REG_CR2];
		stub_copy(&vi->arch.cr2, &v->cr2, sizeof(v->cr2));
		/* The guest's kernel runs in ring 3 but need not know. */
		error &= ~PF_USER;
		break;
	}
	stub_deliver_trap(v, vector,
			  vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) ||
				  vector == VEC_AC,
			  error);
}

static void handler(int sig, siginfo_t *si, void *ucp)
{
	struct ue_vrw *v = (struct ue_vrw *)((uintptr_t)__builtin_frame_address(0) &
					     ~((uintptr_t)UE_VRW_STRIDE - 1));
	greg_t *g = ((ucontext_t *)ucp)->uc_mcontext.gregs;

	if (sig == SIGUSR1) {
		stub_store(&v->kicked, 0);
	} else if (sig == SIGSEGV && g[REG_TRAPNO] == VEC_PF &&
		   stub_dirty_fault((uint64_t)g[REG_CR2], (uint64_t)g[REG_ERR])) {
		return;
	}
	if (within((uint64_t)g[REG_RIP], stub_text, stub_end)) {
		in_stub(v, sig, g);
		return;
	}

	regs_in(&v->regs, g);
	switch (sig) {
	case SIGUSR1: go_to(v, g, stub_run); return;
	case SIGSYS:
		if (si->si_arch == AUDIT_ARCH_X86_64) {
			go_to(v, g, stub_trapped_call);
			return;
		}
		/* int $0x80, whose kernel entry this guest cannot reach */
		stub_deliver_trap(v, 0x80, false, 0);
		break;
	default:
		/* Somebody outside sent it: not an exception of this vCPU. */
		if (si->si_code <= 0)
			return;
		deliver_fault(v, sig, g);
	}
	regs_out(&v->regs, g);
}

long stub_signal_stack(struct ue_vrw *v)
{
	stack_t ss = {
		.ss_sp = (char *)v + UE_VRW_STACK,
		.ss_size = UE_VRW_SIGTOP - UE_VRW_STACK,
	};

	return SYS2(SYS_sigaltstack, &ss, 0);
}

long stub_signals(void)
{
	const uint64_t faults = 1ull << (SIGSEGV - 1) | 1ull << (SIGBUS - 1);
	uint64_t blocked = ~0ull;
	long ret = 0;

	for (unsigned i = 0; i < sizeof(handled); i++) {
		struct kernel_sigaction sa = {
			.handler = handler,
			.flags =
				SA_SIGINFO | SA_ONSTACK | SA_NODEFER | 0x04000000 /* SA_RESTORER */,
			.restorer = stub_restorer,
			.mask = ~faults,
		};

		blocked &= ~(1ull << (handled[i] - 1));
		ret |= SYS4(SYS_rt_sigaction, handled[i], &sa, 0, sizeof(sa.mask));
	}
	ret |= SYS4(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, 0, sizeof(blocked));
	return ret;
}
