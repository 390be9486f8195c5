/*
 * vcpu: starting and stopping vCPUs, their run state, timers and vcpu_info.
 *
 * HYPERVISOR_vcpu_op(cmd, vcpu, struct *). Timers, the run state areas and register_vcpu_info are for
 * the calling vCPU, except that a vCPU's vcpu_info may be registered before it is up.
 * Source: xen/include/public/vcpu.h.
 */
#ifndef PV_ABI_VCPU_H
#define PV_ABI_VCPU_H

#include <pv/abi/xen.h>

/*
 * Argument of initialise: struct pv_vcpu_guest_context (PV), struct pv_vcpu_hvm_context (PVH). Once
 * only, -PV_EEXIST after that; the vCPU stays down until VCPUOP_up.
 */
#define PV_VCPUOP_initialise			 0
#define PV_VCPUOP_up				 1
#define PV_VCPUOP_down				 2 /* takes effect at once for the caller, soon for another */
#define PV_VCPUOP_is_up				 3
#define PV_VCPUOP_get_runstate_info		 4
#define PV_VCPUOP_register_runstate_memory_area	 5
#define PV_VCPUOP_set_periodic_timer		 6
#define PV_VCPUOP_stop_periodic_timer		 7
#define PV_VCPUOP_set_singleshot_timer		 8
#define PV_VCPUOP_stop_singleshot_timer		 9
#define PV_VCPUOP_register_vcpu_info		 10
#define PV_VCPUOP_send_nmi			 11
#define PV_VCPUOP_get_physid			 12
#define PV_VCPUOP_register_vcpu_time_memory_area 13
#define PV_VCPUOP_register_runstate_phys_area	 14 /* addr.p: physical; all ones: none */
#define PV_VCPUOP_register_vcpu_time_phys_area	 15

struct pv_vcpu_runstate_info {
	int32_t state;		   /* PV_RUNSTATE_* */
	uint64_t state_entry_time; /* ns; bit 63 PV_XEN_RUNSTATE_UPDATE during an update */
	uint64_t time[4];	   /* ns spent in each state */
};
PV_ABI_SIZE(struct pv_vcpu_runstate_info, 48);
#define PV_XEN_RUNSTATE_UPDATE (1ULL << 63)
#define PV_RUNSTATE_running    0
#define PV_RUNSTATE_runnable   1
#define PV_RUNSTATE_blocked    2
#define PV_RUNSTATE_offline    3

struct pv_vcpu_register_runstate_memory_area {
	union {
		uint64_t h; /* address of a struct pv_vcpu_runstate_info, kept up to date */
		uint64_t v;
		uint64_t p;
	} addr;
};
PV_ABI_SIZE(struct pv_vcpu_register_runstate_memory_area, 8);

struct pv_vcpu_set_periodic_timer {
	uint64_t period_ns; /* raises VIRQ_TIMER */
};
PV_ABI_SIZE(struct pv_vcpu_set_periodic_timer, 8);

struct pv_vcpu_set_singleshot_timer {
	uint64_t timeout_abs_ns; /* system time; raises VIRQ_TIMER */
	uint32_t flags;		 /* PV_VCPU_SSHOTTMR_* */
};
PV_ABI_SIZE(struct pv_vcpu_set_singleshot_timer, 16);
#define PV_VCPU_SSHOTTMR_future 1U /* -PV_ETIME if the time is past already */

/* Moves the vcpu_info out of the shared info, once; it must not cross a page. */
struct pv_vcpu_register_vcpu_info {
	uint64_t mfn;	 /* GFN, or MFN in PV */
	uint32_t offset; /* bytes */
	uint32_t rsvd;
};
PV_ABI_SIZE(struct pv_vcpu_register_vcpu_info, 16);

struct pv_vcpu_get_physid {
	uint64_t phys_id; /* x86: APIC id in the low half, ACPI id in the high half */
};
PV_ABI_SIZE(struct pv_vcpu_get_physid, 8);

struct pv_vcpu_register_time_memory_area {
	union {
		uint64_t h; /* address of a struct pv_vcpu_time_info, kept up to date */
		uint64_t v;
		uint64_t p;
	} addr;
};
PV_ABI_SIZE(struct pv_vcpu_register_time_memory_area, 8);

#endif
