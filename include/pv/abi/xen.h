/*
 * xen: the core of the ABI: hypercall numbers, domain ids, VIRQs, shared info, time, start info.
 *
 * Source of every number and layout: xen/include/public/xen.h. The names are Xen's behind PV_ and
 * pv_, the layouts are those of 64-bit guests (x86_64, arm64): `unsigned long`, xen_ulong_t,
 * xen_pfn_t and guest handles are uint64_t. Memory described here is shared between a guest and its
 * host and neither side trusts it: read a field once, check the copy, use the copy.
 *
 * The part before the structures may be included from assembly.
 */
#ifndef PV_ABI_XEN_H
#define PV_ABI_XEN_H

#if defined(__x86_64__) || defined(__i386__)
#include <pv/abi/arch-x86/xen.h>
#elif defined(__aarch64__)
#include <pv/abi/arch-arm.h>
#else
#error "the Xen ABI is defined here for x86_64 and arm64"
#endif

/*
 * Hypercall numbers. x86_64: number in rax, arguments in rdi, rsi, rdx, r10, r8; result in rax.
 * arm64: number in x16, arguments in x0 to x4, `hvc #PV_XEN_HYPERCALL_TAG`; result in x0.
 */
#define PV_HYPERVISOR_set_trap_table		    0
#define PV_HYPERVISOR_mmu_update		    1
#define PV_HYPERVISOR_set_gdt			    2
#define PV_HYPERVISOR_stack_switch		    3
#define PV_HYPERVISOR_set_callbacks		    4
#define PV_HYPERVISOR_fpu_taskswitch		    5
#define PV_HYPERVISOR_sched_op_compat		    6
#define PV_HYPERVISOR_platform_op		    7
#define PV_HYPERVISOR_set_debugreg		    8
#define PV_HYPERVISOR_get_debugreg		    9
#define PV_HYPERVISOR_update_descriptor		    10
#define PV_HYPERVISOR_memory_op			    12
#define PV_HYPERVISOR_multicall			    13
#define PV_HYPERVISOR_update_va_mapping		    14
#define PV_HYPERVISOR_set_timer_op		    15
#define PV_HYPERVISOR_event_channel_op_compat	    16
#define PV_HYPERVISOR_xen_version		    17
#define PV_HYPERVISOR_console_io		    18
#define PV_HYPERVISOR_physdev_op_compat		    19
#define PV_HYPERVISOR_grant_table_op		    20
#define PV_HYPERVISOR_vm_assist			    21
#define PV_HYPERVISOR_update_va_mapping_otherdomain 22
#define PV_HYPERVISOR_iret			    23
#define PV_HYPERVISOR_vcpu_op			    24
#define PV_HYPERVISOR_set_segment_base		    25
#define PV_HYPERVISOR_mmuext_op			    26
#define PV_HYPERVISOR_xsm_op			    27
#define PV_HYPERVISOR_nmi_op			    28
#define PV_HYPERVISOR_sched_op			    29
#define PV_HYPERVISOR_callback_op		    30
#define PV_HYPERVISOR_xenoprof_op		    31
#define PV_HYPERVISOR_event_channel_op		    32
#define PV_HYPERVISOR_physdev_op		    33
#define PV_HYPERVISOR_hvm_op			    34
#define PV_HYPERVISOR_sysctl			    35
#define PV_HYPERVISOR_domctl			    36
#define PV_HYPERVISOR_kexec_op			    37
#define PV_HYPERVISOR_tmem_op			    38
#define PV_HYPERVISOR_argo_op			    39
#define PV_HYPERVISOR_xenpmu_op			    40
#define PV_HYPERVISOR_dm_op			    41
#define PV_HYPERVISOR_hypfs_op			    42
#define PV_HYPERVISOR_arch_0			    48
#define PV_HYPERVISOR_arch_1			    49
#define PV_HYPERVISOR_arch_2			    50
#define PV_HYPERVISOR_arch_3			    51
#define PV_HYPERVISOR_arch_4			    52
#define PV_HYPERVISOR_arch_5			    53
#define PV_HYPERVISOR_arch_6			    54
#define PV_HYPERVISOR_arch_7			    55

