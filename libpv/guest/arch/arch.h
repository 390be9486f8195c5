/*
 * What each processor family provides to the guest library. Private to libpv/guest.
 *
 * Trusts the hypervisor and the kernel that calls; nothing here sees data of other domains.
 */
#ifndef PV_GUEST_ARCH_H
#define PV_GUEST_ARCH_H

#include <pv/guest.h>

/* Chooses pv->hypercall from what boot says. -PV_ENODEV: no hypervisor of this ABI found. */
int pv_arch_hypercall_init(struct pv *pv, const struct pv_boot *boot);

/*
 * Asks the hypervisor to fill page (at frame gfn) with its way in, and goes through it from then
 * on. Leaves everything as it is where there is no such facility.
 */
void pv_arch_hypercall_page(struct pv *pv, void *page, uint64_t gfn);

/* The counter that pv_vcpu_time_info is about, not read ahead of earlier loads. */
uint64_t pv_arch_counter(void);

#endif
