/*
 * sites.h: where a Linux kernel calls Xen directly
 *
 * Since XSA-466, Linux has two functions of one instruction each, one for each vendor's processors,
 * and picks one at boot: VMMCALL and return, then VMCALL and return. KVM answers both instructions
 * by itself and wrongly, so they are replaced.
 */
#ifndef REFHV_ENGINE_KVM_SITES_H
#define REFHV_ENGINE_KVM_SITES_H

#include <stdint.h>

#define SITE_ALIGN 16u
#define SITE_GAP   16u		   /* from the first function to the second */
#define SITE_SIZE  (2u * SITE_GAP) /* bytes of both */

/*
 * Looks for the pair in len bytes, the first of which has an address that is a multiple of
 * SITE_ALIGN. Returns how many there are, counting no further than two; *at: offset of the first.
 * The bytes may change meanwhile.
 */
unsigned sites_find(const void *mem, uint64_t len, uint64_t *at);

/* What stands there now: 1 what sites_find() looks for, 2 what sites_patch() has made of it, 0. */
int sites_state(const void *mem);

/* Each instruction becomes OUT to port `port` and NOP: three bytes for three. */
void sites_patch(void *mem, uint8_t port);

#endif
