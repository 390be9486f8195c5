/*
 * Grant table in a guest: lending pages to other domains, and using pages that others lend. Entries
 * are version 1 or 2; the calls are the same for both.
 *
 * A reference's life: alloc -> permit -> (peer maps, copies, unmaps) -> revoke -> permit ... ->
 * free. alloc and free manage numbers only and are for set-up; permit and revoke are what the data
 * path does: one store, one compare-and-swap. The hypervisor is trusted; a peer can keep a
 * reference in use for ever, and then revoke says -PV_EBUSY and the page must not be reused: there
 * is no way to take a page back by force.
 *
 * Concurrency: alloc and free take the os lock; permit and revoke of different references are
 * independent; calls on one reference are serialised by its owner.
 */
#ifndef PV_GNTTAB_H
#define PV_GNTTAB_H

#include <stdint.h>

struct pv;
struct pv_gnttab_copy;
struct pv_gnttab_v2;

#define PV_GNTTAB_MAX_FRAMES	    64u /* of our table; a host that allows more is used up to this */
#define PV_GNTTAB_MAX_STATUS_FRAMES 8u /* a status frame serves 8 frames of version 2 */
#define PV_GREF_NONE		    UINT32_MAX

/* Flags of permit. */
#define PV_GRANT_RW 0u
#define PV_GRANT_RO 1u

/*
 * Private to libpv. Which references are free is kept apart from the entries, one bit each in a
 * page from pages_alloc, with one summary bit a word: allocation and release take constant time, a
 * second free is noticed, and the record survives a new grant table after migration.
 */
struct pv_gnttab {
	uint64_t *frame[PV_GNTTAB_MAX_FRAMES];	       /* an entry is one word; version 2: two */
	uint16_t *status[PV_GNTTAB_MAX_STATUS_FRAMES]; /* version 2 */
	const struct pv_gnttab_v2 *v2;		       /* version 1: NULL */
	uint32_t version;
	uint32_t nr_frames;
	uint32_t max_frames;
	uint64_t *free_bits;	/* 1: free */
	uint64_t free_words[8]; /* bit w: free_bits[w] != 0 */
	uint32_t nr_free;
};

/*
 * Sets up the first grant frame; more are added as references are needed. Version 1 of the entries,
 * which lends memory below 16 TiB (permit: -PV_ERANGE). -PV_ENOSYS: the host has no grant table;
 * -PV_EBUSY: done already, or an earlier kernel's grants are in use in another version.
 */
int pv_gnttab_init(struct pv *pv);
/*
 * The same in version 1 or 2 (-PV_ENOSYS: the host does not have it), or 0: version 2 if there may be
 * memory above 16 TiB and the host has it, else 1. A kernel that calls this, or permit_part, links
 * version 2; one that calls pv_gnttab_init() alone does not.
 */
int pv_gnttab_init_version(struct pv *pv, unsigned version);

/* A new reference, or -PV_ENOSPC (the host's limit is reached; nothing is wrong, try later) or
 * -PV_ENOMEM. Never a reserved one (0-7). */
int64_t pv_gnttab_alloc(struct pv *pv);
/* Gives a reference back. -PV_EBUSY: it was not revoked; -PV_EINVAL: not a reference of alloc, or
 * freed already. */
int pv_gnttab_free(struct pv *pv, uint32_t ref);

/*
 * Lets domain peer map or copy frame gfn (of va_to_gfn) through ref, until revoked. flags:
 * PV_GRANT_*. -PV_EINVAL: not a reference of alloc; -PV_EBUSY: it is permitted already; -PV_ERANGE:
 * the frame does not fit into version 1's 32 bits.
 */
int pv_gnttab_permit(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags);
/*
 * Lets peer copy (not map) length bytes from offset on of the page; they do not cross its end, and
 * there is at least one (-PV_EINVAL). Version 2 only: -PV_EOPNOTSUPP. Otherwise as permit.
 */
int pv_gnttab_permit_part(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags,
			  unsigned offset, unsigned length);

/*
 * Ends access through ref. 0: ended, nobody maps the page and nobody can map it again; -PV_EBUSY:
 * the peer still has it mapped (or copies right now): nothing was changed, try again later (version
 * 2: a use that the peer began at this very moment may have failed); -PV_EINVAL: not a reference of
 * alloc.
 */
int pv_gnttab_revoke(struct pv *pv, uint32_t ref);

/* 1: the peer has it mapped or is copying at this moment, 0: not. A hint: it may change at once. */
int pv_gnttab_in_use(const struct pv *pv, uint32_t ref);

/* alloc + permit, and revoke + free. */
int64_t pv_gnttab_share(struct pv *pv, uint16_t peer, uint64_t gfn, unsigned flags);
int pv_gnttab_end(struct pv *pv, uint32_t ref);

/*
 * Maps another domain's grant at host_addr: a guest physical address with nothing behind it (PVH,
 * auto-translated), or the virtual address whose PTE is to be set (classic PV). flags: PV_GNTMAP_*
 * (PV_GNTMAP_host_map is added). 0 and *handle, or -PV_E*: -PV_EAGAIN never (the call retries for
 * up to a second while the granter's page is away).
 */
int pv_gnttab_map(struct pv *pv, uint16_t dom, uint32_t ref, uint64_t host_addr, unsigned flags,
		  uint32_t *handle);
int pv_gnttab_unmap(struct pv *pv, uint64_t host_addr, uint32_t handle);

/*
 * Copies between own frames and grants, n operations; each op's status field holds a PV_GNTST_*
 * afterwards. 0: all of them are okay; else the first failed one's pv_gnttab_error(), or the
 * hypercall's own error (then no status is valid). The caller fills in the ops as in the ABI.
 */
int pv_gnttab_copy(struct pv *pv, struct pv_gnttab_copy *op, unsigned n);

/* PV_GNTST_* to 0 or -PV_E*. */
int pv_gnttab_error(int16_t status);

#endif
