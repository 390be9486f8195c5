/*
 * trap.c: frames on the guest's stack: exceptions, upcalls, and iret which takes them off again
 *
 * The frames are those of Xen for a 64-bit PV guest in kernel mode (xen/arch/x86/x86_64/entry.S,
 * create_bounce_frame): rcx, r11, [error code], rip, cs | saved mask << 32, rflags, rsp, ss, below
 * a stack pointer aligned to 16; cs with RPL 0 says that the guest's kernel was interrupted, IF is
 * the inverse of the mask. See stub.h for trust.
 */
#include <pv/abi/errno.h>
#include "stub.h"

#define EFLAGS_TF (1ull << 8)
#define EFLAGS_IF (1ull << 9)
#define EFLAGS_DF (1ull << 10)
#define EFLAGS_NT (1ull << 14)
#define EFLAGS_RF (1ull << 16)
#define EFLAGS_AC (1ull << 18)
#define EFLAGS_ID (1ull << 21)
/* What iret may set: arithmetic flags and the above but NT. IF is always on for a process. */
#define EFLAGS_USER (0x8d5ull | EFLAGS_TF | EFLAGS_DF | EFLAGS_RF | EFLAGS_AC | EFLAGS_ID)

#define KERNEL_CS (PV_FLAT_KERNEL_CS & ~3ull)

static struct pv_vcpu_info *vinfo(const struct ue_vrw *v)
{
	return (struct pv_vcpu_info *)stub_ro(v)->vinfo;
}

uint8_t stub_upcall_mask(const struct ue_vrw *v)
{
	uint8_t mask = 1;

	stub_copy(&mask, &vinfo(v)->evtchn_upcall_mask, 1);
	return mask;
}

static void set_mask(struct ue_vrw *v, uint8_t mask)
{
	stub_copy(&vinfo(v)->evtchn_upcall_mask, &mask, 1);
}

static void push_frame(struct ue_vrw *v, uint64_t entry, bool mask, bool has_error, uint64_t error)
{
	struct pv_cpu_user_regs *r = &v->regs;
	uint64_t frame[8], flags = r->rflags & ~EFLAGS_IF;
	uint8_t old = stub_upcall_mask(v);
	unsigned n = 0, len;

	if (!old)
		flags |= EFLAGS_IF;
	frame[n++] = r->rcx;
	frame[n++] = r->r11;
	if (has_error)
		frame[n++] = error;
	frame[n++] = r->rip;
	frame[n++] = KERNEL_CS | (uint64_t)(old != 0) << 32;
	frame[n++] = flags;
	frame[n++] = r->rsp;
	frame[n++] = PV_FLAT_KERNEL_SS;
	len = n * sizeof(frame[0]);

	uint64_t sp = (r->rsp & ~15ull) - len;

	if (stub_copy((void *)sp, frame, len))
		stub_die(v, UE_DEATH_BAD_STACK, sp);
	if (mask)
		set_mask(v, 1);
	r->rsp = sp;
	r->rip = entry;
	r->rflags &= ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_AC);
}

void stub_deliver_upcall(struct ue_vrw *v)
{
	/* Without a callback the guest polls: masking keeps the upcall from being due again and
	 * again. */
	if (v->event.address)
		push_frame(v, v->event.address, true, false, 0);
	else
		set_mask(v, 1);
}

void stub_deliver_trap(struct ue_vrw *v, unsigned vector, bool has_error, uint64_t error)
{
	struct pv_trap_info t = stub_traps(v)[vector & 255];

	if (!t.address || t.address >> 47)
		stub_die(v, UE_DEATH_NO_HANDLER, vector);
	push_frame(v, t.address, t.flags & 4, has_error, error);
}

/* frame: five words, rip, cs, rflags, rsp, ss. Selectors other than Xen's flat ones and the native
 * ones do not exist. */
bool stub_iret_to(struct ue_vrw *v, const uint64_t *frame)
{
	uint16_t cs = (uint16_t)frame[1] | 3, ss = (uint16_t)frame[4] | 3;

	if (frame[0] >> 47)
		return false;
	if (cs != PV_FLAT_RING3_CS64 && cs != UE_CS)
		return false;
	if (ss != PV_FLAT_RING3_SS64 && ss != UE_SS && ss != 3)
		return false;
	v->regs.rip = frame[0];
	v->regs.rflags = (frame[2] & EFLAGS_USER) | EFLAGS_IF | 2;
	v->regs.rsp = frame[3];
	set_mask(v, !(frame[2] & EFLAGS_IF));
	return true;
}

/*
 * HYPERVISOR_iret. From the hypercall page rcx and r11 are live and the slot has pushed rax; a raw
 * system call has lost both, so that its caller pushes all three: struct pv_iret_context.
 */
void stub_iret(struct ue_vrw *v, bool trapped)
{
	struct pv_iret_context c;
	uint64_t from = v->regs.rsp;

	if (trapped) {
		if (stub_copy(&c, (void *)from, sizeof(c)))
			stub_die(v, UE_DEATH_BAD_RETURN, from);
		v->regs.r11 = c.r11;
		v->regs.rcx = c.rcx;
	} else if (stub_copy(&c.rax, (void *)from, 8) ||
		   stub_copy(&c.flags, (void *)(from + 8),
			     sizeof(c) - offsetof(struct pv_iret_context, flags))) {
		stub_die(v, UE_DEATH_BAD_RETURN, from);
	}
	v->regs.rax = c.rax;
	if (!stub_iret_to(v, (const uint64_t *)&c + 4))
		stub_die(v, UE_DEATH_BAD_RETURN, c.rip);
}
