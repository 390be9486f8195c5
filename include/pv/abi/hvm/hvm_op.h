/*
 * hvm/hvm_op: operations of HVM and PVH domains: parameters, upcall vectors, time.
 *
 * HYPERVISOR_hvm_op(cmd, struct *). Source: xen/include/public/hvm/hvm_op.h.
 */
#ifndef PV_ABI_HVM_HVM_OP_H
#define PV_ABI_HVM_HVM_OP_H

#include <pv/abi/event_channel.h>

#define PV_HVMOP_set_param 0
#define PV_HVMOP_get_param 1
struct pv_hvm_param {
	uint16_t domid; /* in */
	uint16_t pad;
	uint32_t index; /* in: PV_HVM_PARAM_* */
	uint64_t value; /* in, out for get */
};
PV_ABI_SIZE(struct pv_hvm_param, 16);

#define PV_HVMOP_flush_tlbs 5

#define PV_HVMOP_pagetable_dying 9
struct pv_hvm_pagetable_dying {
	uint16_t domid;
	uint16_t pad[3];
	uint64_t gpa;
};
PV_ABI_SIZE(struct pv_hvm_pagetable_dying, 16);

#define PV_HVMOP_get_time 10
struct pv_hvm_get_time {
	uint64_t now; /* out: ns */
};
PV_ABI_SIZE(struct pv_hvm_get_time, 8);

#define PV_HVMOP_get_mem_type 15
struct pv_hvm_get_mem_type {
	uint16_t domid;
	uint16_t mem_type; /* out: PV_HVMMEM_* */
	uint16_t pad[2];
	uint64_t pfn;
};
PV_ABI_SIZE(struct pv_hvm_get_mem_type, 16);

enum pv_hvmmem_type {
	PV_HVMMEM_ram_rw,
	PV_HVMMEM_ram_ro,
	PV_HVMMEM_mmio_dm,
	PV_HVMMEM_unused,
	PV_HVMMEM_ioreq_server
};

/* A vector of its own for one vCPU's upcalls, delivered through its local APIC. x86 only. */
#define PV_HVMOP_set_evtchn_upcall_vector 23
struct pv_hvm_evtchn_upcall_vector {
	uint32_t vcpu;
	uint8_t vector; /* 16 to 255, or 0 to end it */
};
PV_ABI_SIZE(struct pv_hvm_evtchn_upcall_vector, 8);

#define PV_HVMOP_guest_request_vm_event 24
#define PV_HVMOP_altp2m			25

#endif
