/*
 * Hypercalls of 32-bit guests: views of their structures as 64-bit ones.
 *
 * A handler knows one layout, the 64-bit one. While a vCPU is in a 32-bit hypercall, the addresses that
 * its handler is given may be views: bit 63, a layout, the guest's 32-bit address, and an offset in the
 * 64-bit layout. pv_guest_read and pv_guest_write translate what is read and written through one, field
 * by field, by a table that is made from the structures' declarations. An array of structures is an array
 * through a view, and a handle in a structure is read as a view of what it points to.
 *
 * The guest chooses the address in a view and nothing else of it: its registers and handles have 32 bits.
 * Called with the domain's lock held.
 */
#ifndef PV_HOST_COMPAT_H
#define PV_HOST_COMPAT_H

#include "domain.h"

enum pv_layout {
	PV_LAYOUT_SAME, /* bytes, or a structure that is the same for both: no view */
	PV_LAYOUT_LONG, /* unsigned long, pfn */
	PV_LAYOUT_RESERVATION,
	PV_LAYOUT_EXCHANGE,
	PV_LAYOUT_MFN_LIST,
	PV_LAYOUT_M2P,
	PV_LAYOUT_ADD,
	PV_LAYOUT_ADD_BATCH,
	PV_LAYOUT_REMOVE,
	PV_LAYOUT_MEMORY_MAP,
	PV_LAYOUT_FOREIGN_MAP,
	PV_LAYOUT_POD_TARGET,
	PV_LAYOUT_ACQUIRE,
	PV_LAYOUT_POLL,
	PV_LAYOUT_RUNSTATE,
	PV_LAYOUT_RUNSTATE_AREA,
	PV_LAYOUT_TIME_AREA,
	PV_LAYOUT_SINGLESHOT,
	PV_LAYOUT_SETUP_TABLE,
	PV_LAYOUT_TRANSFER,
	PV_LAYOUT_COPY,
	PV_LAYOUT_STATUS_FRAMES,
	PV_LAYOUT_PLATFORM,
	PV_LAYOUTS,
};

/* 2^24 bytes of 64-bit structures are more than any list of one hypercall has. */
#define PV_VIEW		(1ull << 63)
#define PV_VIEW_OFFSET	24
#define PV_VIEW_ADDRESS 32

/* A null handle stays one, and what is the same for both needs no view. */
static inline uint64_t pv_view(enum pv_layout layout, uint32_t address)
{
	if (!address || layout == PV_LAYOUT_SAME)
		return address;
	return PV_VIEW | (uint64_t)layout << (PV_VIEW_OFFSET + PV_VIEW_ADDRESS) |
	       (uint64_t)address << PV_VIEW_OFFSET;
}

/* Read and write through a view, whichever hypercall is under way. 0 or -PV_EFAULT. */
int pv_view_read(struct pv_domain *d, unsigned vcpu, void *to, uint64_t view, size_t len);
int pv_view_write(struct pv_domain *d, unsigned vcpu, uint64_t view, const void *from, size_t len);

#endif
