/*
 * arch-x86/xen: the x86 part of the core ABI, for 64-bit guests.
 *
 * Segment selectors, the register frame, vCPU contexts, the arch part of shared info. Source:
 * xen/include/public/arch-x86/xen.h and xen-x86_64.h. Included by pv/abi/xen.h; the part before the
 * structures may be included from assembly.
 */
#ifndef PV_ABI_ARCH_X86_XEN_H
#define PV_ABI_ARCH_X86_XEN_H

#define PV_XEN_HAVE_PV_GUEST_ENTRY 1 /* there is a PV entry point with a start_info */
#define PV_XEN_HAVE_PV_UPCALL_MASK 1 /* vcpu_info has evtchn_upcall_mask */

/* vCPUs with a vcpu_info inside the shared info; the others must register one. */
#define PV_XEN_LEGACY_MAX_VCPUS 32

/* A guest's GDT has 14 pages of its own; Xen's entries follow. */
#define PV_FIRST_RESERVED_GDT_PAGE  14
#define PV_FIRST_RESERVED_GDT_BYTE  (PV_FIRST_RESERVED_GDT_PAGE * 4096)
#define PV_FIRST_RESERVED_GDT_ENTRY (PV_FIRST_RESERVED_GDT_BYTE / 8)

/* Flat selectors that Xen keeps in the reserved part of every GDT. */
#define PV_FLAT_RING3_CS32  0xe023
#define PV_FLAT_RING3_CS64  0xe033
#define PV_FLAT_RING3_DS32  0xe02b
#define PV_FLAT_RING3_DS64  0x0000
#define PV_FLAT_RING3_SS32  0xe02b
#define PV_FLAT_RING3_SS64  0xe02b
#define PV_FLAT_KERNEL_CS64 PV_FLAT_RING3_CS64
#define PV_FLAT_KERNEL_CS32 PV_FLAT_RING3_CS32
#define PV_FLAT_KERNEL_CS   PV_FLAT_KERNEL_CS64
#define PV_FLAT_KERNEL_DS64 PV_FLAT_RING3_DS64
#define PV_FLAT_KERNEL_DS32 PV_FLAT_RING3_DS32
#define PV_FLAT_KERNEL_DS   PV_FLAT_KERNEL_DS64
#define PV_FLAT_KERNEL_SS64 PV_FLAT_RING3_SS64
#define PV_FLAT_KERNEL_SS32 PV_FLAT_RING3_SS32
#define PV_FLAT_KERNEL_SS   PV_FLAT_KERNEL_SS64
#define PV_FLAT_USER_CS64   PV_FLAT_RING3_CS64
#define PV_FLAT_USER_CS32   PV_FLAT_RING3_CS32
#define PV_FLAT_USER_CS	    PV_FLAT_USER_CS64
#define PV_FLAT_USER_DS64   PV_FLAT_RING3_DS64
#define PV_FLAT_USER_DS32   PV_FLAT_RING3_DS32
#define PV_FLAT_USER_DS	    PV_FLAT_USER_DS64
#define PV_FLAT_USER_SS64   PV_FLAT_RING3_SS64
#define PV_FLAT_USER_SS32   PV_FLAT_RING3_SS32
#define PV_FLAT_USER_SS	    PV_FLAT_USER_SS64

/* The hole in the address space of a PV guest that belongs to the hypervisor. */
#define PV_HYPERVISOR_VIRT_START 0xFFFF800000000000
#define PV_HYPERVISOR_VIRT_END	 0xFFFF880000000000
#define PV_MACH2PHYS_VIRT_START	 0xFFFF800000000000
#define PV_MACH2PHYS_VIRT_END	 0xFFFF804000000000

/* HYPERVISOR_set_segment_base(which, base). GS_USER_SEL loads a selector into the user's gs. */
#define PV_SEGBASE_FS	       0
#define PV_SEGBASE_GS_USER     1
#define PV_SEGBASE_GS_KERNEL   2
#define PV_SEGBASE_GS_USER_SEL 3

/* pv_vcpu_guest_context.flags; IN_SYSCALL also in pv_iret_context.flags. */
#define PV_VGCF_I387_VALID		 1 /* fpu_ctxt holds the FPU state */
#define PV_VGCF_IN_KERNEL		 4 /* the vCPU starts in kernel mode */
#define PV_VGCF_i387_valid		 PV_VGCF_I387_VALID
#define PV_VGCF_in_kernel		 PV_VGCF_IN_KERNEL
#define PV_VGCF_failsafe_disables_events 8
#define PV_VGCF_syscall_disables_events	 16
#define PV_VGCF_online			 32
#define PV_VGCF_in_syscall		 256 /* iret returns by sysret: rcx and r11 are lost */
#define PV_VGCF_IN_SYSCALL		 PV_VGCF_in_syscall

