/*
 * Block frontend: handshake, close, suspend and resume.
 *
 * Trust: the backend's keys are hostile: what is absent, no number, or out of range is taken as
 * not offered; a disk without a usable size does not connect.
 */
#include <pv/abi/io/protocols.h>
#include <pv/abi/io/xenbus.h>
#include "../../libpv/common/keys.h"
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"
#include "internal.h"

#define SECTOR	      512u
#define DEFAULT_SEGS  32u
#define DEFAULT_GREFS 1024u
#define DEFAULT_IND   16u

int pv_blkfront_init(struct pv_blkfront *f, const struct pv_front_bus *bus,
		     const struct pv_blkfront_config *cfg, void (*event)(void *arg), void *arg)
{
	memset(f, 0, sizeof(*f));
	f->bus = bus;
	f->cfg = *cfg;
	f->event = event;
	f->event_arg = arg;
	f->state = PV_XenbusStateInitialising;
	if (f->cfg.max_segs == 0)
		f->cfg.max_segs = DEFAULT_SEGS;
	if (f->cfg.indirect == 0)
		f->cfg.indirect = DEFAULT_IND;
	if (f->cfg.ring_order > 4 || f->cfg.max_segs > PV_BLKFRONT_MAX_SEGS ||
	    f->cfg.indirect > 1024 || f->cfg.grefs > 65536)
		return -PV_EINVAL;
	return 0;
}

static uint32_t less(uint64_t a, uint64_t b)
{
	return (uint32_t)(a < b ? a : b);
}

/* Ring pages, formatted and granted. */
static int make_ring(struct pv_blkfront *f)
{
	uint64_t order = pv_front_read_u64(f->bus, "max-ring-page-order", 16, 0);
	uint32_t i, n = 1u << less(order, f->cfg.ring_order);
	int rc;

	f->ring_pages = f->bus->pages_alloc(f->bus->ctx, n);
	if (!f->ring_pages)
		return -PV_ENOMEM;
	f->nr_ring_pages = n;
	rc = f->bus->gref_alloc(f->bus->ctx, f->ring_ref, n);
	if (rc < 0)
		return rc;
	f->nr_ring_refs = n;
	pv_ring_front_init(&f->ring, f->ring_pages, n * PAGE, sizeof(struct pv_blkif_request));
	for (i = 0; i < n; i++)
		f->bus->permit(f->bus->ctx, f->ring_ref[i], f->ring_pages + i * PAGE, false);
	return 0;
}

/* The tables; everything in them is free. ind: pages for indirect segments to come. */
static int make_tables(struct pv_blkfront *f, uint32_t segs, uint32_t ind)
{
	uint32_t slots = f->ring.nr, want = f->cfg.grefs, i;
	uint64_t bytes;

	if (want == 0)
		want = less((uint64_t)slots * PV_BLKIF_MAX_SEGMENTS_PER_REQUEST, DEFAULT_GREFS);
	if (want < segs)
		want = segs;
	bytes = slots * sizeof(*f->slot) + want * sizeof(*f->gref) +
		2ull * ind * sizeof(*f->ind_ref);
	f->mem_pages = (uint32_t)((bytes + PAGE - 1) / PAGE);
	f->mem = f->bus->pages_alloc(f->bus->ctx, f->mem_pages);
	if (!f->mem)
		return -PV_ENOMEM;
	f->slot = (struct pv_blkfront_slot *)f->mem;
	f->gref = (struct pv_blkfront_gref *)(f->slot + slots);
	f->ind_ref = (uint32_t *)(f->gref + want);
	f->ind_next = f->ind_ref + ind;

	for (i = 0; i < slots; i++)
		f->slot[i].next = i + 1 < slots ? i + 1 : NONE;
	f->nr_slots = slots;
	f->free_slot = 0;

	/* References may be scarce: do with fewer, as long as one request of every size fits. */
	for (i = 0; i < want; i++) {
		if (f->bus->gref_alloc(f->bus->ctx, &f->gref[i].ref, 1) < 0)
			break;
		f->gref[i].next = f->free_gref;
		f->gref[i].granted = false;
		f->free_gref = i;
	}
	f->nr_grefs = f->nr_free_gref = i;
	return i < segs ? -PV_ENOSPC : 0;
}

/* A page for each reference, if the backend keeps maps. */
static int make_pool(struct pv_blkfront *f)
{
	f->info.persistent =
		f->cfg.persistent && pv_front_read_u64(f->bus, "feature-persistent", 1, 0);
	if (!f->info.persistent)
		return 0;
	f->pool = f->bus->pages_alloc(f->bus->ctx, f->nr_grefs);
	f->pool_pages = f->nr_grefs;
	return f->pool ? 0 : -PV_ENOMEM;
}