/* Virtual interrupts. TIMER, DEBUG, XENOPROF and XENPMU are per vCPU, the others per domain. */
#define PV_VIRQ_TIMER	   0
#define PV_VIRQ_DEBUG	   1
#define PV_VIRQ_CONSOLE	   2
#define PV_VIRQ_DOM_EXC	   3
#define PV_VIRQ_TBUF	   4
#define PV_VIRQ_DEBUGGER   6
#define PV_VIRQ_XENOPROF   7
#define PV_VIRQ_CON_RING   8
#define PV_VIRQ_PCPU_STATE 9
#define PV_VIRQ_MEM_EVENT  10
#define PV_VIRQ_ARGO	   11
#define PV_VIRQ_ENOMEM	   12
#define PV_VIRQ_XENPMU	   13
#define PV_VIRQ_ARCH_0	   16
#define PV_VIRQ_ARCH_1	   17
#define PV_VIRQ_ARCH_2	   18
#define PV_VIRQ_ARCH_3	   19
#define PV_VIRQ_ARCH_4	   20
#define PV_VIRQ_ARCH_5	   21
#define PV_VIRQ_ARCH_6	   22
#define PV_VIRQ_ARCH_7	   23
#define PV_NR_VIRQS	   24

/* Domain ids that are not domains. Real ids are 0 to PV_DOMID_FIRST_RESERVED - 1. */
#define PV_DOMID_FIRST_RESERVED 0x7FF0
#define PV_DOMID_SELF		0x7FF0 /* the caller */
#define PV_DOMID_IO		0x7FF1 /* owner of device memory */
#define PV_DOMID_XEN		0x7FF2 /* owner of the hypervisor's own pages */
#define PV_DOMID_COW		0x7FF3 /* owner of shared copy-on-write pages */
#define PV_DOMID_INVALID	0x7FF4 /* never a domain */
#define PV_DOMID_IDLE		0x7FFF
#define PV_DOMID_MASK		0x7FFF

/* HYPERVISOR_mmu_update(struct pv_mmu_update *, count, done *, domid): bits 1:0 of `ptr`. */
#define PV_MMU_NORMAL_PT_UPDATE	      0 /* checked write of a page table entry */
#define PV_MMU_MACHPHYS_UPDATE	      1 /* the machine-to-physical entry of a frame */
#define PV_MMU_PT_UPDATE_PRESERVE_AD  2 /* as 0, keeping Accessed and Dirty */
#define PV_MMU_PT_UPDATE_NO_TRANSLATE 3 /* as 0, the value is already a machine frame */

/* HYPERVISOR_mmuext_op(struct pv_mmuext_op *, count, done *, domid): `cmd`. */
#define PV_MMUEXT_PIN_L1_TABLE	     0
#define PV_MMUEXT_PIN_L2_TABLE	     1
#define PV_MMUEXT_PIN_L3_TABLE	     2
#define PV_MMUEXT_PIN_L4_TABLE	     3
#define PV_MMUEXT_UNPIN_TABLE	     4
#define PV_MMUEXT_NEW_BASEPTR	     5
#define PV_MMUEXT_TLB_FLUSH_LOCAL    6
#define PV_MMUEXT_INVLPG_LOCAL	     7
#define PV_MMUEXT_TLB_FLUSH_MULTI    8
#define PV_MMUEXT_INVLPG_MULTI	     9
#define PV_MMUEXT_TLB_FLUSH_ALL	     10
#define PV_MMUEXT_INVLPG_ALL	     11
#define PV_MMUEXT_FLUSH_CACHE	     12
#define PV_MMUEXT_SET_LDT	     13
#define PV_MMUEXT_NEW_USER_BASEPTR   15
#define PV_MMUEXT_CLEAR_PAGE	     16
#define PV_MMUEXT_COPY_PAGE	     17
#define PV_MMUEXT_FLUSH_CACHE_GLOBAL 18
#define PV_MMUEXT_MARK_SUPER	     19
#define PV_MMUEXT_UNMARK_SUPER	     20

