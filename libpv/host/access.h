/*
 * Hypercall arguments: copies between host locals and hostile guest memory.
 *
 * A range is translated page by page and read or written once; it may change meanwhile, so callers
 * use their copy only. All four return 0 or -PV_EFAULT (some of a failed write may have happened,
 * as on Xen). Called with the domain's lock held.
 */
#ifndef PV_HOST_ACCESS_H
#define PV_HOST_ACCESS_H

#include "domain.h"

int pv_guest_read(struct pv_domain *d, unsigned vcpu, void *to, uint64_t gva, size_t len);
int pv_guest_write(struct pv_domain *d, unsigned vcpu, uint64_t gva, const void *from, size_t len);

/*
 * An area that a vCPU has registered, at a virtual address of its own or a physical one. Written
 * piece by piece: a failure half way is the guest's loss.
 */
int pv_area_write(struct pv_domain *d, unsigned vcpu, bool phys, uint64_t addr, const void *from,
		  size_t len);

/* Copy without tearing 8-byte aligned words, for memory that the other side writes meanwhile. */
void pv_shared_read(void *to, const void *from, size_t len);
void pv_shared_write(void *to, const void *from, size_t len);
void pv_shared_clear(void *page);

/* Is [gva, gva + count * size) an address range at all (no wrap)? */
static inline bool pv_guest_range_ok(uint64_t gva, uint64_t count, uint64_t size)
{
	uint64_t len;

	return !__builtin_mul_overflow(count, size, &len) && gva + len >= gva;
}

#endif
