/*
 * vcpu_initialise_checks_its_context: A context that no processor could be in is refused: EINVAL.
 */
#include "conformance.h"

#include <pv/abi/hvm/hvm_vcpu.h>

CASE(vcpu_initialise_checks_its_context)
{
	struct pv_vcpu_hvm_context *c = pages_alloc(1);
	unsigned last = guest->vcpus - 1;

	SKIP_IF(!is_pvh(), "PVH only");
	SKIP_IF(guest->vcpus < 3, "needs a vCPU that no case starts");
	CHECK(c);
	c->mode = 7;
	CHECK_EQ(vcpu_op(PV_VCPUOP_initialise, last, c), -PV_EINVAL);
	c->mode = PV_VCPU_HVM_MODE_64B;
	CHECK_EQ(vcpu_op(PV_VCPUOP_initialise, last, c), -PV_EINVAL); /* no paging */
	c->cpu_regs.x86_64.cr0 = 0x80000001;
	c->cpu_regs.x86_64.cr4 = 0x20;
	c->cpu_regs.x86_64.efer = 0x500;
	c->cpu_regs.x86_64.rip = 1ull << 47;
	CHECK_EQ(vcpu_op(PV_VCPUOP_initialise, last, c), -PV_EINVAL);
	memset(c, 0, sizeof(*c)); /* 32-bit mode with null segments */
	CHECK_EQ(vcpu_op(PV_VCPUOP_initialise, last, c), -PV_EINVAL);
	c->pad = 1;
	CHECK_EQ(vcpu_op(PV_VCPUOP_initialise, last, c), -PV_EINVAL);
	CHECK_EQ(vcpu_op(PV_VCPUOP_initialise, last, (void *)BAD_ADDRESS), -PV_EFAULT);
	CHECK_EQ(vcpu_op(PV_VCPUOP_up, last, NULL), -PV_EINVAL);
	pages_free(c, 1);
}
