/*
 * Grants, the backend's side: map, unmap, read, write.
 *
 * Backends are trusted to name the domain they act for; the granting guest is hostile. A pointer
 * given out stays good until unmap, because the entry stays pinned and the guest's memory does
 * not move.
 */
#include "access.h"
#include "domain.h"

static int map_locked(struct pv_domain *d, uint16_t domid, uint32_t ref, unsigned flags,
		      struct pv_grant_map *map)
{
	bool readonly = flags & PV_GRANT_READONLY;
	struct pv_map_state *m = pv_domain_map_new(d);
	struct pv_grant_use use;
	int rc;

	if (!m)
		return PV_GNTST_no_space;
	rc = pv_domain_grant_pin(d, domid, ref, readonly, true, &use);
	if (rc) {
		pv_domain_map_put(d, m);
		return rc;
	}
	pv_domain_map_use(d, m, PV_MAP_HOST);
	m->readonly = readonly;
	m->domid = domid;
	m->ref = ref;
	m->gfn = use.gfn;
	m->gpa = 0;
	map->ptr = use.page;
	map->gfn = use.gfn;
	map->handle = m->handle;
	map->flags = flags & PV_GRANT_READONLY;
	return 0;
}

static int unmap_locked(struct pv_domain *d, uint16_t domid, const struct pv_grant_map *map)
{
	struct pv_map_state *m = pv_domain_map_get(d, map->handle);

	if (!m || m->kind != PV_MAP_HOST || m->domid != domid || m->gfn != map->gfn)
		return PV_GNTST_bad_handle;
	pv_domain_grant_unpin(d, m->ref, m->readonly);
	pv_domain_map_put(d, m);
	return PV_GNTST_okay;
}

int pv_domain_grant_map(struct pv_domain *d, uint16_t domid, uint32_t ref, unsigned flags,
			struct pv_grant_map *map)
{
	int rc;

	pv_domain_enter(d);
	rc = map_locked(d, domid, ref, flags, map);
	pv_domain_leave(d);
	return rc;
}

int pv_domain_grant_unmap(struct pv_domain *d, uint16_t domid, const struct pv_grant_map *map)
{
	int rc;

	pv_domain_enter(d);
	rc = unmap_locked(d, domid, map);
	pv_domain_leave(d);
	return rc;
}

/* Gives the lock up for a moment before item i of a batch, now and then. */
static void breathe(struct pv_domain *d, uint32_t i)
{
	if (i && i % PV_BATCH == 0) {
		pv_domain_leave(d);
		pv_domain_enter(d);
	}
}

uint32_t pv_domain_grant_map_batch(struct pv_domain *d, uint16_t domid, struct pv_grant_batch *op,
				   uint32_t n)
{
	uint32_t i, failed = 0;

	pv_domain_enter(d);
	for (i = 0; i < n; i++) {
		breathe(d, i);
		op[i].status = map_locked(d, domid, op[i].ref, op[i].map.flags, &op[i].map);
		failed += op[i].status != 0;
	}
	pv_domain_leave(d);
	return failed;
}

uint32_t pv_domain_grant_unmap_batch(struct pv_domain *d, uint16_t domid, struct pv_grant_batch *op,
				     uint32_t n)
{
	uint32_t i, failed = 0;

	pv_domain_enter(d);
	for (i = 0; i < n; i++) {
		breathe(d, i);
		op[i].status = unmap_locked(d, domid, &op[i].map);
		failed += op[i].status != 0;
	}
	pv_domain_leave(d);
	return failed;
}

/* Pins what op names; *at: its bytes, *gfn: their page. */
static int copy_begin(struct pv_domain *d, uint16_t domid, const struct pv_grant_copy *op,
		      unsigned char **at, uint64_t *gfn)
{
	struct pv_grant_use use;
	int rc;

	if (op->offset > PV_PAGE || op->len > PV_PAGE - op->offset)
		return PV_GNTST_bad_copy_arg;
	rc = pv_domain_grant_pin(d, domid, op->ref, !op->to_grant, false, &use);
	if (rc)
		return rc;
	if (op->offset < use.offset || op->offset + op->len > use.offset + use.length) {
		pv_domain_grant_unpin(d, op->ref, !op->to_grant);
		return PV_GNTST_general_error; /* beyond the part of the page that is lent */
	}
	*at = use.page + op->offset;
	*gfn = use.gfn;
	return PV_GNTST_okay;
}

