/*
 * Grant table of a guest: references, lending, and the table's growth. What only version 2 needs is
 * reached through pv_gnttab.v2 alone: a kernel that does not ask for it does not link it.
 *
 * The hypervisor is trusted. A peer reaches an entry only through the hypervisor, which marks it in
 * use at any moment: entries change by the transitions of common/gnttab.h only.
 */
#include "internal.h"
#include "gnttab.h"
#include <pv/abi/memory.h>

#define MAX_WORDS 512u		       /* of free_bits, with 64 frames of version 1 */
#define WORDS	  PV_GNTTAB_V1_ENTRIES /* of entries in a frame */
#define FIRST	  PV_GNTTAB_NR_RESERVED_ENTRIES

int pv_gnttab_op(struct pv *pv, unsigned op, void *arg, unsigned n)
{
	return (int)pv_hypercall3(pv, PV_HYPERVISOR_grant_table_op, op, handle(arg), n);
}

uint64_t *pv_gnttab_entry(const struct pv *pv, uint32_t ref)
{
	const struct pv_gnttab *gt = &pv->gnttab;
	uint64_t word =
		(uint64_t)ref * gt->version; /* version 1: one word an entry, version 2: two */

	/* Acquire: partner of the release in grow(), which comes after the frame's address. */
	if (ref < FIRST || word / WORDS >= __atomic_load_n(&gt->nr_frames, __ATOMIC_ACQUIRE) ||
	    pv_bit_test(gt->free_bits, ref))
		return NULL;
	return &gt->frame[word / WORDS][word % WORDS];
}

static void set_free(struct pv_gnttab *gt, uint32_t ref)
{
	uint32_t w = ref / 64;

	pv_bit_set(gt->free_bits, ref);
	gt->free_words[w / 64] |= 1ull << w % 64;
	gt->nr_free++;
}

/* Takes a free reference; the lock is held. 0: there is none (a reserved number, never free). */
static uint32_t take_free(struct pv_gnttab *gt)
{
	unsigned i;

	for (i = 0; i < MAX_WORDS / 64; i++) {
		uint32_t w, ref;

		if (!gt->free_words[i])
			continue;
		w = i * 64 + lowest_bit(gt->free_words[i]);
		ref = w * 64 + lowest_bit(gt->free_bits[w]);
		pv_bit_clear(gt->free_bits, ref);
		if (!gt->free_bits[w])
			gt->free_words[i] &= ~(1ull << w % 64);
		gt->nr_free--;
		return ref;
	}
	return 0;
}

int pv_gnttab_setup(struct pv *pv, uint32_t index, uint64_t *list)
{
	struct pv_gnttab_setup_table s = {
		.dom = PV_DOMID_SELF, .nr_frames = index + 1, .frame_list = handle(list)};

	return pv_gnttab_op(pv, PV_GNTTABOP_setup_table, &s, 1) || s.status != PV_GNTST_okay
		       ? -PV_ENOMEM
		       : 0;
}

/* The frame's address, or NULL. Classic PV: the hypervisor names the machine frames of the table. */
static void *map_frame(struct pv *pv, uint32_t index)
{
	uint64_t list[PV_GNTTAB_MAX_FRAMES];

	return pv_gnttab_setup(pv, index, list)
		       ? NULL
		       : pv->os.map_gfn(pv->os.ctx, &list[index], 1, PV_MAP_WRITE);
}

/* Adds a frame; the lock is held. Translated: it takes the place of *spare, which is then used up. */
static int add_frame(struct pv *pv, uint32_t index, void **spare)
{
	void *page = *spare;
	int rc;

	if (pv_is_translated(pv)) {
		rc = pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table, index,
				       pv->os.va_to_gfn(pv->os.ctx, page));
		if (rc)
			return rc;
		*spare = NULL;
	} else {
		page = map_frame(pv, index);
		if (!page)
			return -PV_ENOMEM;
	}
	pv->gnttab.frame[index] = page;
	return 0;
}

/* Adds frame number index, unless another CPU already has. */
static int grow(struct pv *pv, uint32_t index)
{
	struct pv_gnttab *gt = &pv->gnttab;
	uint32_t ref, n;
	void *spare = NULL;
	unsigned long flags;
	int rc = 0;

	if (index >= gt->max_frames)
		return -PV_ENOSPC;
	if (gt->v2)
		rc = gt->v2->cover(pv, index);
	if (rc)
		return rc;
	if (pv_is_translated(pv)) {
		spare = page_alloc(pv);
		if (!spare)
			return -PV_ENOMEM;
	}
	n = WORDS / gt->version;
	flags = pv_lock(pv);
	if (gt->nr_frames <= index) {
		rc = add_frame(pv, index, &spare);
		if (!rc) {
			/* Partner: pv_gnttab_entry(); it may see references only after their frame. */
			__atomic_store_n(&gt->nr_frames, index + 1, __ATOMIC_RELEASE);
			for (ref = index ? index * n : FIRST; ref < (index + 1) * n; ref++)
				set_free(gt, ref);
		}
	}
	pv_unlock(pv, flags);
	if (spare)
		page_free(pv, spare);
	return rc;
}

