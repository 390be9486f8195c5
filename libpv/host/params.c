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

/* Parameters that the ABI has no names for any more. */
#define MEMORY_EVENT_FIRST	 20u
#define MEMORY_EVENT_LAST	 23u
#define MEMORY_EVENT_SINGLE_STEP 25u
#define MEMORY_EVENT_MSR	 30u

/* Bytes of a task state segment: the structure; with both bitmaps; what old loaders mean. */
#define TSS_MIN	     104ull
#define TSS_MAX	     (TSS_MIN + 32 + 8192 + 1)
#define TSS_OLD_SIZE 128ull

_Static_assert(PV_HVM_NR_PARAMS <= PV_STATE_HVM_PARAMS, "all parameters are saved");

/* What a guest may do with a parameter of its own: 0, or the error. */
static int check_index(uint32_t index, bool set)
{
	switch (index) {
	case PV_HVM_PARAM_CALLBACK_IRQ:
	case PV_HVM_PARAM_STORE_EVTCHN:
	case PV_HVM_PARAM_CONSOLE_EVTCHN:
	case PV_HVM_PARAM_VM86_TSS:
	case PV_HVM_PARAM_VM86_TSS_SIZED:
	case PV_HVM_PARAM_ACPI_IOPORTS_LOCATION:
	case PV_HVM_PARAM_VM_GENERATION_ID_ADDR:
	case PV_HVM_PARAM_X87_FIP_WIDTH: return 0;
	case PV_HVM_PARAM_STORE_PFN:
	case PV_HVM_PARAM_CONSOLE_PFN:
	case PV_HVM_PARAM_ALTP2M: return set ? -PV_EPERM : 0;
	case PV_HVM_PARAM_PAE_ENABLED:
	case PV_HVM_PARAM_DM_DOMAIN:
	case PV_HVM_PARAM_NESTEDHVM:
	case PV_HVM_PARAM_BUFIOREQ_EVTCHN:
	case MEMORY_EVENT_FIRST ... MEMORY_EVENT_LAST:
	case MEMORY_EVENT_SINGLE_STEP:
	case MEMORY_EVENT_MSR: return -PV_EINVAL; /* deprecated */
	default: return -PV_EPERM;
	}
}

static uint64_t get_param(const struct pv_domain *d, uint32_t index)
{
	/* One place for both: the old parameter is the address of the new one. */
	if (index == PV_HVM_PARAM_VM86_TSS)
		return (uint32_t)d->hvm_param[PV_HVM_PARAM_VM86_TSS_SIZED];
	return d->hvm_param[index];
}

static int set_param(struct pv_domain *d, unsigned vcpu, uint32_t index, uint64_t value)
{
	switch (index) {
	case PV_HVM_PARAM_ACPI_IOPORTS_LOCATION: return -PV_ENODEV; /* no such timer */
	case PV_HVM_PARAM_X87_FIP_WIDTH:
		if (value != 0 && value != 4 && value != 8)
			return -PV_EINVAL;
		break;
	case PV_HVM_PARAM_VM86_TSS:
		if (value > UINT32_MAX) {
			pv_domain_crash_locked(d, "the guest's VM86_TSS lies above 4 GiB");
			return -PV_EINVAL;
		}
		index = PV_HVM_PARAM_VM86_TSS_SIZED;
		value |= value ? TSS_OLD_SIZE << 32 : 0;
		break;
	case PV_HVM_PARAM_VM86_TSS_SIZED:
		if (value >> 32 < TSS_MIN) {
			pv_domain_crash_locked(d, "the guest's VM86_TSS is too short");
			return -PV_EINVAL;
		}
		if (value >> 32 > TSS_MAX)
			value = (uint32_t)value | TSS_MAX << 32;
		break;
	default: break;
	}
	d->hvm_param[index] = value;
	if (index == PV_HVM_PARAM_CALLBACK_IRQ)
		pv_domain_latch_width(d, vcpu);
	if (d->vmm.hvm_param_set)
		d->vmm.hvm_param_set(d->vmm.ctx, index, value);
	return 0;
}

static int64_t do_param(struct pv_domain *d, unsigned vcpu, bool set, uint64_t gva)
{
	struct pv_hvm_param a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.index >= PV_HVM_NR_PARAMS)
		return -PV_EINVAL;
	rc = pv_domain_not_self(d, a.domid);
	if (rc)
		return rc;
	if (d->kind != PV_DOMAIN_PVH)
		return -PV_EINVAL;
	rc = check_index(a.index, set);
	if (rc)
		return rc;
	if (set)
		return set_param(d, vcpu, a.index, a.value);
	a.value = get_param(d, a.index);
	return pv_guest_write(d, vcpu, gva, &a, sizeof(a));
}

/* Is a grant mapped read-only at this gfn? */
static bool is_readonly(struct pv_domain *d, uint64_t gfn)
{
	uint32_t i;

	for (i = 0; d->nr_guest_maps && i < d->nr_map_slots; i++) {
		const struct pv_map_state *m = pv_domain_map_at(d, i);

		if (m->kind == PV_MAP_GUEST && m->gpa / PV_PAGE == gfn)
			return m->readonly;
	}
	return false;
}

static int64_t do_mem_type(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_hvm_get_mem_type a;
	int rc;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	rc = pv_domain_not_self(d, a.domid);
	if (rc)
		return rc;
	if (!pv_domain_page(d, a.pfn, 0))
		a.mem_type = PV_HVMMEM_mmio_dm; /* nothing there is somebody's to emulate */
	else
		a.mem_type = is_readonly(d, a.pfn) ? PV_HVMMEM_ram_ro : PV_HVMMEM_ram_rw;
	return pv_guest_write(d, vcpu, gva, &a, sizeof(a));
}

static int64_t do_pagetable_dying(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_hvm_pagetable_dying a;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (!pv_domain_is_self(d, a.domid))
		return a.domid == 0 ? -PV_EOPNOTSUPP : -PV_ESRCH;
	return -PV_EINVAL; /* a hint for shadow page tables, which there are not */
}

static int64_t do_tlb_flush(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	int rc;

	if (gva)
		return -PV_EINVAL;
	if (!d->vmm.tlb_flush)
		return -PV_ENOSYS;
	pv_domain_leave(d);
	rc = d->vmm.tlb_flush(d->vmm.ctx, vcpu);
	pv_domain_enter(d);
	return rc < 0 ? rc : 0;
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
	bool hvm = d->kind == PV_DOMAIN_PVH;
	struct pv_hvm_get_time t;

	switch (arg[0]) {
	case PV_HVMOP_set_param: return do_param(d, vcpu, true, arg[1]);
	case PV_HVMOP_get_param: return do_param(d, vcpu, false, arg[1]);
	case PV_HVMOP_set_evtchn_upcall_vector:
		return hvm ? do_upcall_vector(d, vcpu, arg[1]) : -PV_EINVAL;
	case PV_HVMOP_get_time:
		t.now = pv_domain_now(d);
		return pv_guest_write(d, vcpu, arg[1], &t, sizeof(t));
	case PV_HVMOP_get_mem_type: return hvm ? do_mem_type(d, vcpu, arg[1]) : -PV_EINVAL;
	case PV_HVMOP_pagetable_dying: return do_pagetable_dying(d, vcpu, arg[1]);
	case PV_HVMOP_flush_tlbs: return hvm ? do_tlb_flush(d, vcpu, arg[1]) : -PV_EINVAL;
	case PV_HVMOP_guest_request_vm_event: return arg[1] ? -PV_EINVAL : 0; /* nobody listens */
	case PV_HVMOP_altp2m: return -PV_EOPNOTSUPP;
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
