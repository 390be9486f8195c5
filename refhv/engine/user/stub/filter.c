/*
 * filter.c: the system calls that are left to the guest process
 *
 * This filter, not the stub, is the boundary: guest code can jump to any system call instruction of
 * the stub with registers of its choice. Each call is therefore checked in full. All else is
 * RET_TRAP: a signal to the guest itself. Calls must come from the stub's text, so that a raw
 * system call instruction in a guest means a hypercall whatever its number.
 *
 * Left are: rt_sigreturn, sched_yield, futex WAIT, WAKE and WAIT_BITSET, an 8-byte write to a kick;
 * for guests that map pages also mmap of RAM, munmap and mprotect below the engine; for the dirty
 * log by protection, mprotect; on machines without FSGSBASE, arch_prctl SET_FS and SET_GS.
 */
#include <asm/prctl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include "stub.h"

#define MAX_INSNS 96

struct program {
	struct sock_filter insn[MAX_INSNS];
	unsigned n;
};

#define LOW(i)	(offsetof(struct seccomp_data, args) + 8 * (i))
#define HIGH(i) (LOW(i) + 4)

static void emit(struct program *p, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	p->insn[p->n++ % MAX_INSNS] = (struct sock_filter){code, jt, jf, k};
}

static void load(struct program *p, uint32_t offset)
{
	emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offset);
}

static void verdict(struct program *p, uint32_t what)
{
	emit(p, BPF_RET | BPF_K, 0, 0, what);
}

#define ALLOW SECCOMP_RET_ALLOW
#define TRAP  SECCOMP_RET_TRAP

/* Each want_* traps unless the word just loaded is as wanted. */
static void want_equal(struct program *p, uint32_t k)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, k);
	verdict(p, TRAP);
}

static void want_below(struct program *p, uint32_t k)
{
	emit(p, BPF_JMP | BPF_JGE | BPF_K, 0, 1, k);
	verdict(p, TRAP);
}

static void want_one_of(struct program *p, const uint32_t *k, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, (uint8_t)(n - i), 0, k[i]);
	verdict(p, TRAP);
}

/* The rules of system call nr lie between begin(nr) and end(); a call that passes them is allowed.
 */
static unsigned begin(struct program *p, uint32_t nr)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 0, nr);
	return p->n - 1;
}

static void end(struct program *p, unsigned start)
{
	verdict(p, ALLOW);
	p->insn[start].jf = (uint8_t)(p->n - 1 - start);
}

/* Address and length: all of it below the engine, whose guard is more than 4 GiB wide. */
static void want_guest_range(struct program *p)
{
	load(p, HIGH(0));
	want_below(p, UE_GUEST_END >> 32);
	load(p, HIGH(1));
	want_equal(p, 0);
}

static void want_protection(struct program *p, bool all)
{
	static const uint32_t prot[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE,
					PROT_READ | PROT_EXEC, PROT_READ | PROT_WRITE | PROT_EXEC};

	load(p, HIGH(2));
	want_equal(p, 0);
	load(p, LOW(2));
	want_one_of(p, prot, all ? 5 : 4);
}

static void build(struct program *p, bool paging, bool mprotect_log, bool prctl_bases)
{
	static const uint32_t futex_op[] = {FUTEX_WAIT, FUTEX_WAKE, FUTEX_WAIT_BITSET};
	static const uint32_t base_op[] = {ARCH_SET_FS, ARCH_SET_GS};
	unsigned at;

	p->n = 0;
	load(p, offsetof(struct seccomp_data, arch));
	want_equal(p, AUDIT_ARCH_X86_64);
	load(p, offsetof(struct seccomp_data, instruction_pointer) + 4);
	want_equal(p, UE_ENG >> 32);
	load(p, offsetof(struct seccomp_data, instruction_pointer));
	want_below(p, UE_TEXT_SIZE);
	load(p, offsetof(struct seccomp_data, nr));

	at = begin(p, SYS_futex);
	load(p, LOW(1));
	want_one_of(p, futex_op, 3);
	end(p, at);

	at = begin(p, SYS_write);
	load(p, HIGH(2));
	want_equal(p, 0);
	load(p, LOW(2));
	want_equal(p, 8);
	load(p, LOW(0));
	emit(p, BPF_ALU | BPF_SUB | BPF_K, 0, 0, UE_FD_KICK);
	want_below(p, UE_NR_KICKS);
	end(p, at);

	at = begin(p, SYS_rt_sigreturn);
	end(p, at);

	at = begin(p, SYS_sched_yield);
	end(p, at);

	if (paging) {
		at = begin(p, SYS_mmap);
		want_guest_range(p);
		want_protection(p, false);
		load(p, LOW(3));
		want_equal(p, MAP_SHARED | MAP_FIXED);
		load(p, HIGH(3));
		want_equal(p, 0);
		load(p, LOW(4));
		want_equal(p, UE_FD_RAM);
		end(p, at);

		at = begin(p, SYS_munmap);
		want_guest_range(p);
		end(p, at);
	}
	if (paging || mprotect_log) {
		at = begin(p, SYS_mprotect);
		want_guest_range(p);
		want_protection(p, mprotect_log);
		end(p, at);
	}
	if (prctl_bases) {
		at = begin(p, SYS_arch_prctl);
		load(p, LOW(0));
		want_one_of(p, base_op, 2);
		end(p, at);
	}
	verdict(p, TRAP);
}

long stub_lockdown(bool mprotect_log)
{
	struct program p;
	struct sock_fprog prog;
	long ret;

	build(&p, stub_info->flags & UE_WANT_PAGING, mprotect_log,
	      !(stub_info->caps & ENGINE_CAP_FSGSBASE));
	prog.len = (unsigned short)p.n;
	prog.filter = p.insn;
	ret = SYS5(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (ret)
		return ret;
	return SYS3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
}
