/*
 * Grant table of a guest, version 1: references, lending, and the table's growth.
 *
 * The hypervisor is trusted. A peer reaches an entry only through the hypervisor, which marks it in
 * use at any moment: entries change by the transitions of common/gnttab.h only.
 */
#include "internal.h"
#include "../common/gnttab.h"
#include <pv/abi/grant_table.h>
#include <pv/abi/memory.h>

#define REFS	    PV_GNTTAB_REFS_PER_FRAME
#define FRAME_WORDS (REFS / 64u) /* of free_bits that a frame adds */
#define FIRST	    PV_GNTTAB_NR_RESERVED_ENTRIES

static int gnttab_op(struct pv *pv, unsigned op, void *arg, unsigned n)
{
	return (int)pv_hypercall3(pv, PV_HYPERVISOR_grant_table_op, op, handle(arg), n);
}

/* The entry of a reference that alloc gave out and free has not taken back, or NULL. */
static uint64_t *entry(const struct pv *pv, uint32_t ref)
{
	const struct pv_gnttab *gt = &pv->gnttab;

	if (ref < FIRST || ref >= LOAD(&gt->nr_frames) * REFS || pv_bit_test(gt->free_bits, ref))
		return NULL;
	return &gt->frame[ref / REFS][ref % REFS];
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

	for (i = 0; i < PV_GNTTAB_MAX_FRAMES * FRAME_WORDS / 64; i++) {
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

/* Classic PV: the hypervisor names the machine frames of the table. */
static void *map_frame(struct pv *pv, uint32_t index)
{
	uint64_t list[PV_GNTTAB_MAX_FRAMES];
	struct pv_gnttab_setup_table s = {
		.dom = PV_DOMID_SELF, .nr_frames = index + 1, .frame_list = handle(list)};

	if (gnttab_op(pv, PV_GNTTABOP_setup_table, &s, 1) || s.status != PV_GNTST_okay)
		return NULL;
	return pv->os.map_gfn(pv->os.ctx, &list[index], 1, PV_MAP_WRITE);
}

/* Adds frame number index, unless another CPU already has. */
static int grow(struct pv *pv, uint32_t index)
{
	struct pv_gnttab *gt = &pv->gnttab;
	int translated = pv_is_translated(pv), rc = 0;
	void *page = NULL;
	unsigned long flags;
	uint32_t ref;

	if (index >= gt->max_frames)
		return -PV_ENOSPC;
	if (translated) {
		page = page_alloc(pv);
		if (!page)
			return -PV_ENOMEM;
	}
	flags = pv_lock(pv);
	if (gt->nr_frames > index)
		goto out;
	if (translated)
		rc = pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table, index,
				       pv->os.va_to_gfn(pv->os.ctx, page));
	else
		page = map_frame(pv, index);
	if (rc || !page) {
		rc = rc ? rc : -PV_ENOMEM;
		goto out;
	}
	gt->frame[index] = page;
	page = NULL;
	/* Partner: entry() loads nr_frames; it may see the new references only after their frame.
	 */
	__atomic_store_n(&gt->nr_frames, index + 1, __ATOMIC_RELEASE);
	for (ref = index * REFS; ref < (index + 1) * REFS; ref++)
		if (ref >= FIRST)
			set_free(gt, ref);
out:
	pv_unlock(pv, flags);
	if (page && translated)
		page_free(pv, page);
	return rc;
}

int pv_gnttab_init(struct pv *pv)
{
	struct pv_gnttab_query_size q = {.dom = PV_DOMID_SELF};
	struct pv_gnttab *gt = &pv->gnttab;
	struct pv_gnttab_set_version v = {.version = 1};
	int rc;

	if (gt->free_bits)
		return -PV_EBUSY;
	rc = gnttab_op(pv, PV_GNTTABOP_query_size, &q, 1);
	if (rc)
		return rc;
	if (q.status != PV_GNTST_okay)
		return pv_gnttab_error(q.status);
	/* An earlier kernel may have chosen version 2; a host that knows only one may refuse to
	 * say. */
	rc = gnttab_op(pv, PV_GNTTABOP_set_version, &v, 1);
	if (rc && rc != -PV_ENOSYS && rc != -PV_EPERM)
		return rc;
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
	uint64_t *e = entry(pv, ref);
	int rc = 0;

	if (!e)
		rc = -PV_EINVAL;
	else if (pv_gnttab_v1_flags(e) != PV_GTF_invalid)
		rc = -PV_EBUSY;
	else
		set_free(&pv->gnttab, ref);
	pv_unlock(pv, flags);
	return rc;
}

int pv_gnttab_permit(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags)
{
	uint64_t *e = entry(pv, ref);

	if (!e)
		return -PV_EINVAL;
	if (gfn > UINT32_MAX)
		return -PV_ERANGE;
	if (pv_gnttab_v1_flags(e) != PV_GTF_invalid)
		return -PV_EBUSY;
	pv_gnttab_v1_grant(e, peer, (uint32_t)gfn, flags & PV_GRANT_RO);
	return 0;
}

int pv_gnttab_revoke(struct pv *pv, uint32_t ref)
{
	uint64_t *e = entry(pv, ref);

	return e ? pv_gnttab_v1_end(e) : -PV_EINVAL;
}

int pv_gnttab_in_use(const struct pv *pv, uint32_t ref)
{
	const uint64_t *e = entry(pv, ref);

	return e && (pv_gnttab_v1_flags(e) & (PV_GTF_reading | PV_GTF_writing));
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
