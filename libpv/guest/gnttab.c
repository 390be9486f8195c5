/*
 * Grant table of a guest: references, lending, and the table's growth.
 *
 * The hypervisor is trusted. A peer reaches an entry only through the hypervisor, which marks it in
 * use at any moment: entries change by the transitions of common/gnttab.h only.
 */
#include "internal.h"
#include "../common/gnttab.h"
#include <pv/abi/grant_table.h>
#include <pv/abi/memory.h>

#define MAX_WORDS 512u /* of free_bits, with 64 frames of version 1 */
#define FIRST	  PV_GNTTAB_NR_RESERVED_ENTRIES

/* Where a reference lives. status: version 2, else NULL. */
struct place {
	uint64_t *entry;
	const uint16_t *status;
};

static int gnttab_op(struct pv *pv, unsigned op, void *arg, unsigned n)
{
	return (int)pv_hypercall3(pv, PV_HYPERVISOR_grant_table_op, op, handle(arg), n);
}

static uint32_t refs_per_frame(const struct pv_gnttab *gt)
{
	return gt->version == 2 ? PV_GNTTAB_V2_ENTRIES : PV_GNTTAB_V1_ENTRIES;
}

/* Finds a reference that alloc gave out and free has not taken back: 1, or 0. */
static int find(const struct pv *pv, uint32_t ref, struct place *p)
{
	const struct pv_gnttab *gt = &pv->gnttab;
	uint32_t n = refs_per_frame(gt);

	/* Acquire: partner of the release in grow(), which comes after the frame's address. */
	if (ref < FIRST || ref >= __atomic_load_n(&gt->nr_frames, __ATOMIC_ACQUIRE) * n ||
	    pv_bit_test(gt->free_bits, ref))
		return 0;
	if (gt->version == 2) {
		p->entry = &gt->frame[ref / n][ref % n * 2];
		p->status = &gt->status[ref / PV_GNTTAB_STATUSES][ref % PV_GNTTAB_STATUSES];
	} else {
		p->entry = &gt->frame[ref / n][ref % n];
		p->status = NULL;
	}
	return 1;
}

static int permits_nothing(const struct place *p)
{
	return (p->status ? pv_gnttab_v2_flags(p->entry) : pv_gnttab_v1_flags(p->entry)) ==
	       PV_GTF_invalid;
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

/* Classic PV: the hypervisor names the machine frames of the table, which grows to this one. */
static void *map_frame(struct pv *pv, uint32_t index)
{
	uint64_t list[PV_GNTTAB_MAX_FRAMES];
	struct pv_gnttab_setup_table s = {
		.dom = PV_DOMID_SELF, .nr_frames = index + 1, .frame_list = handle(list)};

	if (gnttab_op(pv, PV_GNTTABOP_setup_table, &s, 1) || s.status != PV_GNTST_okay)
		return NULL;
	return pv->os.map_gfn(pv->os.ctx, &list[index], 1, PV_MAP_WRITE);
}

static void *map_status(struct pv *pv, uint32_t index)
{
	uint64_t list[PV_GNTTAB_MAX_STATUS_FRAMES];
	struct pv_gnttab_get_status_frames s = {
		.dom = PV_DOMID_SELF, .nr_frames = index + 1, .frame_list = handle(list)};

	if (gnttab_op(pv, PV_GNTTABOP_get_status_frames, &s, 1) || s.status != PV_GNTST_okay)
		return NULL;
	return pv->os.map_gfn(pv->os.ctx, &list[index], 1, 0);
}

/* Translated: the hypervisor's page replaces one of ours, in place; *page is then used up. */
static int place(struct pv *pv, uint64_t index, void **page, void **out)
{
	int rc = pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table, index,
				   pv->os.va_to_gfn(pv->os.ctx, *page));

	if (rc)
		return rc;
	*out = *page;
	*page = NULL;
	return 0;
}

/* Adds a frame, and before it the status frame that it needs; the lock is held. */
static int add_frame(struct pv *pv, uint32_t index, void **spare)
{
	struct pv_gnttab *gt = &pv->gnttab;
	uint32_t s = index * PV_GNTTAB_V2_ENTRIES / PV_GNTTAB_STATUSES;
	int translated = pv_is_translated(pv), rc = 0;
	void *page = NULL, *status = NULL;

	if (translated) {
		if (gt->version == 2 && !gt->status[s]) {
			rc = place(pv, s | PV_XENMAPIDX_grant_table_status, &spare[1], &status);
			if (rc)
				return rc;
			gt->status[s] = status;
		}
		rc = place(pv, index, &spare[0], &page);
	} else {
		page = map_frame(pv, index);
		if (page && gt->version == 2 && !gt->status[s])
			gt->status[s] = map_status(pv, s);
		if (!page || (gt->version == 2 && !gt->status[s]))
			rc = -PV_ENOMEM;
	}
	gt->frame[index] = page;
	return rc;
}

