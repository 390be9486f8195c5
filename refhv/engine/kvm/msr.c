/*
 * msr.c: model-specific registers that KVM leaves to us
 *
 * All unknown ones: #GP, as on Xen.
 */
#include <sys/ioctl.h>
#include <pv/abi/errno.h>
#include "kvm.h"

#define CR0_PG	   (1ull << 31)
#define EFER_LME   (1ull << 8)
#define EFER_LMA   (1ull << 10)
#define EFER_KNOWN 0x20cd01ull /* SCE, LME, LMA, NX, FFXSR, TCE, AIBRSE */
#define PAGE_BITS  4095ull

int ke_msr_set(struct ke_vcpu *v, uint32_t index, uint64_t value)
{
	_Alignas(struct kvm_msrs)
		uint8_t room[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)] = {0};
	struct kvm_msrs *m = (struct kvm_msrs *)room;

	m->nmsrs = 1;
	m->entries[0] = (struct kvm_msr_entry){.index = index, .data = value};
	return ioctl(v->fd, KVM_SET_MSRS, m) == 1 ? 0 : -PV_EIO;
}

void ke_rdmsr(struct ke_vcpu *v)
{
	struct kvm_run *run = v->run;

	ke_count(&v->exits[KE_EXIT_MSR]);
	run->msr.error = run->msr.index != KE_MSR_PAGE;
	run->msr.data = 0;
}

/* What KVM does for the guest, when it does not come by here. */
static bool write_efer(struct ke_vcpu *v, uint64_t value)
{
	const struct kvm_sregs *s = &v->run->s.regs.sregs;

	if (value & ~EFER_KNOWN || ((value ^ s->efer) & EFER_LME && s->cr0 & CR0_PG))
		return false;
	return !ke_msr_set(v, KE_MSR_EFER, (value & ~EFER_LMA) | (s->efer & EFER_LMA));
}

static bool write_page(struct ke_vcpu *v, uint64_t value)
{
	void *page = ke_mem(v->e, value & ~PAGE_BITS, PAGE_BITS + 1);

	/* The low bits number the page, of which there is one. */
	if (value & PAGE_BITS || !page)
		return false;
	ke_count(&v->exits[KE_EXIT_PAGE]);
	ke_page_fill(page, ke_long_mode(&v->run->s.regs.sregs));
	ke_mark_dirty(v->e, value, PAGE_BITS + 1);
	return true;
}

void ke_wrmsr(struct ke_vcpu *v)
{
	struct kvm_run *run = v->run;
	bool done = false;

	if (run->msr.index == KE_MSR_EFER) {
		ke_count(&v->exits[KE_EXIT_EFER]);
		ke_trap_efer(v);
		done = write_efer(v, run->msr.data);
	} else {
		ke_count(&v->exits[KE_EXIT_MSR]);
		if (run->msr.index == KE_MSR_PAGE)
			done = write_page(v, run->msr.data);
	}
	run->msr.error = !done;
}
