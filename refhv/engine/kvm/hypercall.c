/*
 * hypercall.c: from a vCPU's registers to the client and back
 *
 * 64-bit code passes rdi rsi rdx r10 r8 r9, 32-bit code ebx ecx edx esi edi ebp; number and result
 * are in rax. Only ring 0 may call.
 */
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/xen.h>
#include "kvm.h"

#define EFER_LMA (1ull << 10)

bool ke_long_mode(const struct kvm_sregs *s)
{
	return s->efer & EFER_LMA && s->cs.l;
}

/* How this vCPU sees memory, for the client's copies from and to its arguments. */
void ke_note_cpu(struct ke_vcpu *v)
{
	const struct kvm_sregs *s = &v->run->s.regs.sregs;

	ke_write(&v->cpu.cr0, s->cr0);
	ke_write(&v->cpu.cr3, s->cr3);
	ke_write(&v->cpu.cr4, s->cr4);
	ke_write(&v->cpu.efer, s->efer);
}

static int64_t call(struct ke_vcpu *v, uint32_t nr, const uint64_t arg[6], bool long_mode)
{
	const struct engine_client *client = v->e->config.client;
	uint32_t arg32[6];

	ke_count(&v->exits[KE_EXIT_CALL]);
	ke_note_cpu(v);
	if (v->run->s.regs.sregs.ss.dpl)
		return -PV_EPERM;
	if (long_mode)
		return client->hypercall(v->e->config.client_ctx, v->id, nr, arg);
	if (!client->hypercall32)
		return -PV_ENOSYS;
	for (int i = 0; i < 6; i++)
		arg32[i] = (uint32_t)arg[i];
	return client->hypercall32(v->e->config.client_ctx, v->id, nr, arg32);
}

void ke_hypercall(struct ke_vcpu *v)
{
	struct kvm_regs *r = &v->run->s.regs.regs;
	bool long_mode = ke_long_mode(&v->run->s.regs.sregs);
	const uint64_t arg64[6] = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9};
	const uint64_t arg32[6] = {r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp};
	int64_t ret;

	if (ke_read(&v->e->try_short)) {
		ke_note_cpu(v);
		ke_trap_shorten(v);
	}
	ret = call(v, (uint32_t)r->rax, long_mode ? arg64 : arg32, long_mode);
	r->rax = long_mode ? (uint64_t)ret : (uint32_t)ret;
	v->run->kvm_dirty_regs = KVM_SYNC_X86_REGS;
}

/* From code by sites_shorten(), which has made a step too far to find out what is asked for. */
void ke_hypercall_undone(struct ke_vcpu *v)
{
	struct kvm_regs *r = &v->run->s.regs.regs;

	if (ke_long_mode(&v->run->s.regs.sregs) &&
	    (uint8_t)r->rax == PV_HYPERVISOR_event_channel_op)
		r->rdi = (uint32_t)(r->rdi + PV_EVTCHNOP_send);
	ke_hypercall(v);
}

/*
 * From the short way of sending, for a port that KVM does not pass on itself. In the hypercall page
 * the registers are still those of the call, but for rax; behind sites_shorten() edi is 0 and rsi 4
 * too much.
 */
void ke_send(struct ke_vcpu *v)
{
	struct kvm_regs *r = &v->run->s.regs.regs;
	bool patched = !(uint32_t)r->rdi;

	ke_count(&v->exits[KE_EXIT_SEND]);
	r->rax = PV_HYPERVISOR_event_channel_op;
	if (patched) {
		r->rdi = PV_EVTCHNOP_send;
		r->rsi -= 4;
	}
	ke_hypercall(v);
	if (patched)
		ke_trap_skip(v);
}

/* KVM's own support has decoded the registers. */
void ke_hypercall_xen(struct ke_vcpu *v)
{
	struct kvm_xen_exit *x = &v->run->xen;
	uint64_t arg[6];

	if (x->type != KVM_EXIT_XEN_HCALL) {
		ke_died(v, "KVM's Xen support asks for an unknown thing (%u)", x->type);
		return;
	}
	for (int i = 0; i < 6; i++)
		arg[i] = x->u.hcall.params[i];
	x->u.hcall.result = (uint64_t)call(v, (uint32_t)x->u.hcall.input, arg, x->u.hcall.longmode);
}

static void *map(void *ctx, uint64_t gpa, uint32_t len)
{
	return ke_mem(ctx, gpa, len);
}

static void written(void *ctx, uint64_t gpa, uint32_t len)
{
	ke_mark_dirty(ctx, gpa, len);
}

int ke_gva_to_gpa(struct engine *e, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa)
{
	const struct walk_memory mem = {.map = map, .written = written, .ctx = e};
	struct walk_cpu cpu;
	struct ke_vcpu *v;

	if (vcpu >= e->config.max_vcpus)
		return -PV_EFAULT;
	v = &e->vcpu[vcpu];
	cpu.cr0 = ke_read(&v->cpu.cr0);
	cpu.cr3 = ke_read(&v->cpu.cr3);
	cpu.cr4 = ke_read(&v->cpu.cr4);
	cpu.efer = ke_read(&v->cpu.efer);
	return walk(&cpu, &mem, gva, write, gpa);
}
