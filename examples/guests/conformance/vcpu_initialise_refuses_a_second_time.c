/*
 * vcpu_initialise_refuses_a_second_time: A vCPU that has a context cannot be given another:
 * EEXIST.
 */
#include "conformance.h"

#include <pv/abi/hvm/hvm_vcpu.h>

/* Good enough to be looked at: flat segments, this kernel's own page tables. */
static void make_context(void *area)
{
	struct pv_vcpu_guest_context *c = area;
	struct pv_vcpu_hvm_context *h = area;
	uint64_t cr0, cr3, cr4;

	if (!is_pvh()) {
		c->flags = PV_VGCF_in_kernel;
		c->user_regs.cs = PV_FLAT_KERNEL_CS;
		c->user_regs.ss = PV_FLAT_KERNEL_SS;
		return;
	}
	__asm__ volatile("mov %%cr0, %0; mov %%cr3, %1; mov %%cr4, %2"
			 : "=r"(cr0), "=r"(cr3), "=r"(cr4));
	h->mode = PV_VCPU_HVM_MODE_64B;
	h->cpu_regs.x86_64.rflags = 2;
	h->cpu_regs.x86_64.cr0 = cr0;
	h->cpu_regs.x86_64.cr3 = cr3;
	h->cpu_regs.x86_64.cr4 = cr4;
	h->cpu_regs.x86_64.efer = 0x500;
}

CASE(vcpu_initialise_refuses_a_second_time)
{
	void *context = pages_alloc(2);
	int rc;

	CHECK(context);
	make_context(context);
	rc = vcpu_op(PV_VCPUOP_initialise, 0, context);
	pages_free(context, 2);
	CHECK_EQ(rc, -PV_EEXIST);
}
