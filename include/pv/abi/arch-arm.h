/*
 * arch-arm: the arm64 part of the core ABI.
 *
 * Guests are always auto-translated; there is no start_info, the device tree says where things are.
 * Source: xen/include/public/arch-arm.h. Included by pv/abi/xen.h.
 */
#ifndef PV_ABI_ARCH_ARM_H
#define PV_ABI_ARCH_ARM_H

#define PV_XEN_HYPERCALL_TAG 0xEA1 /* the immediate of HVC */

/* vCPUs with a vcpu_info inside the shared info; the others must register one. */
#define PV_XEN_LEGACY_MAX_VCPUS 1

#define PV_VGCF_online 1

/* The fixed part of a guest's physical memory map, and its event interrupt. */
#define PV_GUEST_GNTTAB_BASE	0x38000000ULL
#define PV_GUEST_GNTTAB_SIZE	0x01000000ULL
#define PV_GUEST_MAGIC_BASE	0x39000000ULL
#define PV_GUEST_MAGIC_SIZE	0x01000000ULL
#define PV_GUEST_RAM_BANKS	2
#define PV_GUEST_RAM0_BASE	0x40000000ULL
#define PV_GUEST_RAM0_SIZE	0xc0000000ULL
#define PV_GUEST_RAM1_BASE	0x0200000000ULL
#define PV_GUEST_RAM1_SIZE	0xfe00000000ULL
#define PV_GUEST_MAX_VCPUS	128
#define PV_GUEST_TIMER_VIRT_PPI 27
#define PV_GUEST_EVTCHN_PPI	31

#ifndef __ASSEMBLER__

#include <stdint.h>
#include <pv/abi/layout.h>

/* AArch64 names only; an AArch32 guest's banked registers live in the same slots. */
struct pv_vcpu_guest_core_regs {
	uint64_t x0, x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15;
	uint64_t x16, x17, x18, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, x30;
	uint64_t pc64;
	uint64_t cpsr;
	uint64_t spsr_el1;
	uint32_t spsr_fiq, spsr_irq, spsr_und, spsr_abt;
	uint64_t sp_el0;
	uint64_t sp_el1, elr_el1;
};
PV_ABI_SIZE(struct pv_vcpu_guest_core_regs, 312);

struct pv_vcpu_guest_context {
	uint32_t flags; /* PV_VGCF_online */
	struct pv_vcpu_guest_core_regs user_regs;
	uint64_t sctlr;
	uint64_t ttbcr, ttbr0, ttbr1;
};
PV_ABI_SIZE(struct pv_vcpu_guest_context, 352);

#endif /* __ASSEMBLER__ */

#endif
