/*
 * Hypercalls on arm64: hvc #0xEA1, number in x16, arguments in x0 to x4, result in x0.
 *
 * Source: xen/include/public/arch-arm.h. The hypervisor is trusted.
 */
#include "../arch.h"
#include <pv/abi/xen.h>
#include <pv/abi/errno.h>

static int64_t by_hvc(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2, uint64_t a3,
		      uint64_t a4, uint64_t a5)
{
	register uint64_t x0 __asm__("x0") = a1;
	register uint64_t x1 __asm__("x1") = a2;
	register uint64_t x2 __asm__("x2") = a3;
	register uint64_t x3 __asm__("x3") = a4;
	register uint64_t x4 __asm__("x4") = a5;
	register uint64_t x16 __asm__("x16") = nr;

	__asm__ volatile("hvc #0xEA1"
			 : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3), "+r"(x4), "+r"(x16)
			 :
			 : "memory");
	return (int64_t)x0;
}

int pv_arch_hypercall_init(struct pv *pv, const struct pv_boot *boot)
{
	/* No PV entry exists on Arm. */
	if (boot->mode == PV_MODE_PV)
		return -PV_EINVAL;
	pv->hypercall = by_hvc;
	return 0;
}

void pv_arch_hypercall_page(struct pv *pv, void *page, uint64_t gfn)
{
	/* There is no page: the instruction is the interface. */
}

uint64_t pv_arch_counter(void)
{
	uint64_t v;

	__asm__ volatile("isb; mrs %0, cntvct_el0" : "=r"(v) : : "memory");
	return v;
}
