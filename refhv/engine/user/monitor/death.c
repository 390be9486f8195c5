/*
 * death.c: the end of a guest process, expected by nobody
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include "monitor.h"

/* First reason kept. No vCPU runs on once this returns. */
void ue_died(struct engine *e, const char *why)
{
	if (ue_swap(&e->dead, 1))
		return;
	if (e->pid > 0)
		kill(e->pid, SIGKILL);
	if (e->config.client->died)
		e->config.client->died(e->config.client_ctx, why);
}

/* Without reaping it: the process number must stay ours until destroy(). */
static bool exited(struct engine *e, siginfo_t *si)
{
	memset(si, 0, sizeof(*si));
	return e->pid > 0 && !waitid(P_PID, (id_t)e->pid, si, WEXITED | WNOHANG | WNOWAIT) &&
	       si->si_pid;
}

bool ue_gone(struct engine *e)
{
	siginfo_t si;

	if (!exited(e, &si))
		return ue_read(&e->dead);
	ue_watch(e);
	return true;
}

void ue_watch(struct engine *e)
{
	siginfo_t si;
	char why[80];

	if (!exited(e, &si) || ue_read(&e->killing))
		return;
	if (si.si_code == CLD_EXITED)
		snprintf(why, sizeof(why), "the guest process exited with status %d", si.si_status);
	else
		snprintf(why, sizeof(why), "the guest process was killed by signal %d (%s)",
			 si.si_status,
			 sigabbrev_np(si.si_status) ? sigabbrev_np(si.si_status) : "?");
	ue_died(e, why);
}

static const char *reason(uint64_t why)
{
	switch (why) {
	case UE_DEATH_NO_HANDLER: return "exception without a handler";
	case UE_DEATH_BAD_STACK: return "no stack for an exception or upcall at";
	case UE_DEATH_BAD_RETURN: return "return to nowhere, from";
	case UE_DEATH_IN_STUB: return "fault in the hypervisor's own code at";
	case UE_DEATH_BAD_STATE: return "FPU state refused by the processor";
	default: return "for no known reason";
	}
}

/* Reported by the vCPU itself, or by guest code in its name: nothing here is more than a message.
 */
void ue_died_in_guest(struct ue_vcpu *v, uint64_t why, uint64_t detail)
{
	struct pv_cpu_user_regs r = v->rw->regs;
	char line[640];

	snprintf(line, sizeof(line),
		 "vCPU %u: %s %#llx, rip %#llx rsp %#llx rflags %#llx cr2 %#llx rax %#llx rbx "
		 "%#llx rcx %#llx "
		 "rdx %#llx rsi %#llx rdi %#llx rbp %#llx r8 %#llx r9 %#llx r10 %#llx r11 %#llx "
		 "r12 %#llx r13 %#llx "
		 "r14 %#llx r15 %#llx",
		 v->id, reason(why), (unsigned long long)detail, (unsigned long long)r.rip,
		 (unsigned long long)r.rsp, (unsigned long long)r.rflags,
		 (unsigned long long)ue_read(&v->rw->cr2), (unsigned long long)r.rax,
		 (unsigned long long)r.rbx, (unsigned long long)r.rcx, (unsigned long long)r.rdx,
		 (unsigned long long)r.rsi, (unsigned long long)r.rdi, (unsigned long long)r.rbp,
		 (unsigned long long)r.r8, (unsigned long long)r.r9, (unsigned long long)r.r10,
		 (unsigned long long)r.r11, (unsigned long long)r.r12, (unsigned long long)r.r13,
		 (unsigned long long)r.r14, (unsigned long long)r.r15);
	ue_died(v->e, line);
}
