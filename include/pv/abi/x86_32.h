/*
 * x86_32: what 32-bit x86 guests see, where it differs from the 64-bit layouts.
 *
 * `unsigned long`, xen_ulong_t, xen_pfn_t and guest handles are 4 bytes there, and 64-bit integers are
 * aligned to 4. A structure that is not here is the same for both: it has neither of the two, or only
 * where they fall in the same place. Names are those of the 64-bit structures behind pv_x86_32_.
 * Sources: the public headers of Xen as an i386 compiler reads them.
 */
#ifndef PV_ABI_X86_32_H
#define PV_ABI_X86_32_H

#include <stdint.h>
#include <pv/abi/layout.h>
#include <pv/abi/xen.h>

/* Where a 64-bit integer's natural alignment does not count. */
typedef uint64_t pv_x86_32_u64 __attribute__((aligned(4)));

/* ---- xen.h */

struct pv_x86_32_multicall_entry {
	uint32_t op;
	uint32_t result;
	uint32_t args[6];
};
PV_ABI_SIZE(struct pv_x86_32_multicall_entry, 32);

struct pv_x86_32_arch_vcpu_info {
	uint32_t cr2;
	uint32_t pad[5];
};
PV_ABI_SIZE(struct pv_x86_32_arch_vcpu_info, 24);

/* As large as the 64-bit one, with the clock in the same place. */
struct pv_x86_32_vcpu_info {
	uint8_t evtchn_upcall_pending;
	uint8_t evtchn_upcall_mask;
	uint32_t evtchn_pending_sel; /* bit n: some port of word n is pending; words of 32 bits */
	struct pv_x86_32_arch_vcpu_info arch;
	struct pv_vcpu_time_info time;
};
PV_ABI_SIZE(struct pv_x86_32_vcpu_info, 64);

struct pv_x86_32_arch_shared_info {
	uint32_t max_pfn;
	uint32_t pfn_to_mfn_frame_list_list;
	uint32_t nmi_reason;
	uint32_t p2m_cr3;
	uint32_t p2m_vaddr;
	uint32_t p2m_generation;
	uint32_t wc_sec_hi;
};
PV_ABI_SIZE(struct pv_x86_32_arch_shared_info, 28);

/* 2-level event channels: 1024 ports, p is bit p % 32 of word p / 32. */
struct pv_x86_32_shared_info {
	struct pv_x86_32_vcpu_info vcpu_info[32];
	uint32_t evtchn_pending[32];
	uint32_t evtchn_mask[32];
	uint32_t wc_version;
	uint32_t wc_sec;
	uint32_t wc_nsec;
	struct pv_x86_32_arch_shared_info arch;
};
PV_ABI_SIZE(struct pv_x86_32_shared_info, 2344);

/* ---- version.h */

struct pv_x86_32_platform_parameters {
	uint32_t virt_start;
};
PV_ABI_SIZE(struct pv_x86_32_platform_parameters, 4);

/* ---- memory.h */

struct pv_x86_32_memory_reservation {
	uint32_t extent_start; /* address of uint32_t[nr_extents] */
	uint32_t nr_extents;
	uint32_t extent_order;
	uint32_t mem_flags;
	uint16_t domid;
};
PV_ABI_SIZE(struct pv_x86_32_memory_reservation, 20);

struct pv_x86_32_memory_exchange {
	struct pv_x86_32_memory_reservation in;
	struct pv_x86_32_memory_reservation out;
	uint32_t nr_exchanged;
};
PV_ABI_SIZE(struct pv_x86_32_memory_exchange, 44);

struct pv_x86_32_machphys_mfn_list {
	uint32_t max_extents;
	uint32_t extent_start; /* address of uint32_t[max_extents] */
	uint32_t nr_extents;
};
PV_ABI_SIZE(struct pv_x86_32_machphys_mfn_list, 12);

struct pv_x86_32_machphys_mapping {
	uint32_t v_start, v_end;
	uint32_t max_mfn;
};
PV_ABI_SIZE(struct pv_x86_32_machphys_mapping, 12);

struct pv_x86_32_add_to_physmap {
	uint16_t domid;
	uint16_t size;
	uint32_t space;
	uint32_t idx;
	uint32_t gpfn;
};
PV_ABI_SIZE(struct pv_x86_32_add_to_physmap, 16);

