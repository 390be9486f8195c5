/*
 * features: bits of XENVER_get_features and names for the FEATURES ELF note.
 *
 * Source: xen/include/public/features.h. May be included from assembly.
 */
#ifndef PV_ABI_FEATURES_H
#define PV_ABI_FEATURES_H

#define PV_XENFEAT_writable_page_tables	      0
#define PV_XENFEAT_writable_descriptor_tables 1
#define PV_XENFEAT_auto_translated_physmap    2 /* frames in the ABI are GFNs; there is no p2m */
#define PV_XENFEAT_supervisor_mode_kernel     3 /* the kernel runs in ring 0 */
#define PV_XENFEAT_pae_pgdir_above_4gb	      4
#define PV_XENFEAT_mmu_pt_update_preserve_ad  5
#define PV_XENFEAT_highmem_assist	      6
#define PV_XENFEAT_gnttab_map_avail_bits      7
#define PV_XENFEAT_hvm_callback_vector	      8 /* upcalls by vector, HVM_PARAM_CALLBACK_IRQ */
#define PV_XENFEAT_hvm_safe_pvclock	      9
#define PV_XENFEAT_hvm_pirqs		      10
#define PV_XENFEAT_dom0			      11
#define PV_XENFEAT_memory_op_vnode_supported  13
#define PV_XENFEAT_ARM_SMCCC_supported	      14
#define PV_XENFEAT_linux_rsdp_unrestricted    15
#define PV_XENFEAT_not_direct_mapped	      16
#define PV_XENFEAT_direct_mapped	      17
#define PV_XENFEAT_runstate_phys_area	      18
#define PV_XENFEAT_vcpu_time_phys_area	      19

#define PV_XENFEAT_NR_SUBMAPS 1 /* of 32 bits each */

#endif
