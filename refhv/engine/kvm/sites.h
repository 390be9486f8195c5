/*
 * sites.h: where a Linux kernel calls Xen directly
 *
 * Since XSA-466, Linux has two functions of one instruction each, one for each vendor's processors,
 * and picks one at boot: VMMCALL and return, then VMCALL and return. KVM answers both instructions
 * by itself and wrongly, so they are replaced.
 *
 * Functions are aligned to 16 bytes. With indirect branch tracking each begins with ENDBR64; with
 * padding before functions they are farther apart.
 */
#ifndef REFHV_ENGINE_KVM_SITES_H
#define REFHV_ENGINE_KVM_SITES_H

#include <stdint.h>

#define SITE_ALIGN   16u
#define SITE_MAX_GAP 64u /* from one function to the next */

struct sites {
	uint64_t at;  /* offset of the VMMCALL */
	uint32_t gap; /* from there to the VMCALL: a multiple of SITE_ALIGN */
};

/*
 * Looks for the pair in len bytes, the first of which has an address that is a multiple of
 * SITE_ALIGN. Returns how many there are, counting no further than two; *s: the first. The bytes may
 * change meanwhile.
 */
unsigned sites_find(const void *mem, uint64_t len, struct sites *s);

/* Each instruction becomes OUT to port `port` and NOP: three bytes for three. */
void sites_patch(void *mem, const struct sites *s, uint8_t port);
/* Is that what stands there still? */
int sites_patched(const void *mem, const struct sites *s, uint8_t port);

#endif