static void copy_end(struct pv_domain *d, const struct pv_grant_copy *op, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (!op[i].status)
			pv_domain_grant_unpin(d, op[i].ref, !op[i].to_grant);
}

/* With or without the lock: the pages are pinned, and nothing else here is the domain's. */
static void copy_bytes(const struct pv_grant_copy *op, unsigned char *const *at, uint32_t n)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		if (op[i].status)
			continue;
		if (op[i].to_grant)
			pv_shared_write(at[i], op[i].local, op[i].len);
		else
			pv_shared_read(op[i].local, at[i], op[i].len);
	}
}

/* No page changes its meaning meanwhile (pv_domain_gfn_mapped), and what was written counts as written once more: a collect may have come between. */
static void copy_unlocked(struct pv_domain *d, const struct pv_grant_copy *op,
			  unsigned char *const *at, const uint64_t *gfn, uint32_t n)
{
	struct pv_copying mine = {.next = d->copying, .gfn = gfn, .n = n};
	const struct pv_copying **p;
	uint32_t i;

	d->copying = &mine;
	pv_domain_leave(d);
	copy_bytes(op, at, n);
	pv_domain_enter(d);
	for (p = &d->copying; *p != &mine;)
		p = (const struct pv_copying **)&(*p)->next;
	*p = mine.next;
	for (i = 0; i < n; i++)
		if (!op[i].status && op[i].to_grant)
			(void)pv_domain_page(d, gfn[i], 1);
}

uint32_t pv_domain_grant_copy_batch(struct pv_domain *d, uint16_t domid, struct pv_grant_copy *op,
				    uint32_t n)
{
	unsigned char *at[PV_BATCH];
	uint64_t gfn[PV_BATCH];
	uint32_t i, now, bytes, failed = 0;

	for (; n; op += now, n -= now) {
		now = n < PV_BATCH ? n : PV_BATCH;
		bytes = 0;
		pv_domain_enter(d);
		for (i = 0; i < now; i++) {
			gfn[i] = PV_NO_GPA;
			op[i].status = copy_begin(d, domid, &op[i], &at[i], &gfn[i]);
			failed += op[i].status != 0;
			bytes += op[i].status ? 0 : op[i].len;
		}
		/* A page is copied sooner than a lock is given up and taken again. */
		if (bytes > PV_PAGE)
			copy_unlocked(d, op, at, gfn, now);
		else
			copy_bytes(op, at, now);
		copy_end(d, op, now);
		pv_domain_leave(d);
	}
	return failed;
}

int pv_domain_grant_read(struct pv_domain *d, uint16_t domid, uint32_t ref, uint32_t offset,
			 void *buf, uint32_t len)
{
	struct pv_grant_copy op = {.ref = ref, .offset = offset, .len = len, .local = buf};

	(void)pv_domain_grant_copy_batch(d, domid, &op, 1);
	return op.status;
}

int pv_domain_grant_write(struct pv_domain *d, uint16_t domid, uint32_t ref, uint32_t offset,
			  const void *buf, uint32_t len)
{
	struct pv_grant_copy op = {.ref = ref,
				   .offset = offset,
				   .len = len,
				   .to_grant = true,
				   .local = (void *)(uintptr_t)buf};

	(void)pv_domain_grant_copy_batch(d, domid, &op, 1);
	return op.status;
}

int pv_domain_grant_seed(struct pv_domain *d, uint32_t ref, uint16_t domid, uint64_t gfn)
{
	int rc;

	pv_domain_enter(d);
	rc = pv_domain_grant_seed_locked(d, ref, domid, gfn);
	pv_domain_leave(d);
	return rc;
}

void pv_domain_grant_settle(struct pv_domain *d)
{
	uint32_t i;

	pv_domain_enter(d);
	for (i = 0; i < d->nr_map_slots; i++) {
		struct pv_map_state *m = pv_domain_map_at(d, i);

		if (m->kind != PV_MAP_CARRIED)
			continue;
		pv_domain_grant_unpin(d, m->ref, m->readonly);
		pv_domain_map_put(d, m);
	}
	pv_domain_leave(d);
}