/* Gives the pool back; a page that the backend still maps keeps all of it. */
static void drop_pool(struct pv_blkfront *f)
{
	uint32_t i, busy = 0;

	for (i = 0; f->pool && i < f->nr_grefs; i++)
		if (f->gref[i].granted)
			busy += f->bus->revoke(f->bus->ctx, f->gref[i].ref) < 0;
	if (f->pool && !busy)
		f->bus->pages_free(f->bus->ctx, f->pool, f->pool_pages);
	f->pool = NULL;
}

/* Pages for indirect segments: granted once, for as long as the device is connected. */
static int make_indirect(struct pv_blkfront *f, uint32_t n)
{
	uint32_t i;
	int rc;

	f->ind_page = f->bus->pages_alloc(f->bus->ctx, n);
	if (!f->ind_page)
		return -PV_ENOMEM;
	f->nr_ind = n;
	rc = f->bus->gref_alloc(f->bus->ctx, f->ind_ref, n);
	if (rc < 0)
		return rc;
	f->have_ind_refs = true;
	f->free_ind = 0;
	for (i = 0; i < n; i++) {
		f->ind_next[i] = i + 1 < n ? i + 1 : NONE;
		f->bus->permit(f->bus->ctx, f->ind_ref[i], f->ind_page + (uint64_t)i * PAGE, true);
	}
	return 0;
}

static void add_key(struct pv_front_key *key, char value[12], const char *name, uint32_t v)
{
	char digits[PV_VALUE_LEN];

	memcpy(value, pv_key_u64(digits, v), 12);
	key->key = name;
	key->value = value;
}

/*
 * A single page goes by both names: every backend knows ring-ref, and the order is written even if it is 0,
 * because one of an earlier life may be there.
 */
static int write_keys(struct pv_blkfront *f, int state)
{
	char name[PV_BLKFRONT_MAX_RING_PAGES][PV_KEY_LEN];
	char value[PV_BLKFRONT_MAX_RING_PAGES + 4][12];
	struct pv_front_key key[PV_BLKFRONT_MAX_RING_PAGES + 5];
	uint32_t i, n = 0, order = 0;

	while (1u << order < f->nr_ring_pages)
		order++;
	for (i = 0; i < f->nr_ring_pages; i++, n++)
		add_key(&key[n], value[n], pv_key_indexed(name[i], "ring-ref", i), f->ring_ref[i]);
	if (order == 0) {
		add_key(&key[n], value[n], "ring-ref", f->ring_ref[0]);
		n++;
	}
	add_key(&key[n], value[n], "ring-page-order", order);
	n++;
	add_key(&key[n], value[n], "event-channel", f->port);
	n++;
	/* Said even if not: one of an earlier life may be there. */
	add_key(&key[n], value[n], "feature-persistent", f->info.persistent);
	n++;
	key[n++] = (struct pv_front_key){"protocol", PV_XEN_IO_PROTO_ABI_NATIVE};
	return f->bus->publish(f->bus->ctx, key, n, state);
}

static int publish(void *self, int state)
{
	struct pv_blkfront *f = self;
	uint64_t offered =
		pv_front_read_u64(f->bus, "feature-max-indirect-segments", UINT32_MAX, 0);
	uint32_t ind = 0;
	int rc;

	f->free_slot = f->free_gref = f->free_ind = NONE;
	if (offered < PV_BLKIF_MAX_SEGMENTS_PER_REQUEST)
		offered = PV_BLKIF_MAX_SEGMENTS_PER_REQUEST;
	f->info.max_segs = less(offered, f->cfg.max_segs);
	rc = make_ring(f);
	if (rc == 0 && f->info.max_segs > PV_BLKIF_MAX_SEGMENTS_PER_REQUEST)
		ind = less(f->cfg.indirect, f->ring.nr);
	if (rc == 0)
		rc = make_tables(f, f->info.max_segs, ind);
	if (rc == 0)
		rc = make_pool(f);
	if (rc == 0 && ind)
		rc = make_indirect(f, ind);
	if (rc == 0)
		rc = f->bus->evtchn_alloc(f->bus->ctx, f->event, f->event_arg, &f->port);
	if (rc < 0)
		return rc;
	f->have_port = true;
	return write_keys(f, state);
}

