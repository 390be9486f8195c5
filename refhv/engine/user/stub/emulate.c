/*
 * emulate.c: instructions that a PV kernel may use and a process may not
 *
 * The list is short and closed: Xen's forced-emulation prefix before cpuid, iretq with Xen's
 * selectors, and the privileged instructions that Xen emulates for an unprivileged guest. All else
 * stays the fault that it is. Also the fs and gs bases, which FSGSBASE gives to user code and
 * arch_prctl to all others. See stub.h for trust.
 */
#include <asm/prctl.h>
#include <cpuid.h>
#include <pv/abi/errno.h>
#include "stub.h"

#define CR0_FIXED 0x80050033ull /* PG AM WP NE ET MP PE */
#define CR4_FIXED 0x00010660ull /* FSGSBASE OSXMMEXCPT OSFXSR MCE PAE */

#define MSR_EFER	   0xc0000080u
#define MSR_FS_BASE	   0xc0000100u
#define MSR_GS_BASE	   0xc0000101u
#define MSR_KERNEL_GS_BASE 0xc0000102u
#define EFER_FIXED	   0xd01ull /* NX LMA LME SCE */

static bool fsgsbase(void)
{
	return stub_info->caps & ENGINE_CAP_FSGSBASE;
}

bool stub_set_fs_base(struct ue_vrw *v, uint64_t base)
{
	if (base >> 47)
		return false;
	v->fs_base = base;
	if (fsgsbase())
		__asm__ volatile("wrfsbase %0" ::"r"(base));
	else
		SYS2(SYS_arch_prctl, ARCH_SET_FS, base);
	return true;
}

bool stub_set_gs_base(struct ue_vrw *v, uint64_t base)
{
	if (base >> 47)
		return false;
	v->gs_base_kernel = base;
	if (fsgsbase())
		__asm__ volatile("wrgsbase %0" ::"r"(base));
	else
		SYS2(SYS_arch_prctl, ARCH_SET_GS, base);
	return true;
}

/* Without FSGSBASE the guest cannot have changed them but through us. */
uint64_t stub_get_fs_base(struct ue_vrw *v)
{
	uint64_t base = v->fs_base;

	if (fsgsbase())
		__asm__ volatile("rdfsbase %0" : "=r"(base));
	return base;
}

uint64_t stub_get_gs_base(struct ue_vrw *v)
{
	uint64_t base = v->gs_base_kernel;

	if (fsgsbase())
		__asm__ volatile("rdgsbase %0" : "=r"(base));
	return base;
}

static void emulate_cpuid(struct pv_cpu_user_regs *r)
{
	uint32_t leaf = (uint32_t)r->rax, a, b, c, d;

	if (leaf - 0x40000000u < 6) {
		const uint32_t *x = stub_info->cpuid[leaf - 0x40000000u];

		a = x[0];
		b = x[1];
		c = x[2];
		d = x[3];
	} else {
		__cpuid_count(leaf, (uint32_t)r->rcx, a, b, c, d);
	}
	r->rax = a;
	r->rbx = b;
	r->rcx = c;
	r->rdx = d;
}

static uint64_t *reg(struct pv_cpu_user_regs *r, unsigned n)
{
	uint64_t *map[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp,
			     &r->rsi, &r->rdi, &r->r8,	&r->r9,	 &r->r10, &r->r11,
			     &r->r12, &r->r13, &r->r14, &r->r15};

	return map[n & 15];
}

static bool read_msr(struct ue_vrw *v, uint32_t msr, uint64_t *val)
{
	switch (msr) {
	case MSR_EFER: *val = EFER_FIXED; return true;
	case MSR_FS_BASE: *val = stub_get_fs_base(v); return true;
	case MSR_GS_BASE: *val = stub_get_gs_base(v); return true;
	case MSR_KERNEL_GS_BASE: *val = v->gs_base_user; return true;
	default: return false;
	}
}

static bool write_msr(struct ue_vrw *v, uint32_t msr, uint64_t val)
{
	switch (msr) {
	case MSR_FS_BASE: return stub_set_fs_base(v, val);
	case MSR_GS_BASE: return stub_set_gs_base(v, val);
	case MSR_KERNEL_GS_BASE: v->gs_base_user = val; return true;
	default: return false;
	}
}

