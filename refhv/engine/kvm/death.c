/*
 * death.c: the end of a guest, by accident or by means of the machine's own
 */
#include <stdarg.h>
#include <stdio.h>
#include "kvm.h"

void ke_died_outside(struct engine *e, const char *why)
{
	if (ke_swap(&e->dead, 1))
		return;
	ke_stop(e);
	if (e->config.client->died)
		e->config.client->died(e->config.client_ctx, why);
}

/* On the vCPU's thread: its registers are those of the last exit. */
void ke_died(struct ke_vcpu *v, const char *format, ...)
{
	const struct kvm_regs *r = &v->run->s.regs.regs;
	const struct kvm_sregs *s = &v->run->s.regs.sregs;
	char line[800];
	va_list args;
	int n;

	n = snprintf(line, sizeof(line), "vCPU %u: ", v->id);
	va_start(args, format);
	n += vsnprintf(line + n, sizeof(line) - (size_t)n, format, args);
	va_end(args);
	if (n < (int)sizeof(line))
		snprintf(line + n, sizeof(line) - (size_t)n,
			 ", rip %#llx rsp %#llx rflags %#llx cs %#x cr0 %#llx cr2 %#llx cr3 %#llx "
			 "cr4 %#llx efer %#llx rax %#llx rbx %#llx rcx %#llx rdx %#llx rsi %#llx "
			 "rdi %#llx rbp %#llx r8 %#llx r9 %#llx r10 %#llx r11 %#llx r12 %#llx "
			 "r13 %#llx r14 %#llx r15 %#llx",
			 r->rip, r->rsp, r->rflags, s->cs.selector, s->cr0, s->cr2, s->cr3, s->cr4,
			 s->efer, r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp, r->r8,
			 r->r9, r->r10, r->r11, r->r12, r->r13, r->r14, r->r15);
	ke_died_outside(v->e, line);
}

void ke_ended(struct engine *e, unsigned reason)
{
	if (ke_swap(&e->dead, 1))
		return;
	ke_stop(e);
	if (e->config.client->ended)
		e->config.client->ended(e->config.client_ctx, reason);
}
