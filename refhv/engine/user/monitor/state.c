/*
 * state.c: a resting vCPU as a plain struct, and back
 *
 * Trust: states to set may come from a hostile stream, states to get are what the guest has left in
 * its control pages. set() checks what could fault in the stub; everything else is the guest's own
 * business.
 */
#include <cpuid.h>
#include <pv/abi/errno.h>
#include <string.h>
#include "monitor.h"

#define REST_TIME_NS 1000000000ull

#define XSAVE_LEGACY 512u
#define XSAVE_HEADER 576u
#define MXCSR_RESET  0x1f80u
#define FCW_RESET    0x37fu

/* CF PF AF ZF SF TF DF OF RF AC ID; bit 1 and IF are always set for a process. */
#define RFLAGS_KEEP 0x250dd5ull
#define RFLAGS_ON   0x202ull

static bool canonical_user(uint64_t address)
{
	return !(address >> 47);
}

/* Bytes of an XSAVE image with everything that the kernel has switched on. */
uint32_t ue_xsave_size(void)
{
	uint32_t a, b = 0, c, d;

	__cpuid_count(0xd, 0, a, b, c, d);
	return b;
}

static uint64_t xcr0(void)
{
	uint32_t lo, hi;

	__asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
	return lo | (uint64_t)hi << 32;
}

static uint32_t mxcsr_mask(void)
{
	uint8_t area[XSAVE_LEGACY] __attribute__((aligned(16))) = {0};
	uint32_t mask;

	__asm__ volatile("fxsave64 %0" : "+m"(area));
	memcpy(&mask, area + 28, sizeof(mask));
	return mask ? mask : 0xffbf;
}

/* Only images that XRSTOR takes without a fault. */
static int check_xsave(const uint8_t *x, uint32_t size)
{
	uint64_t header[8];
	uint32_t mxcsr;

	if (size < XSAVE_HEADER || size > ENGINE_XSAVE_MAX)
		return -PV_EINVAL;
	memcpy(header, x + XSAVE_LEGACY, sizeof(header));
	memcpy(&mxcsr, x + 24, sizeof(mxcsr));
	if (header[0] & ~xcr0() || mxcsr & ~mxcsr_mask())
		return -PV_EINVAL;
	for (int i = 1; i < 8; i++)
		if (header[i])
			return -PV_EINVAL;
	/* Components that are present must have come along. */
	for (unsigned i = 2; i < 64; i++) {
		uint32_t len, off, c, d;

		if (!(header[0] >> i & 1))
			continue;
		__cpuid_count(0xd, i, len, off, c, d);
		if ((uint64_t)off + len > size)
			return -PV_EINVAL;
	}
	return 0;
}

/* area is zero: all components in their initial state, but MXCSR is always loaded. */
void ue_fpu_reset(void *area)
{
	const uint32_t mxcsr = MXCSR_RESET;
	const uint16_t fcw = FCW_RESET;

	memcpy(area, &fcw, sizeof(fcw));
	memcpy((char *)area + 24, &mxcsr, sizeof(mxcsr));
}

static int put_fpu(uint8_t *to, const struct engine_vcpu_state *s)
{
	const uint64_t legacy = 3;
	uint32_t mxcsr;
	int ret;

	if (s->flags & ENGINE_VCPU_XSAVE) {
		ret = check_xsave(s->xsave, s->xsave_size);
		if (ret)
			return ret;
		memset(to, 0, ENGINE_XSAVE_MAX);
		memcpy(to, s->xsave, s->xsave_size);
		return 0;
	}
	memset(to, 0, ENGINE_XSAVE_MAX);
	ue_fpu_reset(to);
	if (s->ctxt.flags & PV_VGCF_I387_VALID) {
		memcpy(&mxcsr, s->ctxt.fpu_ctxt.x + 24, sizeof(mxcsr));
		if (mxcsr & ~mxcsr_mask())
			return -PV_EINVAL;
		memcpy(to, s->ctxt.fpu_ctxt.x, 464);
		memcpy(to + XSAVE_LEGACY, &legacy, sizeof(legacy));
	}
	return 0;
}

