/*
 * hvm/start_info: what a PVH guest is told at its entry point, in ebx.
 *
 * Entry: 32-bit protected mode, paging off, flat segments, interrupts off. An address of 0 means
 * absent; everything lies below 4 GiB. Source: xen/include/public/arch-x86/hvm/start_info.h.
 */
#ifndef PV_ABI_HVM_START_INFO_H
#define PV_ABI_HVM_START_INFO_H

#define PV_XEN_HVM_START_MAGIC_VALUE 0x336ec578

/* pv_hvm_memmap_table_entry.type, the numbers of e820 */
#define PV_XEN_HVM_MEMMAP_TYPE_RAM	1
#define PV_XEN_HVM_MEMMAP_TYPE_RESERVED 2
#define PV_XEN_HVM_MEMMAP_TYPE_ACPI	3
#define PV_XEN_HVM_MEMMAP_TYPE_NVS	4
#define PV_XEN_HVM_MEMMAP_TYPE_UNUSABLE 5
#define PV_XEN_HVM_MEMMAP_TYPE_DISABLED 6
#define PV_XEN_HVM_MEMMAP_TYPE_PMEM	7

#ifndef __ASSEMBLER__

#include <stdint.h>
#include <pv/abi/layout.h>

struct pv_hvm_start_info {
	uint32_t magic;	     /* PV_XEN_HVM_START_MAGIC_VALUE */
	uint32_t version;    /* 1; a later one only adds at the end */
	uint32_t flags;	     /* PV_SIF_* */
	uint32_t nr_modules; /* entries of the list */
	uint64_t modlist_paddr;
	uint64_t cmdline_paddr; /* NUL-terminated */
	uint64_t rsdp_paddr;
	uint64_t memmap_paddr; /* this and the rest: from version 1 */
	uint32_t memmap_entries;
	uint32_t reserved; /* 0 */
};
PV_ABI_SIZE(struct pv_hvm_start_info, 56);

/* The first module is the ramdisk. */
struct pv_hvm_modlist_entry {
	uint64_t paddr;
	uint64_t size; /* bytes */
	uint64_t cmdline_paddr;
	uint64_t reserved;
};
PV_ABI_SIZE(struct pv_hvm_modlist_entry, 32);

struct pv_hvm_memmap_table_entry {
	uint64_t addr;
	uint64_t size; /* bytes */
	uint32_t type; /* PV_XEN_HVM_MEMMAP_TYPE_* */
	uint32_t reserved;
};
PV_ABI_SIZE(struct pv_hvm_memmap_table_entry, 24);

#endif /* __ASSEMBLER__ */

#endif
