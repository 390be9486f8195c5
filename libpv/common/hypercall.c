/*
 * The table behind pv_hypercall_name() and pv_hypercall_args().
 *
 * Source of the facts: xen/include/public/xen.h and xen/include/hypercall-defs.c.
 */
#include "hypercall.h"

#include <stddef.h>

#include <pv/abi/xen.h>

static const struct {
	const char *name;
	uint8_t args;
} hypercalls[PV_NR_HYPERCALLS] = {
	[PV_HYPERVISOR_set_trap_table] = {"set_trap_table", 1},
	[PV_HYPERVISOR_mmu_update] = {"mmu_update", 4},
	[PV_HYPERVISOR_set_gdt] = {"set_gdt", 2},
	[PV_HYPERVISOR_stack_switch] = {"stack_switch", 2},
	[PV_HYPERVISOR_set_callbacks] = {"set_callbacks", 3},
	[PV_HYPERVISOR_fpu_taskswitch] = {"fpu_taskswitch", 1},
	[PV_HYPERVISOR_sched_op_compat] = {"sched_op_compat", 2},
	[PV_HYPERVISOR_platform_op] = {"platform_op", 1},
	[PV_HYPERVISOR_set_debugreg] = {"set_debugreg", 2},
	[PV_HYPERVISOR_get_debugreg] = {"get_debugreg", 1},
	[PV_HYPERVISOR_update_descriptor] = {"update_descriptor", 2},
	[PV_HYPERVISOR_memory_op] = {"memory_op", 2},
	[PV_HYPERVISOR_multicall] = {"multicall", 2},
	[PV_HYPERVISOR_update_va_mapping] = {"update_va_mapping", 3},
	[PV_HYPERVISOR_set_timer_op] = {"set_timer_op", 1},
	[PV_HYPERVISOR_event_channel_op_compat] = {"event_channel_op_compat", 1},
	[PV_HYPERVISOR_xen_version] = {"xen_version", 2},
	[PV_HYPERVISOR_console_io] = {"console_io", 3},
	[PV_HYPERVISOR_physdev_op_compat] = {"physdev_op_compat", 1},
	[PV_HYPERVISOR_grant_table_op] = {"grant_table_op", 3},
	[PV_HYPERVISOR_vm_assist] = {"vm_assist", 2},
	[PV_HYPERVISOR_update_va_mapping_otherdomain] = {"update_va_mapping_otherdomain", 4},
	[PV_HYPERVISOR_iret] = {"iret", 0},
	[PV_HYPERVISOR_vcpu_op] = {"vcpu_op", 3},
	[PV_HYPERVISOR_set_segment_base] = {"set_segment_base", 2},
	[PV_HYPERVISOR_mmuext_op] = {"mmuext_op", 4},
	[PV_HYPERVISOR_xsm_op] = {"xsm_op", 1},
	[PV_HYPERVISOR_nmi_op] = {"nmi_op", 2},
	[PV_HYPERVISOR_sched_op] = {"sched_op", 2},
	[PV_HYPERVISOR_callback_op] = {"callback_op", 2},
	[PV_HYPERVISOR_xenoprof_op] = {"xenoprof_op", 2},
	[PV_HYPERVISOR_event_channel_op] = {"event_channel_op", 2},
	[PV_HYPERVISOR_physdev_op] = {"physdev_op", 2},
	[PV_HYPERVISOR_hvm_op] = {"hvm_op", 2},
	[PV_HYPERVISOR_sysctl] = {"sysctl", 1},
	[PV_HYPERVISOR_domctl] = {"domctl", 1},
	[PV_HYPERVISOR_kexec_op] = {"kexec_op", 2},
	[PV_HYPERVISOR_tmem_op] = {"tmem_op", 1},
	[PV_HYPERVISOR_argo_op] = {"argo_op", 5},
	[PV_HYPERVISOR_xenpmu_op] = {"xenpmu_op", 2},
	[PV_HYPERVISOR_dm_op] = {"dm_op", 3},
	[PV_HYPERVISOR_hypfs_op] = {"hypfs_op", 5},
};

const char *pv_hypercall_name(uint64_t nr)
{
	return nr < PV_NR_HYPERCALLS ? hypercalls[nr].name : NULL;
}

int pv_hypercall_args(uint64_t nr)
{
	return pv_hypercall_name(nr) ? hypercalls[nr].args : -1;
}