int ue_vcpu_set(struct engine *e, unsigned vcpu, const struct engine_vcpu_state *s)
{
	const struct pv_vcpu_guest_context *c = &s->ctxt;
	struct ue_vcpu *v;
	struct ue_vrw *rw;
	int ret;

	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	if (s->size < offsetof(struct engine_vcpu_state, xsave))
		return -PV_EINVAL;
	if (!canonical_user(c->user_regs.rip) || !canonical_user(c->event_callback_eip) ||
	    !canonical_user(c->failsafe_callback_eip) || !canonical_user(c->syscall_callback_eip) ||
	    !canonical_user(c->fs_base) || !canonical_user(c->gs_base_kernel))
		return -PV_EINVAL;
	v = &e->vcpu[vcpu];
	rw = v->rw;
	/* Before wait() the vCPU's thread does not exist: it cannot be anywhere but at rest. */
	if (e->waited && !ue_rests(v, ue_now() + REST_TIME_NS))
		return -PV_EBUSY;
	ret = put_fpu((uint8_t *)rw + UE_VRW_XSAVE, s);
	if (ret)
		return ret;

	rw->regs = c->user_regs;
	rw->regs.rflags = (c->user_regs.rflags & RFLAGS_KEEP) | RFLAGS_ON;
	memcpy((char *)rw + UE_VRW_TRAPS, c->trap_ctxt, sizeof(c->trap_ctxt));
	rw->event = (struct ue_callback){c->event_callback_eip, s->event_flags[0]};
	rw->failsafe = (struct ue_callback){c->failsafe_callback_eip, s->event_flags[1]};
	rw->syscall = (struct ue_callback){c->syscall_callback_eip, s->event_flags[2]};
	rw->kernel_ss = c->kernel_ss;
	rw->kernel_sp = c->kernel_sp;
	rw->fs_base = c->fs_base;
	rw->gs_base_kernel = c->gs_base_kernel;
	rw->gs_base_user = c->gs_base_user;
	memcpy(rw->debugreg, c->debugreg, sizeof(rw->debugreg));
	rw->cr2 = c->ctrlreg[2];
	rw->again = 0;
	return s->flags & ENGINE_VCPU_UP ? ue_vcpu_up(e, vcpu) : ue_vcpu_down(e, vcpu);
}

int ue_vcpu_get(struct engine *e, unsigned vcpu, struct engine_vcpu_state *s)
{
	struct pv_vcpu_guest_context *c = &s->ctxt;
	struct ue_vcpu *v;
	struct ue_vrw *rw;

	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	v = &e->vcpu[vcpu];
	rw = v->rw;
	/* The registers that a dead guest has left are worth a look as well. */
	if (!ue_read(&e->dead) && e->waited && !ue_rests(v, ue_now() + REST_TIME_NS))
		return -PV_EBUSY;

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->flags = ENGINE_VCPU_XSAVE;
	if (v->up)
		s->flags |= ENGINE_VCPU_UP;
	s->xsave_size = ue_xsave_size();
	if (s->xsave_size > ENGINE_XSAVE_MAX)
		s->xsave_size = ENGINE_XSAVE_MAX;
	memcpy(s->xsave, (char *)rw + UE_VRW_XSAVE, s->xsave_size);
	memcpy(c->fpu_ctxt.x, s->xsave, sizeof(c->fpu_ctxt.x));
	c->flags = PV_VGCF_I387_VALID | PV_VGCF_IN_KERNEL | (v->up ? PV_VGCF_online : 0);
	c->user_regs = rw->regs;
	c->user_regs.cs = PV_FLAT_KERNEL_CS;
	c->user_regs.ss = PV_FLAT_KERNEL_SS;
	c->user_regs.ds = c->user_regs.es = c->user_regs.fs = c->user_regs.gs = 0;
	memcpy(c->trap_ctxt, (char *)rw + UE_VRW_TRAPS, sizeof(c->trap_ctxt));
	c->event_callback_eip = rw->event.address;
	c->failsafe_callback_eip = rw->failsafe.address;
	c->syscall_callback_eip = rw->syscall.address;
	s->event_flags[0] = (uint32_t)rw->event.flags;
	s->event_flags[1] = (uint32_t)rw->failsafe.flags;
	s->event_flags[2] = (uint32_t)rw->syscall.flags;
	c->kernel_ss = rw->kernel_ss;
	c->kernel_sp = rw->kernel_sp;
	c->fs_base = rw->fs_base;
	c->gs_base_kernel = rw->gs_base_kernel;
	c->gs_base_user = rw->gs_base_user;
	memcpy(c->debugreg, rw->debugreg, sizeof(rw->debugreg));
	c->ctrlreg[2] = rw->cr2;
	return 0;
}