static int connect(void *self)
{
	struct pv_blkfront *f = self;
	const struct pv_front_bus *bus = f->bus;
	struct pv_blkfront_info *i = &f->info;
	uint64_t flags = pv_front_read_u64(bus, "info", UINT32_MAX, 0);

	i->sectors = pv_front_read_u64(bus, "sectors", UINT64_MAX / SECTOR, 0);
	i->sector_size = (uint32_t)pv_front_read_u64(bus, "sector-size", PAGE, SECTOR);
	if (i->sectors == 0 || i->sector_size < SECTOR || (i->sector_size & (i->sector_size - 1))) {
		pv_blkfront_break(f, "the disk has no usable size");
		return -PV_EPROTO;
	}
	i->physical_sector_size = (uint32_t)pv_front_read_u64(bus, "physical-sector-size",
							      UINT32_MAX, i->sector_size);
	i->slots = f->ring.nr;
	i->readonly = flags & PV_VDISK_READONLY;
	i->cdrom = flags & PV_VDISK_CDROM;
	i->removable = flags & PV_VDISK_REMOVABLE;
	i->flush = pv_front_read_u64(bus, "feature-flush-cache", 1, 0);
	i->discard = pv_front_read_u64(bus, "feature-discard", 1, 0);
	i->discard_granularity =
		(uint32_t)pv_front_read_u64(bus, "discard-granularity", UINT32_MAX, i->sector_size);
	i->discard_alignment = (uint32_t)pv_front_read_u64(bus, "discard-alignment", UINT32_MAX, 0);
	f->ready = true;
	return 0;
}

/* Gives back rings, tables and pages; nothing is in flight any more. */
static void release(struct pv_blkfront *f, bool close_port)
{
	uint32_t i;

	f->ready = false;
	if (f->have_port && close_port)
		f->bus->evtchn_close(f->bus->ctx, f->port);
	f->have_port = false;
	pv_front_release_pages(f->bus, f->ind_page, f->ind_ref, f->have_ind_refs ? f->nr_ind : 0,
			       f->nr_ind);
	drop_pool(f);
	for (i = 0; i < f->nr_grefs; i++)
		if (f->gref[i].ref != PV_FRONT_NO_GREF)
			f->bus->gref_free(f->bus->ctx, &f->gref[i].ref, 1);
	if (f->mem)
		f->bus->pages_free(f->bus->ctx, f->mem, f->mem_pages);
	pv_front_release_pages(f->bus, f->ring_pages, f->ring_ref, f->nr_ring_refs,
			       f->nr_ring_pages);
	f->ind_page = f->mem = f->ring_pages = NULL;
	f->slot = NULL;
	f->gref = NULL;
	f->ind_ref = f->ind_next = NULL;
	f->nr_ind = f->nr_grefs = f->nr_slots = f->nr_ring_refs = f->nr_ring_pages = f->mem_pages =
		0;
	f->have_ind_refs = false;
}

/* What was carried over a suspend and never went out again. */
static void fail_again(struct pv_blkfront *f)
{
	while (f->again) {
		struct pv_blkfront_req *req = f->again;

		f->again = req->next;
		req->status = -PV_EIO;
		if (req->done)
			req->done(req);
	}
}

static void disconnect(void *self)
{
	struct pv_blkfront *f = self;

	f->ready = false;
	pv_blkfront_fail_all(f);
	fail_again(f);
	release(f, true);
}

static struct pv_front_device device(struct pv_blkfront *f)
{
	return (struct pv_front_device){.bus = f->bus,
					.self = f,
					.published = PV_XenbusStateInitialised,
					.publish = publish,
					.connect = connect,
					.disconnect = disconnect};
}

int pv_blkfront_step(struct pv_blkfront *f)
{
	struct pv_front_device d = device(f);
	bool was_ready = f->ready;
	int rc = pv_front_advance(&d, &f->state, &f->announced, f->broken);

	if (rc != PV_FRONT_CONNECTED)
		return rc;
	if (!was_ready)
		pv_blkfront_send_again(f);
	else
		/* The backend tells a new size by writing its state again. */
		f->info.sectors =
			pv_front_read_u64(f->bus, "sectors", UINT64_MAX / SECTOR, f->info.sectors);
	return rc;
}

int pv_blkfront_close(struct pv_blkfront *f)
{
	struct pv_front_device d = device(f);

	f->ready = false;
	return pv_front_close(&d, &f->state);
}

void pv_blkfront_suspend(struct pv_blkfront *f)
{
	f->suspended = true;
}

void pv_blkfront_unsuspend(struct pv_blkfront *f)
{
	f->suspended = false;
}

int pv_blkfront_resume(struct pv_blkfront *f)
{
	f->suspended = false;
	if (f->broken)
		return -PV_EPROTO;
	pv_blkfront_carry(f);
	/* The port died with the old domain; its number may be somebody else's now. */
	release(f, false);
	f->announced = false;
	f->state = PV_XenbusStateInitialising;
	return 0;
}

void pv_blkfront_destroy(struct pv_blkfront *f)
{
	disconnect(f);
}
