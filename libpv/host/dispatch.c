/*
 * Hypercalls: from a number and six registers to the handler, and multicall.
 *
 * The only place where a guest's request takes the domain's lock, so that no error path of a
 * handler can keep it (XSA-235). The vCPU number is the engine's and trusted; everything else is
 * the guest's.
 */
#include "access.h"
#include "domain.h"

#define NR_HYPERCALLS 56u /* the ABI names none from here on */

static const pv_hypercall_fn handlers[NR_HYPERCALLS] = {
	[PV_HYPERVISOR_mmu_update] = pv_do_mmu_update,
	[PV_HYPERVISOR_set_gdt] = pv_do_set_gdt,
	[PV_HYPERVISOR_memory_op] = pv_do_memory_op,
	[PV_HYPERVISOR_update_va_mapping] = pv_do_update_va_mapping,
	[PV_HYPERVISOR_set_timer_op] = pv_do_set_timer_op,
	[PV_HYPERVISOR_xen_version] = pv_do_xen_version,
	[PV_HYPERVISOR_console_io] = pv_do_console_io,
	[PV_HYPERVISOR_grant_table_op] = pv_do_grant_table_op,
	[PV_HYPERVISOR_vm_assist] = pv_do_vm_assist,
	[PV_HYPERVISOR_vcpu_op] = pv_do_vcpu_op,
	[PV_HYPERVISOR_mmuext_op] = pv_do_mmuext_op,
	[PV_HYPERVISOR_sched_op] = pv_do_sched_op,
	[PV_HYPERVISOR_event_channel_op] = pv_do_event_channel_op,
	[PV_HYPERVISOR_hvm_op] = pv_do_hvm_op,
	[PV_HYPERVISOR_platform_op] = pv_do_control,
	[PV_HYPERVISOR_sysctl] = pv_do_control,
	[PV_HYPERVISOR_domctl] = pv_do_control,
	[PV_HYPERVISOR_xenpmu_op] = pv_do_xenpmu_op,
	[PV_HYPERVISOR_dm_op] = pv_do_dm_op,
};

int64_t pv_hypercall_one(struct pv_domain *d, unsigned vcpu, uint64_t nr, const uint64_t *arg)
{
	int64_t rc;

	if (nr < NR_HYPERCALLS && handlers[nr])
		return handlers[nr](d, vcpu, arg);
	if (!d->vmm.hypercall)
		return -PV_ENOSYS;
	pv_domain_leave(d);
	rc = d->vmm.hypercall(d->vmm.ctx, vcpu, nr, arg);
	pv_domain_enter(d);
	return rc;
}

static int64_t multicall(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint64_t gva = arg[0], i;
	struct pv_multicall_entry e;

	if (arg[1] > PV_MAX_BATCH)
		return -PV_EINVAL;
	for (i = 0; i < arg[1]; i++, gva += sizeof(e)) {
		if (pv_guest_read(d, vcpu, &e, gva, sizeof(e)))
			return -PV_EFAULT;
		/* A multicall in a multicall would recurse by the guest's will. */
		e.result = e.op == PV_HYPERVISOR_multicall
				   ? (uint64_t)-PV_EINVAL
				   : (uint64_t)pv_hypercall_one(d, vcpu, e.op, e.args);
		if (pv_guest_write(d, vcpu, gva + offsetof(struct pv_multicall_entry, result),
				   &e.result, sizeof(e.result)))
			return -PV_EFAULT;
		pv_domain_breathe(d);
	}
	return 0;
}

int64_t pv_domain_hypercall(struct pv_domain *d, unsigned vcpu, uint64_t nr, const uint64_t arg[6])
{
	int64_t rc;

	if (vcpu >= d->max_vcpus)
		return -PV_EINVAL;
	pv_domain_enter(d);
	rc = nr == PV_HYPERVISOR_multicall ? multicall(d, vcpu, arg)
					   : pv_hypercall_one(d, vcpu, nr, arg);
	pv_domain_leave(d);
	return rc;
}
