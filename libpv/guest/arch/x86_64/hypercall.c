/*
 * Hypercalls on x86_64: through the hypercall page, or by vmcall or vmmcall in a PVH guest.
 *
 * Number in rax, arguments in rdi, rsi, rdx, r10, r8, result in rax; a debug build of Xen destroys
 * the argument registers, so they count as written (xen/include/public/arch-x86/xen-x86_64.h).
 * The page's code runs on the caller's stack: all of this must be built without a red zone.
 */
#include "../arch.h"
#include <pv/abi/xen.h>
#include <pv/abi/errno.h>

#define SLOT_BYTES 32u /* of the hypercall page, per hypercall number */

#define CPUID_FIRST 0x40000000u /* of the hypervisor leaves; Viridian may sit below, step 0x100 */
#define CPUID_LAST  0x40010000u
#define CPUID_STEP  0x100u

static void cpuid(uint32_t leaf, uint32_t reg[4])
{
	__asm__ volatile("cpuid"
			 : "=a"(reg[0]), "=b"(reg[1]), "=c"(reg[2]), "=d"(reg[3])
			 : "a"(leaf), "c"(0));
}

/* First of Xen's CPUID leaves, or 0. */
static uint32_t xen_leaves(void)
{
	uint32_t leaf, r[4];

	for (leaf = CPUID_FIRST; leaf < CPUID_LAST; leaf += CPUID_STEP) {
		cpuid(leaf, r);
		/* "XenVMMXenVMM" */
		if (r[1] == 0x566e6558 && r[2] == 0x65584d4d && r[3] == 0x4d4d566e &&
		    r[0] >= leaf + 2)
			return leaf;
	}
	return 0;
}

#define HYPERCALL(insn, target)                                                                 \
	do {                                                                                    \
		register uint64_t r10 __asm__("r10") = a4;                                      \
		register uint64_t r8 __asm__("r8") = a5;                                        \
		uint64_t rax = (target);                                                        \
		__asm__ volatile(insn                                                           \
				 : "+a"(rax), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8) \
				 :                                                              \
				 : "rcx", "r11", "memory", "cc");                               \
		return (int64_t)rax;                                                            \
	} while (0)

static int64_t by_page(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
		       uint64_t a4, uint64_t a5)
{
	HYPERCALL("call *%%rax", (uint64_t)(uintptr_t)pv->hypercall_page + nr * SLOT_BYTES);
}

static int64_t by_vmcall(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
			 uint64_t a4, uint64_t a5)
{
	HYPERCALL("vmcall", nr);
}

static int64_t by_vmmcall(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
			  uint64_t a4, uint64_t a5)
{
	HYPERCALL("vmmcall", nr);
}

int pv_arch_hypercall_init(struct pv *pv, const struct pv_boot *boot)
{
	uint32_t r[4];

	if (boot->mode == PV_MODE_PV) {
		if (!boot->hypercall_page)
			return -PV_EINVAL;
		pv->hypercall_page = boot->hypercall_page;
		pv->hypercall = by_page;
		return 0;
	}
	if (!xen_leaves())
		return -PV_ENODEV;
	/* The wrong instruction is an exception: the processor's vendor decides. */
	cpuid(0, r);
	if ((r[1] == 0x68747541 && r[2] == 0x444d4163) || /* AuthenticAMD */
	    (r[1] == 0x6f677948 && r[2] == 0x656e6975))	  /* HygonGenuine */
		pv->hypercall = by_vmmcall;
	else
		pv->hypercall = by_vmcall;
	return 0;
}

void pv_arch_hypercall_page(struct pv *pv, void *page, uint64_t gfn)
{
	uint32_t leaf = xen_leaves(), r[4];
	uint64_t addr = gfn << PV_PAGE_SHIFT;

	if (!leaf)
		return;
	cpuid(leaf + 2, r); /* eax: number of pages, ebx: the MSR */
	if (!r[0])
		return;
	__asm__ volatile("wrmsr"
			 :
			 : "c"(r[1]), "a"((uint32_t)addr), "d"((uint32_t)(addr >> 32))
			 : "memory");
	pv->hypercall_page = page;
	pv->hypercall = by_page;
}

uint64_t pv_arch_counter(void)
{
	uint32_t lo, hi;

	__asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
	return (uint64_t)hi << 32 | lo;
}