int pv_gnttab_start(struct pv *pv, const struct pv_gnttab_v2 *v2)
{
	struct pv_gnttab_query_size q = {.dom = PV_DOMID_SELF};
	unsigned version = v2 ? 2 : 1;
	struct pv_gnttab_set_version v = {.version = version};
	struct pv_gnttab *gt = &pv->gnttab;
	int rc;

	if (gt->free_bits)
		return -PV_EBUSY;
	rc = pv_gnttab_op(pv, PV_GNTTABOP_query_size, &q, 1);
	if (rc)
		return rc;
	if (q.status != PV_GNTST_okay)
		return pv_gnttab_error(q.status);
	/*
	 * Before any frame has a place: the host makes status frames, or takes them away. Asked for
	 * even if it is 1: an earlier kernel may have chosen 2, and a host that knows only 1 may
	 * refuse to say so.
	 */
	rc = pv_gnttab_op(pv, PV_GNTTABOP_set_version, &v, 1);
	if (rc && (v2 || (rc != -PV_ENOSYS && rc != -PV_EPERM)))
		return rc;
	gt->version = version;
	gt->v2 = v2;
	gt->max_frames =
		q.max_nr_frames < PV_GNTTAB_MAX_FRAMES ? q.max_nr_frames : PV_GNTTAB_MAX_FRAMES;
	gt->free_bits = page_alloc(pv);
	if (!gt->free_bits)
		return -PV_ENOMEM;
	rc = grow(pv, 0);
	if (rc) {
		page_free(pv, gt->free_bits);
		gt->free_bits = NULL;
	}
	return rc;
}

int pv_gnttab_init(struct pv *pv)
{
	return pv_gnttab_start(pv, NULL);
}

int64_t pv_gnttab_alloc(struct pv *pv)
{
	struct pv_gnttab *gt = &pv->gnttab;

	if (!gt->free_bits)
		return -PV_ENOSYS;
	for (;;) {
		unsigned long flags = pv_lock(pv);
		uint32_t ref = take_free(gt), frames = gt->nr_frames;
		int rc;

		pv_unlock(pv, flags);
		if (ref)
			return ref;
		rc = grow(pv, frames);
		if (rc)
			return rc;
	}
}

int pv_gnttab_free(struct pv *pv, uint32_t ref)
{
	unsigned long flags = pv_lock(pv);
	uint64_t *entry = pv_gnttab_entry(pv, ref);
	int rc = 0;

	if (!entry)
		rc = -PV_EINVAL;
	else if (pv_gnttab_flags(entry) != PV_GTF_invalid)
		rc = -PV_EBUSY;
	else
		set_free(&pv->gnttab, ref);
	pv_unlock(pv, flags);
	return rc;
}

int pv_gnttab_permit(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags)
{
	const struct pv_gnttab_v2 *v2 = pv->gnttab.v2;
	uint64_t *entry = pv_gnttab_entry(pv, ref);

	if (!entry)
		return -PV_EINVAL;
	if (!v2 && gfn > UINT32_MAX)
		return -PV_ERANGE;
	if (pv_gnttab_flags(entry) != PV_GTF_invalid)
		return -PV_EBUSY;
	if (v2)
		v2->grant(entry, peer, gfn, flags);
	else
		pv_gnttab_v1_grant(entry, peer, (uint32_t)gfn, flags & PV_GRANT_RO);
	return 0;
}

int pv_gnttab_revoke(struct pv *pv, uint32_t ref)
{
	const struct pv_gnttab_v2 *v2 = pv->gnttab.v2;
	uint64_t *entry = pv_gnttab_entry(pv, ref);

	if (!entry)
		return -PV_EINVAL;
	return v2 ? v2->end(pv, ref, entry) : pv_gnttab_v1_end(entry);
}

int pv_gnttab_in_use(const struct pv *pv, uint32_t ref)
{
	const struct pv_gnttab_v2 *v2 = pv->gnttab.v2;
	const uint64_t *entry = pv_gnttab_entry(pv, ref);
	uint16_t flags;

	if (!entry)
		return 0;
	flags = v2 ? v2->use(pv, ref) : pv_gnttab_flags(entry);
	return (flags & PV_GNTTAB_IN_USE) != 0;
}

int64_t pv_gnttab_share(struct pv *pv, uint16_t peer, uint64_t gfn, unsigned flags)
{
	int64_t ref = pv_gnttab_alloc(pv);
	int rc;

	if (ref < 0)
		return ref;
	rc = pv_gnttab_permit(pv, (uint32_t)ref, peer, gfn, flags);
	if (rc) {
		pv_gnttab_free(pv, (uint32_t)ref);
		return rc;
	}
	return ref;
}

int pv_gnttab_end(struct pv *pv, uint32_t ref)
{
	int rc = pv_gnttab_revoke(pv, ref);

	return rc ? rc : pv_gnttab_free(pv, ref);
}
