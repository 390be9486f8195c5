/*
 * Hypercalls of 32-bit guests: which of their arguments point to what.
 *
 * Registers have 32 bits here, whatever their upper halves hold (XSA-454). A pointer to a structure that
 * differs becomes a view (compat.h); all else goes to the 64-bit handler as it is. Only calls that are
 * named below reach one: a handler that nobody has looked at with 32-bit eyes is not called.
 */
#include "access.h"
#include "compat.h"

#include <pv/abi/memory.h>
#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#include <pv/abi/x86_32.h>

#if defined(__x86_64__)
#define X86 true
#else
#define X86 false
#endif

/* In a call of this number with this first argument, argument `arg` points to such a structure. */
static const struct {
	uint8_t nr, cmd, arg, layout;
} pointers[] = {
	{PV_HYPERVISOR_memory_op, PV_XENMEM_increase_reservation, 1, PV_LAYOUT_RESERVATION},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_decrease_reservation, 1, PV_LAYOUT_RESERVATION},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_populate_physmap, 1, PV_LAYOUT_RESERVATION},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_exchange, 1, PV_LAYOUT_EXCHANGE},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_machphys_mfn_list, 1, PV_LAYOUT_MFN_LIST},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_machphys_mapping, 1, PV_LAYOUT_M2P},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap, 1, PV_LAYOUT_ADD},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_add_to_physmap_batch, 1, PV_LAYOUT_ADD_BATCH},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_remove_from_physmap, 1, PV_LAYOUT_REMOVE},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_memory_map, 1, PV_LAYOUT_MEMORY_MAP},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_machine_memory_map, 1, PV_LAYOUT_MEMORY_MAP},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_set_memory_map, 1, PV_LAYOUT_FOREIGN_MAP},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_set_pod_target, 1, PV_LAYOUT_POD_TARGET},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_get_pod_target, 1, PV_LAYOUT_POD_TARGET},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_acquire_resource, 1, PV_LAYOUT_ACQUIRE},
	{PV_HYPERVISOR_memory_op, PV_XENMEM_claim_pages, 1, PV_LAYOUT_RESERVATION},
	{PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_setup_table, 1, PV_LAYOUT_SETUP_TABLE},
	{PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_transfer, 1, PV_LAYOUT_TRANSFER},
	{PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_copy, 1, PV_LAYOUT_COPY},
	{PV_HYPERVISOR_grant_table_op, PV_GNTTABOP_get_status_frames, 1, PV_LAYOUT_STATUS_FRAMES},
	{PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, 1, PV_LAYOUT_POLL},
	{PV_HYPERVISOR_vcpu_op, PV_VCPUOP_get_runstate_info, 2, PV_LAYOUT_RUNSTATE},
	{PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_runstate_memory_area, 2,
	 PV_LAYOUT_RUNSTATE_AREA},
	{PV_HYPERVISOR_vcpu_op, PV_VCPUOP_register_vcpu_time_memory_area, 2, PV_LAYOUT_TIME_AREA},
	{PV_HYPERVISOR_vcpu_op, PV_VCPUOP_set_singleshot_timer, 2, PV_LAYOUT_SINGLESHOT},
	{PV_HYPERVISOR_xen_version, PV_XENVER_platform_parameters, 1, PV_LAYOUT_PLATFORM},
};

/* All that an HVM guest may call in 32-bit mode, with the handlers of 64-bit mode. */
static const uint8_t known[] = {
	PV_HYPERVISOR_memory_op,  PV_HYPERVISOR_set_timer_op,	PV_HYPERVISOR_xen_version,
	PV_HYPERVISOR_console_io, PV_HYPERVISOR_grant_table_op, PV_HYPERVISOR_vm_assist,
	PV_HYPERVISOR_vcpu_op,	  PV_HYPERVISOR_sched_op,	PV_HYPERVISOR_event_channel_op,
	PV_HYPERVISOR_hvm_op,
};

static int64_t one(struct pv_domain *d, unsigned vcpu, uint32_t nr, const uint32_t arg[6])
{
	uint32_t cmd = nr == PV_HYPERVISOR_memory_op ? arg[0] & PV_MEMOP_CMD_MASK : arg[0];
	uint64_t wide[6];
	unsigned i;

	for (i = 0; i < sizeof(known) && known[i] != nr; i++)
		;
	if (i == sizeof(known))
		return -PV_ENOSYS;
	for (i = 0; i < 6; i++)
		wide[i] = arg[i];
	/* One 64-bit argument in two registers. */
	if (nr == PV_HYPERVISOR_set_timer_op)
		wide[0] |= (uint64_t)arg[1] << 32;
	for (i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++)
		if (pointers[i].nr == nr && pointers[i].cmd == cmd)
			wide[pointers[i].arg] =
				pv_view((enum pv_layout)pointers[i].layout, arg[pointers[i].arg]);
	return pv_hypercall_one(d, vcpu, nr, wide);
}

static int64_t multicall(struct pv_domain *d, unsigned vcpu, const uint32_t arg[6])
{
	struct pv_x86_32_multicall_entry e;
	uint64_t gva = arg[0];
	uint32_t i;

	if (arg[1] > PV_MAX_BATCH)
		return -PV_EINVAL;
	for (i = 0; i < arg[1]; i++, gva += sizeof(e)) {
		if (pv_guest_read(d, vcpu, &e, gva, sizeof(e)))
			return -PV_EFAULT;
		e.result = e.op == PV_HYPERVISOR_multicall ? (uint32_t)-PV_ENOSYS
							   : (uint32_t)one(d, vcpu, e.op, e.args);
		if (pv_guest_write(d, vcpu,
				   gva + offsetof(struct pv_x86_32_multicall_entry, result),
				   &e.result, sizeof(e.result)))
			return -PV_EFAULT;
		pv_domain_breathe(d);
	}
	return 0;
}

int64_t pv_domain_hypercall32(struct pv_domain *d, unsigned vcpu, uint32_t nr,
			      const uint32_t arg[6])
{
	int64_t rc;

	if (vcpu >= d->max_vcpus)
		return -PV_EINVAL;
	/* 32-bit PV kernels live in another world, and arm64 has no such guests. */
	if (d->kind != PV_DOMAIN_PVH || !X86)
		return -PV_ENOSYS;
	pv_domain_enter(d);
	d->vcpu[vcpu].compat = true;
	rc = nr == PV_HYPERVISOR_multicall ? multicall(d, vcpu, arg) : one(d, vcpu, nr, arg);
	d->vcpu[vcpu].compat = false;
	pv_domain_leave(d);
	return rc;
}
