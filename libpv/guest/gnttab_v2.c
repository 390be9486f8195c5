/*
 * Grant table of a guest in version 2: status frames, frame numbers of more than 32 bits, parts of
 * pages. Linked only into a kernel that asks for it.
 *
 * The hypervisor is trusted, and it alone writes status frames, at any moment.
 */
#include "internal.h"
#include "gnttab.h"
#include <pv/abi/memory.h>

static void *map_status(struct pv *pv, uint32_t index, uint32_t n)
{
	uint64_t list[PV_GNTTAB_MAX_FRAMES];
	struct pv_gnttab_get_status_frames s = {
		.dom = PV_DOMID_SELF, .nr_frames = n + 1, .frame_list = handle(list)};

	/* The table grows first: there are status frames for its entries only. */
	if (pv_gnttab_setup(pv, index, list) ||
	    pv_gnttab_op(pv, PV_GNTTABOP_get_status_frames, &s, 1) || s.status != PV_GNTST_okay)
		return NULL;
	return pv->os.map_gfn(pv->os.ctx, &list[n], 1, 0);
}

/* Translated: the hypervisor's page replaces *spare, which is then used up. The lock is held. */
static int add_status(struct pv *pv, uint32_t index, uint32_t n, void **spare)
{
	void *page = *spare;
	int rc;

	if (pv_is_translated(pv)) {
		rc = pv_add_to_physmap(pv, PV_XENMAPSPACE_grant_table,
				       n | PV_XENMAPIDX_grant_table_status,
				       pv->os.va_to_gfn(pv->os.ctx, page));
		if (rc)
			return rc;
		*spare = NULL;
	} else {
		page = map_status(pv, index, n);
		if (!page)
			return -PV_ENOMEM;
	}
	/* The release of nr_frames publishes it. */
	STORE(&pv->gnttab.status[n], page);
	return 0;
}

static int cover(struct pv *pv, uint32_t index)
{
	uint32_t n = index * PV_GNTTAB_V2_ENTRIES / PV_GNTTAB_STATUSES;
	struct pv_gnttab *gt = &pv->gnttab;
	void *spare = NULL;
	unsigned long flags;
	int rc = 0;

	if (LOAD(&gt->status[n]))
		return 0;
	if (pv_is_translated(pv)) {
		spare = page_alloc(pv);
		if (!spare)
			return -PV_ENOMEM;
	}
	flags = pv_lock(pv);
	if (!gt->status[n])
		rc = add_status(pv, index, n, &spare);
	pv_unlock(pv, flags);
	if (spare)
		page_free(pv, spare);
	return rc;
}

static const uint16_t *status(const struct pv *pv, uint32_t ref)
{
	return &pv->gnttab.status[ref / PV_GNTTAB_STATUSES][ref % PV_GNTTAB_STATUSES];
}

static void grant(uint64_t *entry, uint16_t peer, uint64_t gfn, unsigned flags)
{
	pv_gnttab_v2_grant(entry, peer, gfn, flags & PV_GRANT_RO, 0, 0);
}

static int end(const struct pv *pv, uint32_t ref, uint64_t *entry)
{
	return pv_gnttab_v2_end(entry, status(pv, ref));
}

static uint16_t use(const struct pv *pv, uint32_t ref)
{
	return __atomic_load_n(status(pv, ref), __ATOMIC_ACQUIRE);
}

static const struct pv_gnttab_v2 v2 = {.cover = cover, .grant = grant, .end = end, .use = use};

/* Frame numbers that version 1 cannot hold? */
static int needs_wide(struct pv *pv)
{
	struct pv_memory_domain d = {.domid = PV_DOMID_SELF};
	unsigned op = pv_is_translated(pv) ? PV_XENMEM_maximum_gpfn : PV_XENMEM_maximum_ram_page;

	return pv_hypercall2(pv, PV_HYPERVISOR_memory_op, op, handle(&d)) > (int64_t)UINT32_MAX;
}

int pv_gnttab_init_version(struct pv *pv, unsigned version)
{
	int rc;

	if (version > 2)
		return -PV_EINVAL;
	if (version == 1 || (!version && !needs_wide(pv)))
		return pv_gnttab_start(pv, NULL);
	rc = pv_gnttab_start(pv, &v2);
	/* Needed, but nobody insists on it: a host without it serves the memory below. */
	if (!version && (rc == -PV_ENOSYS || rc == -PV_EPERM))
		rc = pv_gnttab_start(pv, NULL);
	return rc;
}

int pv_gnttab_permit_part(struct pv *pv, uint32_t ref, uint16_t peer, uint64_t gfn, unsigned flags,
			  unsigned offset, unsigned length)
{
	uint64_t *entry;

	if (!pv->gnttab.v2)
		return -PV_EOPNOTSUPP;
	if (!length || offset >= PV_PAGE_SIZE || length > PV_PAGE_SIZE - offset)
		return -PV_EINVAL;
	entry = pv_gnttab_entry(pv, ref);
	if (!entry)
		return -PV_EINVAL;
	if (pv_gnttab_flags(entry) != PV_GTF_invalid)
		return -PV_EBUSY;
	pv_gnttab_v2_grant(entry, peer, gfn, flags & PV_GRANT_RO, (uint16_t)offset,
			   (uint16_t)length);
	return 0;
}