/* Adds frame number index, unless another CPU already has. */
static int grow(struct pv *pv, uint32_t index)
{
	struct pv_gnttab *gt = &pv->gnttab;
	uint32_t ref, n = refs_per_frame(gt);
	void *spare[2] = {NULL, NULL};
	unsigned long flags;
	int rc = 0;

	if (index >= gt->max_frames)
		return -PV_ENOSPC;
	if (pv_is_translated(pv)) {
		spare[0] = page_alloc(pv);
		if (gt->version == 2)
			spare[1] = page_alloc(pv);
		if (!spare[0] || (gt->version == 2 && !spare[1]))
			rc = -PV_ENOMEM;
	}
	flags = pv_lock(pv);
	if (!rc && gt->nr_frames <= index) {
		rc = add_frame(pv, index, spare);
		if (!rc) {
			/* Partner: find(); it may see the new references only after their frame. */
			__atomic_store_n(&gt->nr_frames, index + 1, __ATOMIC_RELEASE);
			for (ref = index * n; ref < (index + 1) * n; ref++)
				if (ref >= FIRST)
					set_free(gt, ref);
		}
	}
	pv_unlock(pv, flags);
	if (spare[0])
		page_free(pv, spare[0]);
	if (spare[1])
		page_free(pv, spare[1]);
	return rc;
}

/* Frame numbers that version 1 cannot hold? */
static int needs_wide(struct pv *pv)
{
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	unsigned op = pv_is_translated(pv) ? PV_XENMEM_maximum_gpfn : PV_XENMEM_maximum_ram_page;

	return pv_hypercall2(pv, PV_HYPERVISOR_memory_op, op, handle(&d)) > (int64_t)UINT32_MAX;
}

static int choose_version(struct pv *pv, unsigned version)
{
	struct pv_gnttab_set_version v = {.version = version};
	int rc;

	if (!version)
		v.version = needs_wide(pv) ? 2 : 1;
	/* Asked for even if it is 1: an earlier kernel may have chosen 2. */
	rc = gnttab_op(pv, PV_GNTTABOP_set_version, &v, 1);
	if (rc && version != 2 && (rc == -PV_ENOSYS || rc == -PV_EPERM))
		v.version = 1; /* a host that knows only one may refuse to say */
	else if (rc)
		return rc;
	pv->gnttab.version = v.version;
	return 0;
}

int pv_gnttab_init_version(struct pv *pv, unsigned version)
{
	struct pv_gnttab_query_size q = {.dom = PV_DOMID_SELF};
	struct pv_gnttab *gt = &pv->gnttab;
	int rc;

	if (gt->free_bits)
		return -PV_EBUSY;
	if (version > 2)
		return -PV_EINVAL;
	rc = gnttab_op(pv, PV_GNTTABOP_query_size, &q, 1);
	if (rc)
		return rc;
	if (q.status != PV_GNTST_okay)
		return pv_gnttab_error(q.status);
	/* Before any frame has a place: the host makes status frames, or takes them away. */
	rc = choose_version(pv, version);
	if (rc)
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

int pv_gnttab_init(struct pv *pv)
{
	return pv_gnttab_init_version(pv, 0);
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
	struct place p;
	int rc = 0;

	if (!find(pv, ref, &p))
		rc = -PV_EINVAL;
	else if (!permits_nothing(&p))
		rc = -PV_EBUSY;
	else
		set_free(&pv->gnttab, ref);
	pv_unlock(pv, flags);
	return rc;
}

static int permit(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags,
		  unsigned offset, unsigned length)
{
	struct place p;

	if (!find(pv, ref, &p))
		return -PV_EINVAL;
	if (!p.status && gfn > UINT32_MAX)
		return -PV_ERANGE;
	if (!permits_nothing(&p))
		return -PV_EBUSY;
	if (p.status)
		pv_gnttab_v2_grant(p.entry, peer, gfn, flags & PV_GRANT_RO, (uint16_t)offset,
				   (uint16_t)length);
	else
		pv_gnttab_v1_grant(p.entry, peer, (uint32_t)gfn, flags & PV_GRANT_RO);
	return 0;
}

int pv_gnttab_permit(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags)
{
	return permit(pv, ref, peer, gfn, flags, 0, 0);
}

int pv_gnttab_permit_part(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags,
			  unsigned offset, unsigned length)
{
	if (pv->gnttab.version != 2)
		return -PV_EOPNOTSUPP;
	if (!length || offset >= PV_PAGE_SIZE || length > PV_PAGE_SIZE - offset)
		return -PV_EINVAL;
	return permit(pv, ref, peer, gfn, flags, offset, length);
}

int pv_gnttab_revoke(struct pv *pv, uint32_t ref)
{
	struct place p;

	if (!find(pv, ref, &p))
		return -PV_EINVAL;
	return p.status ? pv_gnttab_v2_end(p.entry, p.status) : pv_gnttab_v1_end(p.entry);
}

int pv_gnttab_in_use(const struct pv *pv, uint32_t ref)
{
	struct place p;
	uint16_t flags;

	if (!find(pv, ref, &p))
		return 0;
	flags = p.status ? __atomic_load_n(p.status, __ATOMIC_ACQUIRE)
			 : pv_gnttab_v1_flags(p.entry);
	return (flags & (PV_GTF_reading | PV_GTF_writing)) != 0;
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