#define PV_XEN_HVM_DEBUGCONS_IOPORT 0xe9 /* a byte written there goes to the hypervisor's log */

#ifndef __ASSEMBLER__

#include <stdint.h>
#include <pv/abi/layout.h>

/* HYPERVISOR_set_trap_table(struct pv_trap_info *): ends with an entry whose address is 0. */
struct pv_trap_info {
	uint8_t vector;
	uint8_t flags; /* bits 1:0 DPL allowed to raise it, bit 2: mask events on entry */
	uint16_t cs;
	uint64_t address;
};
PV_ABI_SIZE(struct pv_trap_info, 16);

/* The frame that HYPERVISOR_iret takes from the guest kernel's stack, lowest address first. */
struct pv_iret_context {
	uint64_t rax, r11, rcx;
	uint64_t flags; /* 0 or PV_VGCF_in_syscall */
	uint64_t rip, cs, rflags, rsp, ss;
};
PV_ABI_SIZE(struct pv_iret_context, 72);

struct pv_cpu_user_regs {
	uint64_t r15, r14, r13, r12;
	uint64_t rbp, rbx;
	uint64_t r11, r10, r9, r8;
	uint64_t rax, rcx, rdx;
	uint64_t rsi, rdi;
	uint32_t error_code;   /* the hypervisor's own use */
	uint32_t entry_vector; /* the hypervisor's own use */
	uint64_t rip;
	uint16_t cs, _pad0[1];
	uint8_t saved_upcall_mask; /* evtchn_upcall_mask before the trap */
	uint8_t _pad1[3];
	uint64_t rflags; /* IF is the inverse of saved_upcall_mask in trap frames */
	uint64_t rsp;
	uint16_t ss, _pad2[3];
	uint16_t es, _pad3[3];
	uint16_t ds, _pad4[3];
	uint16_t fs, _pad5[3]; /* a non-zero selector overrides fs_base */
	uint16_t gs, _pad6[3]; /* a non-zero selector overrides gs_base_user */
};
PV_ABI_SIZE(struct pv_cpu_user_regs, 200);

/* A vCPU of a PV guest: the argument of VCPUOP_initialise, and what a saved image holds. */
struct pv_vcpu_guest_context {
	struct {
		char x[512];
	} fpu_ctxt;	/* FXSAVE area */
	uint64_t flags; /* PV_VGCF_* */
	struct pv_cpu_user_regs user_regs;
	struct pv_trap_info trap_ctxt[256];
	uint64_t ldt_base, ldt_ents;	   /* linear address, entries */
	uint64_t gdt_frames[16], gdt_ents; /* machine frames, entries */
	uint64_t kernel_ss, kernel_sp;	   /* stack of kernel entries from user mode */
	uint64_t ctrlreg[8];		   /* CR0 to CR7; [1] the user page table, if not 0 */
	uint64_t debugreg[8];		   /* DR0 to DR7 */
	uint64_t event_callback_eip;	   /* upcalls */
	uint64_t failsafe_callback_eip;	   /* a segment could not be loaded on the way back */
	uint64_t syscall_callback_eip;	   /* the guest's 64-bit system calls */
	uint64_t vm_assist;		   /* bit per PV_VMASST_TYPE_* */
	uint64_t fs_base;
	uint64_t gs_base_kernel;
	uint64_t gs_base_user;
};
PV_ABI_SIZE(struct pv_vcpu_guest_context, 5168);

struct pv_arch_vcpu_info {
	uint64_t cr2; /* faulting address of the last page fault: read it before the next */
	uint64_t pad;
};
PV_ABI_SIZE(struct pv_arch_vcpu_info, 16);

/* Filled in by a PV guest so that a toolstack can find its p2m. */
struct pv_arch_shared_info {
	uint64_t max_pfn; /* one past the last valid PFN */
	uint64_t pfn_to_mfn_frame_list_list;
	uint64_t nmi_reason;
	uint64_t p2m_cr3;	 /* 0: use the frame lists */
	uint64_t p2m_vaddr;	 /* of the linear p2m, in the address space of p2m_cr3 */
	uint64_t p2m_generation; /* odd while the guest changes the mapping of its p2m */
};
PV_ABI_SIZE(struct pv_arch_shared_info, 48);

/* Records of the CPUID and MSR policies of a migration stream. */
#define PV_XEN_CPUID_NO_SUBLEAF 0xffffffffu
struct pv_cpuid_leaf {
	uint32_t leaf, subleaf;
	uint32_t a, b, c, d;
};
PV_ABI_SIZE(struct pv_cpuid_leaf, 24);

struct pv_msr_entry {
	uint32_t idx;
	uint32_t flags; /* 0 */
	uint64_t val;
};
PV_ABI_SIZE(struct pv_msr_entry, 16);

#endif /* __ASSEMBLER__ */

#endif
