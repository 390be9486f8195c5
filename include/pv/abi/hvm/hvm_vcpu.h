/*
 * hvm/hvm_vcpu: the initial state of a PVH vCPU: the argument of VCPUOP_initialise.
 *
 * Source: xen/include/public/hvm/hvm_vcpu.h.
 */
#ifndef PV_ABI_HVM_HVM_VCPU_H
#define PV_ABI_HVM_HVM_VCPU_H

#include <stdint.h>
#include <pv/abi/layout.h>

struct pv_vcpu_hvm_x86_32 {
	uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
	uint32_t eip, eflags;
	uint32_t cr0, cr3, cr4;
	uint32_t pad1;
	uint64_t efer;
	uint32_t cs_base, ds_base, ss_base, es_base, tr_base;
	uint32_t cs_limit, ds_limit, ss_limit, es_limit, tr_limit;
	uint16_t cs_ar, ds_ar, ss_ar, es_ar, tr_ar; /* attributes: 12 bits, packed */
	uint16_t pad2[3];
};
PV_ABI_SIZE(struct pv_vcpu_hvm_x86_32, 120);

/* Starts in 64-bit mode; the segments are flat. */
struct pv_vcpu_hvm_x86_64 {
	uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi;
	uint64_t rip, rflags;
	uint64_t cr0, cr3, cr4, efer;
};
PV_ABI_SIZE(struct pv_vcpu_hvm_x86_64, 112);

struct pv_vcpu_hvm_context {
	uint32_t mode; /* PV_VCPU_HVM_MODE_* */
	uint32_t pad;
	union {
		struct pv_vcpu_hvm_x86_32 x86_32;
		struct pv_vcpu_hvm_x86_64 x86_64;
	} cpu_regs;
};
PV_ABI_SIZE(struct pv_vcpu_hvm_context, 128);
#define PV_VCPU_HVM_MODE_32B 0
#define PV_VCPU_HVM_MODE_64B 1

#endif
