/*
 * HYPERVISOR_hvm_op and HYPERVISOR_vm_assist: the small switches of a domain.
 *
 * The guest reads and writes only the parameters that Xen lets it (hvm_allow_get_param and
 * hvm_allow_set_param in xen/arch/x86/hvm/hvm.c); the VMM has all of them.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/hvm/hvm_op.h>
#include <pv/abi/hvm/params.h>

#define FIRST_VECTOR 0x10u /* below are exceptions */

_Static_assert(PV_HVM_NR_PARAMS <= PV_STATE_HVM_PARAMS, "all parameters are saved");

static bool may_get(uint32_t index)
{
	switch (index) {
	case PV_HVM_PARAM_CALLBACK_IRQ:
	case PV_HVM_PARAM_STORE_PFN:
	case PV_HVM_PARAM_STORE_EVTCHN:
	case PV_HVM_PARAM_CONSOLE_PFN:
	case PV_HVM_PARAM_CONSOLE_EVTCHN:
	case PV_HVM_PARAM_VM86_TSS:
	case PV_HVM_PARAM_VM86_TSS_SIZED:
	case PV_HVM_PARAM_ACPI_IOPORTS_LOCATION:
	case PV_HVM_PARAM_VM_GENERATION_ID_ADDR:
	case PV_HVM_PARAM_ALTP2M: return true;
	default: return false;
	}
}

static bool may_set(uint32_t index)
{
	switch (index) {
	case PV_HVM_PARAM_CALLBACK_IRQ:
	case PV_HVM_PARAM_VM86_TSS:
	case PV_HVM_PARAM_VM86_TSS_SIZED:
	case PV_HVM_PARAM_ACPI_IOPORTS_LOCATION:
	case PV_HVM_PARAM_VM_GENERATION_ID_ADDR:
	case PV_HVM_PARAM_STORE_EVTCHN:
	case PV_HVM_PARAM_CONSOLE_EVTCHN: return true;
	default: return false;
	}
}

static int64_t do_param(struct pv_domain *d, unsigned vcpu, bool set, uint64_t gva)
{
	struct pv_hvm_param a;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.index >= PV_HVM_NR_PARAMS)
		return -PV_EINVAL;
	if (!pv_domain_is_self(d, a.domid))
		return a.domid == 0 ? -PV_EPERM : -PV_ESRCH;
	if (d->kind != PV_DOMAIN_PVH)
		return -PV_EINVAL;
	if (!(set ? may_set(a.index) : may_get(a.index)))
		return -PV_EPERM;
	if (!set) {
		a.value = d->hvm_param[a.index];
		return pv_guest_write(d, vcpu, gva, &a, sizeof(a));
	}
	d->hvm_param[a.index] = a.value;
	if (a.index == PV_HVM_PARAM_CALLBACK_IRQ)
		pv_domain_latch_width(d, vcpu);
	if (d->vmm.hvm_param_set)
		d->vmm.hvm_param_set(d->vmm.ctx, a.index, a.value);
	return 0;
}

static int64_t do_upcall_vector(struct pv_domain *d, unsigned by, uint64_t gva)
{
	struct pv_hvm_evtchn_upcall_vector a;

	if (pv_guest_read(d, by, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.vector < FIRST_VECTOR)
		return -PV_EINVAL;
	if (a.vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	d->vcpu[a.vcpu].upcall_vector = a.vector;
	if (d->vmm.upcall_vector_set)
		d->vmm.upcall_vector_set(d->vmm.ctx, a.vcpu, a.vector);
	return 0;
}

int64_t pv_do_hvm_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	struct pv_hvm_get_time t;

	switch (arg[0]) {
	case PV_HVMOP_set_param: return do_param(d, vcpu, true, arg[1]);
	case PV_HVMOP_get_param: return do_param(d, vcpu, false, arg[1]);
	default: break;
	}
	if (d->kind != PV_DOMAIN_PVH)
		return -PV_ENOSYS;
	switch (arg[0]) {
	case PV_HVMOP_set_evtchn_upcall_vector: return do_upcall_vector(d, vcpu, arg[1]);
	case PV_HVMOP_get_time:
		t.now = pv_domain_now(d);
		return pv_guest_write(d, vcpu, arg[1], &t, sizeof(t));
	default: return -PV_ENOSYS;
	}
}

int64_t pv_do_vm_assist(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	const uint64_t pv =
		1ull << PV_VMASST_TYPE_4gb_segments | 1ull << PV_VMASST_TYPE_4gb_segments_notify |
		1ull << PV_VMASST_TYPE_writable_pagetables |
		1ull << PV_VMASST_TYPE_pae_extended_cr3 |
		1ull << PV_VMASST_TYPE_architectural_iopl | 1ull << PV_VMASST_TYPE_m2p_strict;
	uint64_t valid = 1ull << PV_VMASST_TYPE_runstate_update_flag;

	(void)vcpu;
	if (d->kind == PV_DOMAIN_PV)
		valid |= pv;
	if (arg[1] >= 64 || !(valid >> arg[1] & 1))
		return -PV_EINVAL;
	switch (arg[0]) {
	case PV_VMASST_CMD_enable: d->vm_assist |= 1ull << arg[1]; return 0;
	case PV_VMASST_CMD_disable: d->vm_assist &= ~(1ull << arg[1]); return 0;
	default: return -PV_ENOSYS;
	}
}

int pv_domain_set_hvm_param(struct pv_domain *d, uint32_t index, uint64_t value)
{
	if (index >= PV_STATE_HVM_PARAMS)
		return -PV_EINVAL;
	pv_domain_enter(d);
	d->hvm_param[index] = value;
	pv_domain_leave(d);
	return 0;
}

int pv_domain_get_hvm_param(struct pv_domain *d, uint32_t index, uint64_t *value)
{
	if (index >= PV_STATE_HVM_PARAMS)
		return -PV_EINVAL;
	pv_domain_enter(d);
	*value = d->hvm_param[index];
	pv_domain_leave(d);
	return 0;
}

uint8_t pv_domain_upcall_vector(struct pv_domain *d, unsigned vcpu)
{
	uint8_t vector;

	if (vcpu >= d->max_vcpus)
		return 0;
	pv_domain_enter(d);
	vector = d->vcpu[vcpu].upcall_vector;
	pv_domain_leave(d);
	return vector;
}
