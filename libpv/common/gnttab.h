/*
 * Version 1 grant entries: every transition of the 64-bit word in which an entry lives.
 *
 * bits 15:0 flags (PV_GTF_*), 31:16 the domain granted to, 63:32 the frame. The granter writes the
 * entry, the holder sets reading and writing while it uses the page. The other side may change the
 * word at any moment, so each function reads it once per attempt, decides on the copy, and swaps
 * the whole word; a word that will not hold still gets PV_GNTTAB_TRIES attempts (XSA-295).
 */
#ifndef PV_COMMON_GNTTAB_H
#define PV_COMMON_GNTTAB_H

#include <stdint.h>

#define PV_GNTTAB_TRIES	     4
#define PV_GNTTAB_V1_ENTRIES 512u /* per frame */
#define PV_GNTTAB_V1(flags, dom, frame)                                  \
	((uint64_t)(uint16_t)(flags) | (uint64_t)(uint16_t)(dom) << 16 | \
	 (uint64_t)(uint32_t)(frame) << 32)

static inline uint16_t pv_gnttab_v1_flags(const uint64_t *entry)
{
	return (uint16_t)__atomic_load_n(entry, __ATOMIC_ACQUIRE);
}

/* The granter: publish an entry (frame and domain are visible before the flags permit). */
void pv_gnttab_v1_grant(uint64_t *entry, uint16_t domid, uint32_t frame, int readonly);
/*
 * The granter: take the entry back. 0, or -PV_EBUSY while the holder reads or writes (nothing
 * changed), also when the word keeps changing.
 */
int pv_gnttab_v1_end(uint64_t *entry);

/*
 * The holder: check that the entry permits `domid` this access and mark it in use. PV_GNTST_okay
 * and the frame, or PV_GNTST_general_error as Xen answers. Sub-page, transitive and transfer
 * entries are refused.
 */
int pv_gnttab_v1_pin(uint64_t *entry, uint16_t domid, int readonly, uint32_t *frame);
/* The holder: the last use (and, if !keep_reading, the last of any kind) has ended. */
void pv_gnttab_v1_unpin(uint64_t *entry, int keep_reading);

#endif
