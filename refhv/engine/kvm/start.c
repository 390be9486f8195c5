/*
 * start.c: where a vCPU starts: the boot vCPU, and VCPUOP_initialise
 *
 * The context is a guest's own claim. It is checked as far as the processor would not enter it:
 * what passes can only make a guest that does not get far.
 */
#include <string.h>
#include <sys/ioctl.h>
#include <pv/abi/errno.h>
#include "kvm.h"

#define CR0_PE	     (1ull << 0)
#define CR0_ET	     (1ull << 4)
#define CR0_NE	     (1ull << 5)
#define CR0_NW	     (1ull << 29)
#define CR0_CD	     (1ull << 30)
#define CR0_PG	     (1ull << 31)
#define CR0_KNOWN    0xe005003full
#define CR4_PAE	     (1ull << 5)
#define CR4_KNOWN    0x007f07ffull /* up to LA57, FSGSBASE, SMAP, ...; not VMXE, SMXE */
#define EFER_LME     (1ull << 8)
#define EFER_LMA     (1ull << 10)
#define EFER_KNOWN   0x0000000000000d01ull /* SCE, LME, LMA, NX */
#define RFLAGS_ONE   (1ull << 1)
#define RFLAGS_VM    (1ull << 17)
#define RFLAGS_KNOWN 0x003f7fd7ull

/* Attributes of a segment: bits 3:0 type, 4 S, 6:5 DPL, 7 P, 8 AVL, 9 L, 10 D/B, 11 G. */
#define AR_CODE	    (1u << 3)
#define AR_WRITABLE (1u << 1) /* of data; readable, of code */
#define AR_S	    (1u << 4)
#define AR_DPL	    (3u << 5)
#define AR_P	    (1u << 7)
#define AR_L	    (1u << 9)
#define AR_G	    (1u << 11)
#define TR_BUSY	    11u

static bool limit_fits(uint32_t limit, uint32_t ar)
{
	return ar & AR_G ? (limit & 0xfff) == 0xfff || limit <= 0xfffff : limit <= 0xfffff;
}

static bool data_fits(uint32_t limit, uint32_t ar, bool stack)
{
	if (!(ar & AR_P))
		return !stack;
	if (!(ar & AR_S) || ar & AR_L || !limit_fits(limit, ar))
		return false;
	if (stack)
		return !(ar & AR_CODE) && ar & AR_WRITABLE && !(ar & AR_DPL);
	return !(ar & AR_CODE) || ar & AR_WRITABLE;
}

static int check_32(const struct pv_vcpu_hvm_x86_32 *r)
{
	if (!(r->cr0 & CR0_PE) || r->cr0 & ~CR0_KNOWN || r->cr4 & ~CR4_KNOWN ||
	    r->efer & ~EFER_KNOWN || r->efer & EFER_LMA || r->eflags & ~RFLAGS_KNOWN ||
	    r->eflags & RFLAGS_VM)
		return -PV_EINVAL;
	/* Long mode begins with paging, which a 32-bit start has off or of the old kinds. */
	if (r->cr0 & CR0_PG && r->efer & EFER_LME)
		return -PV_EINVAL;
	if (r->cr0 & CR0_NW && !(r->cr0 & CR0_CD))
		return -PV_EINVAL;
	if ((r->cs_ar & (AR_P | AR_S | AR_CODE)) != (AR_P | AR_S | AR_CODE) ||
	    r->cs_ar & (AR_L | AR_DPL) || !limit_fits(r->cs_limit, r->cs_ar) ||
	    r->eip > r->cs_limit)
		return -PV_EINVAL;
	if (!data_fits(r->ds_limit, r->ds_ar, false) || !data_fits(r->es_limit, r->es_ar, false) ||
	    !data_fits(r->ss_limit, r->ss_ar, true))
		return -PV_EINVAL;
	if ((r->tr_ar & 0xfu) != TR_BUSY || r->tr_ar & AR_S || !(r->tr_ar & AR_P) ||
	    !limit_fits(r->tr_limit, r->tr_ar))
		return -PV_EINVAL;
	return 0;
}

static bool canonical(uint64_t x)
{
	return (uint64_t)((int64_t)(x << 16) >> 16) == x;
}

static int check_64(const struct pv_vcpu_hvm_x86_64 *r)
{
	if ((r->cr0 & (CR0_PE | CR0_PG)) != (CR0_PE | CR0_PG) || r->cr0 & ~CR0_KNOWN ||
	    !(r->cr4 & CR4_PAE) || r->cr4 & ~CR4_KNOWN || r->efer & ~EFER_KNOWN ||
	    (r->efer & (EFER_LME | EFER_LMA)) != (EFER_LME | EFER_LMA) || r->cr3 >> 52)
		return -PV_EINVAL;
	if (r->cr0 & CR0_NW && !(r->cr0 & CR0_CD))
		return -PV_EINVAL;
	if (!canonical(r->rip) || r->rflags & ~RFLAGS_KNOWN || r->rflags & RFLAGS_VM)
		return -PV_EINVAL;
	return 0;
}