/* HYPERVISOR_update_va_mapping(va, pte, flags): the flush, or'ed with its scope. */
#define PV_UVMF_NONE	       0
#define PV_UVMF_TLB_FLUSH      1
#define PV_UVMF_INVLPG	       2
#define PV_UVMF_FLUSHTYPE_MASK 3
#define PV_UVMF_MULTI	       0 /* the rest of the value is a pointer to a vCPU mask */
#define PV_UVMF_LOCAL	       0
#define PV_UVMF_ALL	       4

/* HYPERVISOR_console_io(cmd, count, char *buffer). */
#define PV_CONSOLEIO_write 0
#define PV_CONSOLEIO_read  1

/* HYPERVISOR_vm_assist(cmd, type). */
#define PV_VMASST_CMD_enable		    0
#define PV_VMASST_CMD_disable		    1
#define PV_VMASST_TYPE_4gb_segments	    0
#define PV_VMASST_TYPE_4gb_segments_notify  1
#define PV_VMASST_TYPE_writable_pagetables  2
#define PV_VMASST_TYPE_pae_extended_cr3	    3
#define PV_VMASST_TYPE_architectural_iopl   4
#define PV_VMASST_TYPE_runstate_update_flag 5
#define PV_VMASST_TYPE_m2p_strict	    32

/* pv_vcpu_time_info.flags */
#define PV_XEN_PVCLOCK_TSC_STABLE_BIT 1 /* readings on different vCPUs are comparable */
#define PV_XEN_PVCLOCK_GUEST_STOPPED  2 /* the host stopped the guest since it last looked */

/* pv_start_info.flags */
#define PV_SIF_PRIVILEGED      1      /* may control the machine */
#define PV_SIF_INITDOMAIN      2      /* the initial domain: console.dom0 applies */
#define PV_SIF_MULTIBOOT_MOD   4      /* mod_start is a list of struct pv_multiboot_mod_list */
#define PV_SIF_MOD_START_PFN   8      /* mod_start is a PFN, not a virtual address */
#define PV_SIF_VIRT_P2M_4TOOLS 16     /* the toolstack follows arch.p2m_* of the shared info */
#define PV_SIF_PM_MASK	       0xFF00 /* reserved for processor management */

#define PV_MAX_GUEST_CMDLINE 1024 /* bytes, the terminating NUL included */

#ifndef __ASSEMBLER__

#include <stdint.h>
#include <pv/abi/layout.h>

struct pv_mmu_update {
	uint64_t ptr; /* machine address of the entry, bits 1:0 a PV_MMU_* command */
	uint64_t val; /* the new entry */
};
PV_ABI_SIZE(struct pv_mmu_update, 16);

struct pv_mmuext_op {
	uint32_t cmd; /* PV_MMUEXT_* */
	union {
		uint64_t mfn;	      /* PIN, UNPIN, BASEPTR, CLEAR, COPY, SUPER */
		uint64_t linear_addr; /* INVLPG, SET_LDT */
	} arg1;
	union {
		uint32_t nr_ents;  /* SET_LDT */
		uint64_t vcpumask; /* *_MULTI: address of a bitmap of vCPUs */
		uint64_t src_mfn;  /* COPY_PAGE */
	} arg2;
};
PV_ABI_SIZE(struct pv_mmuext_op, 24);

/* One call of HYPERVISOR_multicall(struct pv_multicall_entry *, count). */
struct pv_multicall_entry {
	uint64_t op;
	uint64_t result; /* written by the hypervisor */
	uint64_t args[6];
};
PV_ABI_SIZE(struct pv_multicall_entry, 64);

/*
 * System time of a vCPU, written by the host only. `version` is odd during an update: a reader takes
 * the fields between two equal even readings of it, with read barriers around (the partner of the
 * host's write barriers).
 *   now [ns] = system_time + ((((tsc - tsc_timestamp) << tsc_shift) * tsc_to_system_mul) >> 32)
 * A negative tsc_shift shifts right. On arm64 the counter is CNTVCT.
 */