static bool control_register(struct ue_vrw *v, bool write, unsigned cr, uint64_t *gpr)
{
	switch (cr) {
	case 0:
		if (write)
			return (*gpr | 8) == (CR0_FIXED | 8); /* TS goes through fpu_taskswitch */
		*gpr = CR0_FIXED;
		return true;
	case 2:
		if (write)
			v->cr2 = *gpr;
		else
			*gpr = v->cr2;
		return true;
	case 4:
		if (write)
			return *gpr == CR4_FIXED;
		*gpr = CR4_FIXED;
		return true;
	default: return false;
	}
}

static bool two_bytes(struct ue_vrw *v, const uint8_t *p, uint8_t rex, unsigned *len)
{
	struct pv_cpu_user_regs *r = &v->regs;
	uint64_t val;

	switch (p[1]) {
	case 0x06: /* clts */
	case 0x09: /* wbinvd */ *len += 2; return true;
	case 0x20: /* mov %cr, %reg */
	case 0x22: /* mov %reg, %cr */
		if (p[2] >> 6 != 3)
			return false;
		*len += 3;
		return control_register(v, p[1] == 0x22, (p[2] >> 3 & 7) | (rex & 4) << 1,
					reg(r, (p[2] & 7) | (rex & 1) << 3));
	case 0x30: /* wrmsr */
		*len += 2;
		return write_msr(v, (uint32_t)r->rcx, (uint32_t)r->rax | r->rdx << 32);
	case 0x32: /* rdmsr */
		*len += 2;
		if (!read_msr(v, (uint32_t)r->rcx, &val))
			return false;
		r->rax = (uint32_t)val;
		r->rdx = val >> 32;
		return true;
	default: return false;
	}
}

/* No port is there: reads give all ones, as on a bus where nobody answers. */
static bool port_io(struct pv_cpu_user_regs *r, uint8_t op, bool wide16, unsigned *len)
{
	*len += op < 0xe8 ? 2 : 1;
	switch (op & ~8) {
	case 0xe4: /* in to al */ r->rax |= 0xff; return true;
	case 0xe5: /* in to ax, eax */ r->rax = wide16 ? r->rax | 0xffff : 0xffffffff; return true;
	default: /* out */ return true;
	}
}

/* After a fault at v->regs.rip: true if the instruction has been carried out. */
bool stub_emulate(struct ue_vrw *v)
{
	struct pv_cpu_user_regs *r = &v->regs;
	uint8_t code[15], *p = code, rex = 0;
	bool wide16 = false;
	unsigned len = 0;
	uint64_t frame[5];

	/* An instruction at the end of a page may be followed by nothing. */
	for (unsigned i = 0; i < sizeof(code); i++)
		code[i] = 0;
	stub_copy(code, (void *)r->rip, sizeof(code));

	if (p[0] == 0x0f && p[1] == 0x0b) {
		if (p[2] != 'x' || p[3] != 'e' || p[4] != 'n' || p[5] != 0x0f || p[6] != 0xa2)
			return false;
		emulate_cpuid(r);
		r->rip += 7;
		return true;
	}
	if (*p == 0x66) {
		wide16 = true;
		p++, len++;
	}
	if ((*p & 0xf0) == 0x40) {
		rex = *p++;
		len++;
	}
	switch (*p) {
	case 0x0f:
		if (!two_bytes(v, p, rex, &len))
			return false;
		break;
	case 0xcf: /* iretq: Xen's selectors do not exist here */
		if (!(rex & 8) || stub_copy(frame, (void *)r->rsp, sizeof(frame)))
			return false;
		/* The plain instruction does not know of the mask. */
		if (stub_upcall_mask(v))
			frame[2] &= ~0x200ull;
		else
			frame[2] |= 0x200;
		return stub_iret_to(v, frame);
	case 0xe4 ... 0xe7:
	case 0xec ... 0xef:
		if (!port_io(r, *p, wide16, &len))
			return false;
		break;
	case 0xfa: /* cli, sti: without effect under Xen, which has evtchn_upcall_mask for this */
	case 0xfb: len++; break;
	default: return false;
	}
	r->rip += len;
	return true;
}