int ke_start_check(const struct pv_vcpu_hvm_context *c)
{
	if (c->mode == PV_VCPU_HVM_MODE_32B)
		return check_32(&c->cpu_regs.x86_32);
	return c->mode == PV_VCPU_HVM_MODE_64B ? check_64(&c->cpu_regs.x86_64) : -PV_EINVAL;
}

int ke_start_set(struct engine *e, unsigned vcpu, const struct pv_vcpu_hvm_context *context)
{
	struct pv_vcpu_hvm_context c = *context;
	struct ke_vcpu *v;

	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	if (ke_start_check(&c))
		return -PV_EINVAL;
	v = &e->vcpu[vcpu];
	if (ke_read(&v->up))
		return -PV_EBUSY;
	pthread_mutex_lock(&e->lock);
	v->start = c;
	ke_ask(v, KE_START);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static struct kvm_segment segment(uint32_t base, uint32_t limit, uint32_t ar, uint16_t selector)
{
	return (struct kvm_segment){
		.base = base,
		.limit = limit,
		.selector = selector,
		.type = ar & 0xf,
		.s = ar >> 4 & 1,
		.dpl = ar >> 5 & 3,
		.present = ar >> 7 & 1,
		.avl = ar >> 8 & 1,
		.l = ar >> 9 & 1,
		.db = ar >> 10 & 1,
		.g = ar >> 11 & 1,
		.unusable = !(ar & AR_P),
	};
}

static void load_32(const struct pv_vcpu_hvm_x86_32 *c, struct kvm_regs *r, struct kvm_sregs *s)
{
	*r = (struct kvm_regs){
		.rax = c->eax,
		.rbx = c->ebx,
		.rcx = c->ecx,
		.rdx = c->edx,
		.rsi = c->esi,
		.rdi = c->edi,
		.rsp = c->esp,
		.rbp = c->ebp,
		.rip = c->eip,
		.rflags = c->eflags | RFLAGS_ONE,
	};
	s->cs = segment(c->cs_base, c->cs_limit, c->cs_ar, 0x8);
	s->ds = segment(c->ds_base, c->ds_limit, c->ds_ar, 0x10);
	s->es = segment(c->es_base, c->es_limit, c->es_ar, 0x10);
	s->ss = segment(c->ss_base, c->ss_limit, c->ss_ar, 0x10);
	s->fs = s->gs = segment(0, 0xffffffff, 0xc93, 0x10);
	s->tr = segment(c->tr_base, c->tr_limit, c->tr_ar, 0x18);
	s->cr0 = c->cr0 | CR0_ET;
	s->cr3 = c->cr3;
	s->cr4 = c->cr4;
	s->efer = c->efer;
}

static void load_64(const struct pv_vcpu_hvm_x86_64 *c, struct kvm_regs *r, struct kvm_sregs *s)
{
	*r = (struct kvm_regs){
		.rax = c->rax,
		.rbx = c->rbx,
		.rcx = c->rcx,
		.rdx = c->rdx,
		.rsi = c->rsi,
		.rdi = c->rdi,
		.rsp = c->rsp,
		.rbp = c->rbp,
		.rip = c->rip,
		.rflags = c->rflags | RFLAGS_ONE,
	};
	s->cs = segment(0, 0xffffffff, 0xa9b, 0x8);
	s->ds = s->es = s->ss = s->fs = s->gs = segment(0, 0xffffffff, 0xc93, 0x10);
	s->tr = segment(0, 0x67, 0x08b, 0x18);
	s->cr0 = c->cr0 | CR0_ET;
	s->cr3 = c->cr3;
	s->cr4 = c->cr4;
	s->efer = c->efer;
}

/* On the vCPU's thread. */
int ke_start_apply(struct ke_vcpu *v)
{
	struct pv_vcpu_hvm_context c;
	struct kvm_sregs s;
	struct kvm_regs r;

	pthread_mutex_lock(&v->e->lock);
	c = v->start;
	pthread_mutex_unlock(&v->e->lock);
	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return -PV_EIO;
	if (c.mode == PV_VCPU_HVM_MODE_64B)
		load_64(&c.cpu_regs.x86_64, &r, &s);
	else
		load_32(&c.cpu_regs.x86_32, &r, &s);
	s.ldt = (struct kvm_segment){.type = 2, .unusable = 1};
	s.gdt = s.idt = (struct kvm_dtable){0};
	memset(s.interrupt_bitmap, 0, sizeof(s.interrupt_bitmap));
	if (ioctl(v->fd, KVM_SET_SREGS, &s) || ioctl(v->fd, KVM_SET_REGS, &r))
		return -PV_EINVAL;
	return 0;
}