struct pv_x86_32_add_to_physmap_batch {
	uint16_t domid;
	uint16_t space;
	uint16_t size;
	union {
		uint16_t foreign_domid;
		uint16_t res0;
	} u;
	uint32_t idxs;	/* address of uint32_t[size] */
	uint32_t gpfns; /* address of uint32_t[size] */
	uint32_t errs;	/* address of int32_t[size] */
};
PV_ABI_SIZE(struct pv_x86_32_add_to_physmap_batch, 20);

struct pv_x86_32_remove_from_physmap {
	uint16_t domid;
	uint32_t gpfn;
};
PV_ABI_SIZE(struct pv_x86_32_remove_from_physmap, 8);

struct pv_x86_32_memory_map {
	uint32_t nr_entries;
	uint32_t buffer; /* address; its entries are those of 64-bit guests */
};
PV_ABI_SIZE(struct pv_x86_32_memory_map, 8);

struct pv_x86_32_foreign_memory_map {
	uint16_t domid;
	struct pv_x86_32_memory_map map;
};
PV_ABI_SIZE(struct pv_x86_32_foreign_memory_map, 12);

struct pv_x86_32_pod_target {
	pv_x86_32_u64 target_pages;
	pv_x86_32_u64 tot_pages;
	pv_x86_32_u64 pod_cache_pages;
	pv_x86_32_u64 pod_entries;
	uint16_t domid;
};
PV_ABI_SIZE(struct pv_x86_32_pod_target, 36);

struct pv_x86_32_mem_acquire_resource {
	uint16_t domid;
	uint16_t type;
	uint32_t id;
	uint32_t nr_frames;
	uint32_t pad;
	pv_x86_32_u64 frame;
	uint32_t frame_list; /* address of uint32_t[nr_frames] */
};
PV_ABI_SIZE(struct pv_x86_32_mem_acquire_resource, 28);

/* ---- sched.h */

struct pv_x86_32_sched_poll {
	uint32_t ports; /* address of uint32_t[nr_ports] */
	uint32_t nr_ports;
	pv_x86_32_u64 timeout;
};
PV_ABI_SIZE(struct pv_x86_32_sched_poll, 16);

/* ---- vcpu.h */

struct pv_x86_32_vcpu_runstate_info {
	int32_t state;
	pv_x86_32_u64 state_entry_time;
	pv_x86_32_u64 time[4];
};
PV_ABI_SIZE(struct pv_x86_32_vcpu_runstate_info, 44);

struct pv_x86_32_vcpu_register_runstate_memory_area {
	union {
		uint32_t h;
		uint32_t v;
		pv_x86_32_u64 p;
	} addr;
};
PV_ABI_SIZE(struct pv_x86_32_vcpu_register_runstate_memory_area, 8);

struct pv_x86_32_vcpu_register_time_memory_area {
	union {
		uint32_t h;
		uint32_t v;
		pv_x86_32_u64 p;
	} addr;
};
PV_ABI_SIZE(struct pv_x86_32_vcpu_register_time_memory_area, 8);

struct pv_x86_32_vcpu_set_singleshot_timer {
	pv_x86_32_u64 timeout_abs_ns;
	uint32_t flags;
};
PV_ABI_SIZE(struct pv_x86_32_vcpu_set_singleshot_timer, 12);

/* ---- grant_table.h */

struct pv_x86_32_gnttab_setup_table {
	uint16_t dom;
	uint32_t nr_frames;
	int16_t status;
	uint32_t frame_list; /* address of uint32_t[nr_frames] */
};
PV_ABI_SIZE(struct pv_x86_32_gnttab_setup_table, 16);

struct pv_x86_32_gnttab_transfer {
	uint32_t mfn;
	uint16_t domid;
	uint32_t ref;
	int16_t status;
};
PV_ABI_SIZE(struct pv_x86_32_gnttab_transfer, 16);

struct pv_x86_32_gnttab_copy {
	struct {
		union {
			uint32_t ref;
			uint32_t gmfn;
		} u;
		uint16_t domid;
		uint16_t offset;
	} source, dest;
	uint16_t len;
	uint16_t flags;
	int16_t status;
};
PV_ABI_SIZE(struct pv_x86_32_gnttab_copy, 24);

struct pv_x86_32_gnttab_get_status_frames {
	uint32_t nr_frames;
	uint16_t dom;
	int16_t status;
	uint32_t frame_list; /* address of uint64_t[nr_frames] */
};
PV_ABI_SIZE(struct pv_x86_32_gnttab_get_status_frames, 12);

#endif
