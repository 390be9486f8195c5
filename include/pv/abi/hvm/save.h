/*
 * hvm/save: the records of an HVM_CONTEXT blob: the state of a PVH or HVM domain's (virtual) devices
 * and CPUs.
 *
 * The blob: descriptor and body, again and again, ordered by typecode, then instance; HEADER first,
 * END last. x86 only. Source: xen/include/public/hvm/save.h and arch-x86/hvm/save.h.
 */
#ifndef PV_ABI_HVM_SAVE_H
#define PV_ABI_HVM_SAVE_H

#include <stdint.h>
#include <pv/abi/layout.h>

struct pv_hvm_save_descriptor {
	uint16_t typecode; /* PV_HVM_SAVE_CODE_* */
	uint16_t instance; /* vCPU or device number */
	uint32_t length;   /* bytes of body */
};
PV_ABI_SIZE(struct pv_hvm_save_descriptor, 8);

#define PV_HVM_SAVE_CODE_END		 0 /* no body */
#define PV_HVM_SAVE_CODE_HEADER		 1
#define PV_HVM_SAVE_CODE_CPU		 2
#define PV_HVM_SAVE_CODE_PIC		 3
#define PV_HVM_SAVE_CODE_IOAPIC		 4
#define PV_HVM_SAVE_CODE_LAPIC		 5
#define PV_HVM_SAVE_CODE_LAPIC_REGS	 6
#define PV_HVM_SAVE_CODE_PCI_IRQ	 7
#define PV_HVM_SAVE_CODE_ISA_IRQ	 8
#define PV_HVM_SAVE_CODE_PCI_LINK	 9
#define PV_HVM_SAVE_CODE_PIT		 10
#define PV_HVM_SAVE_CODE_RTC		 11
#define PV_HVM_SAVE_CODE_HPET		 12
#define PV_HVM_SAVE_CODE_PMTIMER	 13
#define PV_HVM_SAVE_CODE_MTRR		 14
#define PV_HVM_SAVE_CODE_VIRIDIAN_DOMAIN 15
#define PV_HVM_SAVE_CODE_CPU_XSAVE	 16
#define PV_HVM_SAVE_CODE_VIRIDIAN_VCPU	 17
#define PV_HVM_SAVE_CODE_VMCE_VCPU	 18
#define PV_HVM_SAVE_CODE_TSC_ADJUST	 19
#define PV_HVM_SAVE_CODE_CPU_MSR	 20
#define PV_HVM_SAVE_CODE_MAX		 20

#define PV_HVM_FILE_MAGIC   0x54381286
#define PV_HVM_FILE_VERSION 0x00000001

struct pv_hvm_save_header {
	uint32_t magic;	    /* PV_HVM_FILE_MAGIC */
	uint32_t version;   /* PV_HVM_FILE_VERSION */
	uint64_t changeset; /* of the hypervisor, ~0 if unknown */
	uint32_t cpuid;	    /* leaf 1, eax */
	uint32_t gtsc_khz;  /* the guest's TSC */
};
PV_ABI_SIZE(struct pv_hvm_save_header, 24);

/* One for each vCPU that is up. */
struct pv_hvm_hw_cpu {
	uint8_t fpu_regs[512]; /* FXSAVE area, if flags say so */
	uint64_t rax, rbx, rcx, rdx, rbp, rsi, rdi, rsp;
	uint64_t r8, r9, r10, r11, r12, r13, r14, r15;
	uint64_t rip, rflags;
	uint64_t cr0, cr2, cr3, cr4;
	uint64_t dr0, dr1, dr2, dr3, dr6, dr7;
	uint32_t cs_sel, ds_sel, es_sel, fs_sel, gs_sel, ss_sel, tr_sel, ldtr_sel;
	uint32_t cs_limit, ds_limit, es_limit, fs_limit, gs_limit, ss_limit, tr_limit, ldtr_limit;
	uint32_t idtr_limit, gdtr_limit;
	uint64_t cs_base, ds_base, es_base, fs_base, gs_base, ss_base, tr_base, ldtr_base;
	uint64_t idtr_base, gdtr_base;
	/* Bits 7:0 as in a descriptor's type byte, 11:8 AVL, L, D/B, G. */
	uint32_t cs_arbytes, ds_arbytes, es_arbytes, fs_arbytes, gs_arbytes, ss_arbytes;
	uint32_t tr_arbytes, ldtr_arbytes;
	uint64_t sysenter_cs, sysenter_esp, sysenter_eip;
	uint64_t shadow_gs;
	uint64_t msr_flags; /* unused */
	uint64_t msr_lstar, msr_star, msr_cstar, msr_syscall_mask;
	uint64_t msr_efer;
	uint64_t msr_tsc_aux;
	uint64_t tsc; /* the guest's reading */
	/* An event that was being delivered: vector 7:0, type 10:8, error code valid 11, valid 31. */
	uint32_t pending_event;
	uint32_t error_code;
	uint32_t flags; /* PV_XEN_X86_FPU_INITIALISED */
	uint32_t pad0;
};
PV_ABI_SIZE(struct pv_hvm_hw_cpu, 1032);
#define PV_XEN_X86_FPU_INITIALISED 1U

