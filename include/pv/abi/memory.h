/*
 * memory: reservations and the guest's physical map.
 *
 * HYPERVISOR_memory_op(cmd, struct *). Addresses of arrays are guest virtual for PV, physical or
 * virtual as the architecture's hypercalls say for others. Source: xen/include/public/memory.h.
 */
#ifndef PV_ABI_MEMORY_H
#define PV_ABI_MEMORY_H

#include <pv/abi/xen.h>
#include <pv/abi/physdev.h>

/* struct pv_memory_reservation; each returns the number of extents done. */
#define PV_XENMEM_increase_reservation 0
#define PV_XENMEM_decrease_reservation 1
#define PV_XENMEM_populate_physmap     6

/* pv_memory_reservation.mem_flags: bits 7:0 the greatest address width, bits 15:8 the node + 1. */
#define PV_XENMEMF_populate_on_demand (1 << 16)
#define PV_XENMEMF_exact_node_request (1 << 17)
#define PV_XENMEMF_vnode	      (1 << 18)

struct pv_memory_reservation {
	/* in: address of uint64_t[nr_extents]: GFNs in for decrease and populate, MFNs out for
	 * increase and (PV) populate */
	uint64_t extent_start;
	uint64_t nr_extents;
	uint32_t extent_order; /* an extent is 2^order pages */
	uint32_t mem_flags;
	uint16_t domid;
};
PV_ABI_SIZE(struct pv_memory_reservation, 32);

#define PV_XENMEM_exchange 11
struct pv_memory_exchange {
	struct pv_memory_reservation in;  /* pages given up */
	struct pv_memory_reservation out; /* pages received, the same number in all */
	uint64_t nr_exchanged;		  /* in: 0; out: input extents done */
};
PV_ABI_SIZE(struct pv_memory_exchange, 72);

#define PV_XENMEM_maximum_ram_page    2
#define PV_XENMEM_current_reservation 3	 /* struct pv_memory_domain; returns pages */
#define PV_XENMEM_maximum_reservation 4	 /* struct pv_memory_domain; returns pages */
#define PV_XENMEM_maximum_gpfn	      14 /* struct pv_memory_domain; returns the last GFN in use */
struct pv_memory_domain {
	uint16_t domid;
};
PV_ABI_SIZE(struct pv_memory_domain, 2);

#define PV_XENMEM_machphys_mfn_list 5
struct pv_machphys_mfn_list {
	uint32_t max_extents;  /* in */
	uint64_t extent_start; /* in: address of uint64_t[max_extents], filled in */
	uint32_t nr_extents;   /* out */
};
PV_ABI_SIZE(struct pv_machphys_mfn_list, 24);

#define PV_XENMEM_machphys_mapping 12
struct pv_machphys_mapping {
	uint64_t v_start, v_end; /* virtual addresses of the machine-to-physical table */
	uint64_t max_mfn;	 /* its last entry */
};
PV_ABI_SIZE(struct pv_machphys_mapping, 24);

/* What is put into the physical map. */
#define PV_XENMAPSPACE_shared_info  0
#define PV_XENMAPSPACE_grant_table  1
#define PV_XENMAPSPACE_gmfn	    2
#define PV_XENMAPSPACE_gmfn_range   3
#define PV_XENMAPSPACE_gmfn_foreign 4
#define PV_XENMAPSPACE_dev_mmio	    5

/* In idx with grant_table: the status frames instead of the entries. */
#define PV_XENMAPIDX_grant_table_status 0x80000000

/* A page already at gpfn goes away: guests give back its RAM first, or lose it. */
#define PV_XENMEM_add_to_physmap 7
struct pv_add_to_physmap {
	uint16_t domid;
	uint16_t size;	/* pages, gmfn_range only */
	uint32_t space; /* PV_XENMAPSPACE_* */
	uint64_t idx;	/* which page of that space */
	uint64_t gpfn;	/* where */
};
PV_ABI_SIZE(struct pv_add_to_physmap, 24);

union pv_add_to_physmap_batch_extra {
	uint16_t foreign_domid; /* gmfn_foreign: the owner */
	uint16_t res0;		/* 0 for the others */
};

#define PV_XENMEM_add_to_physmap_batch 23
struct pv_add_to_physmap_batch {
	uint16_t domid;
	uint16_t space;
	uint16_t size; /* elements of each array */
	union pv_add_to_physmap_batch_extra u;
	uint64_t idxs;	/* address of uint64_t[size] */
	uint64_t gpfns; /* address of uint64_t[size] */
	uint64_t errs;	/* address of int32_t[size], filled in */
};
PV_ABI_SIZE(struct pv_add_to_physmap_batch, 32);

#define PV_XENMEM_remove_from_physmap 15
struct pv_remove_from_physmap {
	uint16_t domid;
	uint64_t gpfn;
};
PV_ABI_SIZE(struct pv_remove_from_physmap, 16);

/* The memory map as e820 entries: u64 address, u64 bytes, u32 type, packed. */
#define PV_XENMEM_memory_map	     9
#define PV_XENMEM_machine_memory_map 10
struct pv_memory_map {
	uint32_t nr_entries; /* in: room; out: entries */
	uint64_t buffer;     /* address */
};
PV_ABI_SIZE(struct pv_memory_map, 16);

#define PV_XENMEM_set_memory_map 13
struct pv_foreign_memory_map {
	uint16_t domid;
	struct pv_memory_map map;
};
PV_ABI_SIZE(struct pv_foreign_memory_map, 24);

#define PV_XENMEM_set_pod_target 16
#define PV_XENMEM_get_pod_target 17
struct pv_pod_target {
	uint64_t target_pages;	  /* in */
	uint64_t tot_pages;	  /* out */
	uint64_t pod_cache_pages; /* out */
	uint64_t pod_entries;	  /* out */
	uint16_t domid;		  /* in */
};
PV_ABI_SIZE(struct pv_pod_target, 40);

#define PV_XENMEM_claim_pages 24

/* Frames of another domain that are not in its physical map, for backends and toolstacks. */
#define PV_XENMEM_acquire_resource 28
struct pv_mem_acquire_resource {
	uint16_t domid;
	uint16_t type;	    /* PV_XENMEM_resource_* */
	uint32_t id;	    /* which of its kind */
	uint32_t nr_frames; /* in; out: how many there are, if frame_list is 0 */
	uint32_t pad;
	uint64_t frame;	     /* in: the first */
	uint64_t frame_list; /* in: address of uint64_t[nr_frames] */
};
PV_ABI_SIZE(struct pv_mem_acquire_resource, 32);
#define PV_XENMEM_resource_ioreq_server		 0
#define PV_XENMEM_resource_grant_table		 1
#define PV_XENMEM_resource_vmtrace_buf		 2
#define PV_XENMEM_resource_grant_table_id_shared 0
#define PV_XENMEM_resource_grant_table_id_status 1

#define PV_XENMEM_get_vnumainfo 26

#endif
