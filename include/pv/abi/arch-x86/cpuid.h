/*
 * arch-x86/cpuid: the CPUID leaves by which a PVH or HVM guest finds its hypervisor.
 *
 * The first leaf has the signature; where another interface sits at 0x40000000 Xen's moves up by a
 * multiple of 0x100. Source: xen/include/public/arch-x86/cpuid.h.
 */
#ifndef PV_ABI_ARCH_X86_CPUID_H
#define PV_ABI_ARCH_X86_CPUID_H

#define PV_XEN_CPUID_FIRST_LEAF	    0x40000000
#define PV_XEN_CPUID_MAX_NUM_LEAVES 5

/* Leaf 0: eax the last leaf; ebx, ecx, edx "XenVMMXenVMM". */
#define PV_XEN_CPUID_SIGNATURE_EBX 0x566e6558
#define PV_XEN_CPUID_SIGNATURE_ECX 0x65584d4d
#define PV_XEN_CPUID_SIGNATURE_EDX 0x4d4d566e

/* Leaf 1: eax version, major << 16 | minor. */
/* Leaf 2: eax hypercall pages; ebx the MSR that takes the page's address; ecx, edx features. */
#define PV_XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD 1u

/* Leaf 3: time (subleaf 0: eax flags, ebx mode, ecx TSC in kHz, edx incarnation). */

/* Leaf 4, HVM and PVH: eax features; ebx vCPU id, ecx domid, where the features say so. */
#define PV_XEN_HVM_CPUID_APIC_ACCESS_VIRT 1u
#define PV_XEN_HVM_CPUID_X2APIC_VIRT	  2u
#define PV_XEN_HVM_CPUID_IOMMU_MAPPINGS	  4u
#define PV_XEN_HVM_CPUID_VCPU_ID_PRESENT  8u
#define PV_XEN_HVM_CPUID_DOMID_PRESENT	  16u
#define PV_XEN_HVM_CPUID_EXT_DEST_ID	  32u
#define PV_XEN_HVM_CPUID_UPCALL_VECTOR	  64u

/* Leaf 5, PV: eax bits 7:0 the width of machine addresses. */
#define PV_XEN_CPUID_MACHINE_ADDRESS_WIDTH_MASK 0xffu

#endif