struct pv_hvm_hw_lapic {
	uint64_t apic_base_msr;
	uint32_t disabled;
	uint32_t timer_divisor;
	uint64_t tdt_msr; /* TSC deadline */
};
PV_ABI_SIZE(struct pv_hvm_hw_lapic, 24);

/* The register page, as far as it is used: 32 bits in every 16 bytes. */
struct pv_hvm_hw_lapic_regs {
	uint8_t data[1024];
};
PV_ABI_SIZE(struct pv_hvm_hw_lapic_regs, 1024);

/* Levels of the PCI and ISA interrupt lines, and PCI link routing: all 0 for PVH, always there. */
struct pv_hvm_hw_pci_irqs {
	uint64_t pad[2];
};
PV_ABI_SIZE(struct pv_hvm_hw_pci_irqs, 16);

struct pv_hvm_hw_isa_irqs {
	uint64_t pad[1];
};
PV_ABI_SIZE(struct pv_hvm_hw_isa_irqs, 8);

struct pv_hvm_hw_pci_link {
	uint8_t route[4];
	uint8_t pad0[4];
};
PV_ABI_SIZE(struct pv_hvm_hw_pci_link, 8);

struct pv_hvm_hw_mtrr {
	uint64_t msr_pat_cr;
	uint64_t msr_mtrr_var[16]; /* base and mask of 8 ranges */
	uint64_t msr_mtrr_fixed[11];
	uint64_t msr_mtrr_cap;
	uint64_t msr_mtrr_def_type;
};
PV_ABI_SIZE(struct pv_hvm_hw_mtrr, 240);

/* The body goes on to the uncompacted size of xcr0_accum. */
struct pv_hvm_hw_cpu_xsave_hdr {
	uint64_t xstate_bv;
	uint64_t xcomp_bv; /* 0 */
	uint64_t reserved[6];
};
PV_ABI_SIZE(struct pv_hvm_hw_cpu_xsave_hdr, 64);

struct pv_hvm_hw_cpu_xsave {
	uint64_t xfeature_mask; /* ignored */
	uint64_t xcr0;
	uint64_t xcr0_accum; /* every feature the vCPU ever turned on */
	struct {
		struct {
			char x[512];
		} fpu_sse;
		struct pv_hvm_hw_cpu_xsave_hdr xsave_hdr;
	} save_area;
};
PV_ABI_SIZE(struct pv_hvm_hw_cpu_xsave, 600);

struct pv_hvm_vmce_vcpu {
	uint64_t caps;
	uint64_t mci_ctl2_bank0;
	uint64_t mci_ctl2_bank1;
	uint64_t mcg_ext_ctl;
};
PV_ABI_SIZE(struct pv_hvm_vmce_vcpu, 32);

struct pv_hvm_tsc_adjust {
	uint64_t tsc_adjust;
};
PV_ABI_SIZE(struct pv_hvm_tsc_adjust, 8);

struct pv_hvm_one_msr {
	uint32_t index;
	uint32_t _rsvd;
	uint64_t val;
};
PV_ABI_SIZE(struct pv_hvm_one_msr, 16);

struct pv_hvm_msr {
	uint32_t count;
	struct pv_hvm_one_msr msr[];
};

#endif
