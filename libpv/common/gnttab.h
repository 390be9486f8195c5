/*
 * Grant entries: every transition of the words in which an entry lives, versions 1 and 2.
 *
 * Version 1 is one 64-bit word: bits 15:0 flags (PV_GTF_*), 31:16 the domain granted to, 63:32 the
 * frame. The granter writes it, the holder sets reading and writing in it while it uses the page,
 * so each swaps the whole word, and one that will not hold still gets PV_GNTTAB_TRIES attempts
 * (XSA-295).
 *
 * Version 2 is two words of the granter's, head (flags, domain, and for a sub-page grant offset and
 * length) and frame, and a status word of the holder's: each side writes its own and then looks at
 * the other's, with a full barrier between.
 *
 * The other side may change its words at any moment: each function reads a word once per attempt
 * and decides on the copy (XSA-500: nothing is read a second time to be used).
 */
#ifndef PV_COMMON_GNTTAB_H
#define PV_COMMON_GNTTAB_H

#include <stdint.h>
#include <pv/abi/grant_table.h>

#define PV_GNTTAB_TRIES	     4
#define PV_GNTTAB_V1_ENTRIES 512u  /* per frame */
#define PV_GNTTAB_V2_ENTRIES 256u  /* per frame */
#define PV_GNTTAB_STATUSES   2048u /* status words per status frame */
#define PV_GNTTAB_IN_USE     (PV_GTF_reading | PV_GTF_writing)
#define PV_GNTTAB_V2_OFFSET  32 /* in the head */
#define PV_GNTTAB_V2_LENGTH  48
#define PV_GNTTAB_V1(flags, dom, frame)                                  \
	((uint64_t)(uint16_t)(flags) | (uint64_t)(uint16_t)(dom) << 16 | \
	 (uint64_t)(uint32_t)(frame) << 32)

/* What an entry permits, as it was when it was pinned. */
struct pv_gnttab_grant {
	uint64_t frame;
	uint16_t offset; /* bytes of the page that are lent: all, unless it is a sub-page grant */
	uint16_t length;
};

static inline uint64_t pv_gnttab_load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline int pv_gnttab_swap(uint64_t *word, uint64_t was, uint64_t is)
{
	return __atomic_compare_exchange_n(word, &was, is, 0, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* The flags, which are in the same place in both versions. */
static inline uint16_t pv_gnttab_flags(const uint64_t *entry)
{
	return (uint16_t)pv_gnttab_load(entry);
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
 * and the grant, or PV_GNTST_general_error as Xen answers. Sub-page, transitive and transfer
 * entries are refused.
 */
int pv_gnttab_v1_pin(uint64_t *entry, uint16_t domid, int readonly, struct pv_gnttab_grant *g);
/* The holder: the last use (and, if !keep_reading, the last of any kind) has ended. */
void pv_gnttab_v1_unpin(uint64_t *entry, int keep_reading);

/*
 * Version 2; entry is the two words of it. The granter: publish an entry; of the whole page if length
 * is 0.
 */
void pv_gnttab_v2_grant(uint64_t *entry, uint16_t domid, uint64_t frame, int readonly,
			uint16_t offset, uint16_t length);
/*
 * The granter: take the entry back. 0, or -PV_EBUSY while the status says that the holder reads or
 * writes: then the entry permits again what it did (a holder that tried just in between may have
 * been refused).
 */
int pv_gnttab_v2_end(uint64_t *entry, const uint16_t *status);

/*
 * The holder: check the entry and mark it in use in the status word, whose value was `was` (NULL: a
 * status that nobody sees). whole: refuse a sub-page grant, which cannot be mapped. Transitive
 * and transfer entries are refused.
 */
int pv_gnttab_v2_pin(const uint64_t *entry, uint16_t *status, uint16_t was, uint16_t domid,
		     int readonly, int whole, struct pv_gnttab_grant *g);
/* The holder: the status is now this (PV_GTF_reading, PV_GTF_writing). */
void pv_gnttab_v2_status(uint16_t *status, uint16_t flags);

/*
 * Entries of the one version as entries of the other, when a table changes. Marks of use are the
 * caller's. to_v1: 0, or -PV_ERANGE for an entry that version 1 cannot express (what does not
 * permit access becomes an entry that permits nothing).
 */
void pv_gnttab_to_v2(uint64_t v1, uint64_t *entry);
int pv_gnttab_to_v1(const uint64_t *entry, uint64_t *v1);

#endif