struct pv_vcpu_time_info {
	uint32_t version;
	uint32_t pad0;
	uint64_t tsc_timestamp; /* counter at the last update */
	uint64_t system_time;	/* ns since boot at the last update */
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags; /* PV_XEN_PVCLOCK_* */
	uint8_t pad1[2];
};
PV_ABI_SIZE(struct pv_vcpu_time_info, 32);

/*
 * A vCPU's event word and clock; in pv_shared_info or where VCPUOP_register_vcpu_info put it.
 * The sender of an event sets the port's pending bit, then the selector bit, then upcall_pending;
 * the receiver takes them in the reverse order.
 */
struct pv_vcpu_info {
	uint8_t evtchn_upcall_pending; /* 1: some selector bit is set. Cleared by the guest */
#if defined(PV_XEN_HAVE_PV_UPCALL_MASK)
	uint8_t evtchn_upcall_mask; /* 1: no upcall, the PV form of a clear IF. The guest's */
#else
	uint8_t pad0;
#endif
	uint64_t evtchn_pending_sel; /* bit n: some port of word n is pending */
#if defined(__x86_64__) || defined(__i386__)
	struct pv_arch_vcpu_info arch;
#endif
	struct pv_vcpu_time_info time;
};

/*
 * The page that every domain shares with its hypervisor. 2-level event channels: port p is bit
 * p % 64 of word p / 64. Wall clock: UTC at system time 0, under wc_version as vcpu_time_info.
 */
struct pv_shared_info {
	struct pv_vcpu_info vcpu_info[PV_XEN_LEGACY_MAX_VCPUS];
	uint64_t evtchn_pending[64];
	uint64_t evtchn_mask[64]; /* 1: pending is recorded, nothing is raised */
	uint32_t wc_version;
	uint32_t wc_sec; /* low 32 bits of seconds since 1970 */
	uint32_t wc_nsec;
	uint32_t wc_sec_hi;
#if defined(__x86_64__) || defined(__i386__)
	struct pv_arch_shared_info arch;
#endif
};

/*
 * What a PV guest is told at its entry point, in rsi (x86 only). Addresses are guest virtual except
 * where said. Boot pages in ascending order: kernel, ramdisk, p2m list, this page, xenstore ring,
 * console ring, page tables, stack.
 */
struct pv_start_info {
	char magic[32];	      /* "xen-<major>.<minor>-x86_64", NUL-terminated */
	uint64_t nr_pages;    /* of RAM given to the domain */
	uint64_t shared_info; /* MACHINE ADDRESS of the shared info page */
	uint32_t flags;	      /* PV_SIF_* */
	uint64_t store_mfn;   /* MACHINE FRAME of the xenstore ring */
	uint32_t store_evtchn;
	union {
		struct {
			uint64_t mfn; /* MACHINE FRAME of the console ring */
			uint32_t evtchn;
		} domU;
		struct {
			uint32_t info_off; /* offset of dom0_vga_console_info in this page */
			uint32_t info_size;
		} dom0;
	} console;
	uint64_t pt_base;      /* the top-level page table */
	uint64_t nr_pt_frames; /* boot page table frames, contiguous from pt_base */
	uint64_t mfn_list;     /* uint64_t[nr_pages]: machine frame of each PFN */
	uint64_t mod_start;    /* ramdisk; 0 if none. A PFN under PV_SIF_MOD_START_PFN */
	uint64_t mod_len;      /* bytes */
	int8_t cmd_line[PV_MAX_GUEST_CMDLINE];
	uint64_t first_p2m_pfn; /* frames of mfn_list, if it lies outside the initial mapping */
	uint64_t nr_p2m_frames;
};
PV_ABI_SIZE(struct pv_start_info, 1168);

/* A boot module under PV_SIF_MULTIBOOT_MOD; addresses are physical. */
struct pv_multiboot_mod_list {
	uint32_t mod_start;
	uint32_t mod_end; /* one past the last byte */
	uint32_t cmdline;
	uint32_t pad;
};
PV_ABI_SIZE(struct pv_multiboot_mod_list, 16);

#endif /* __ASSEMBLER__ */

#endif
