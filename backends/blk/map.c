/*
 * Block backend: the memory of a request.
 *
 * Trust: references are the frontend's; the bus says which of them may be used. Either every segment
 * is mapped or none (XSA-361, XSA-362, XSA-365: half a batch), and each map that succeeded is
 * ended exactly once.
 */
#include "internal.h"

#define SECTOR 512u

/* The status of a map that is held in the table of kept ones; its handle is the place there. */
#define KEPT 1

void pv_blkback_unmap(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	const struct pv_back_bus *bus = q->back->bus;
	uint32_t i = 0, n;

	while (i < io->nr_map) {
		if (io->map[i].status == KEPT)
			pv_blkback_kept_put(q, (uint16_t)io->map[i].handle);
		/* In runs: one that failed, or is kept, may lie between them. */
		for (n = 0; i + n < io->nr_map && io->map[i + n].status == 0; n++)
			;
		if (n)
			bus->unmap(bus->ctx, &io->map[i], n);
		i += n ? n : 1;
	}
	io->nr_map = 0;
}

/* Maps the runs between the kept ones; returns how many failed. */
static uint32_t map_rest(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	const struct pv_back_bus *bus = q->back->bus;
	uint32_t i = 0, n, failed = 0;

	while (i < io->nr_map) {
		for (n = 0; i + n < io->nr_map && io->map[i + n].status != KEPT; n++)
			;
		if (n)
			failed += (uint32_t)bus->map(bus->ctx, &io->map[i], n);
		i += n ? n : 1;
	}
	return failed;
}

static void keep(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	uint32_t i;

	for (i = 0; i < io->nr_map; i++) {
		uint16_t kept = io->map[i].status == KEPT ? PV_BLKBACK_NOT_KEPT
							  : pv_blkback_kept_add(q, &io->map[i]);

		if (kept == PV_BLKBACK_NOT_KEPT)
			continue;
		io->map[i].status = KEPT;
		io->map[i].handle = kept;
	}
}

static void find_kept(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	uint32_t i;

	for (i = 0; i < io->nr_map; i++) {
		uint16_t kept = pv_blkback_kept_get(q, io->map[i].ref);

		if (kept == PV_BLKBACK_NOT_KEPT)
			continue;
		io->map[i].status = KEPT;
		io->map[i].handle = kept;
		io->map[i].va = pv_blkback_kept_va(q, kept);
		q->stats.reused++;
	}
}

/* The pieces that the disk sees: what lies side by side is one. */
static void describe(struct pv_blkback_io *io)
{
	uint32_t i;

	for (i = 0; i < io->nr_map; i++) {
		const struct pv_blkif_request_segment *s = &io->seg[i];
		uint8_t *base = (uint8_t *)io->map[i].va + s->first_sect * SECTOR;
		uint64_t len = (s->last_sect + 1u - s->first_sect) * SECTOR;
		struct pv_iov *last = io->nr_iov ? &io->iov[io->nr_iov - 1] : NULL;

		if (last && (uint8_t *)last->base + last->len == base)
			last->len += len;
		else
			io->iov[io->nr_iov++] = (struct pv_iov){.base = base, .len = len};
	}
}

int pv_blkback_map(struct pv_blkback_queue *q, struct pv_blkback_io *io)
{
	/* A page that stays mapped serves reads and writes: such a frontend grants it for both. */
	bool persistent = q->back->conn.persistent;
	bool readonly = !persistent && io->io.op != PV_BLK_READ;
	uint32_t i;

	for (i = 0; i < io->nr_map; i++)
		io->map[i] = (struct pv_back_map){
			.ref = io->seg[i].gref, .readonly = readonly, .status = -PV_EINVAL};
	if (persistent)
		find_kept(q, io);
	if (map_rest(q, io)) {
		pv_blkback_unmap(q, io);
		return -PV_EIO;
	}
	if (persistent)
		keep(q, io);
	describe(io);
	return 0;
}
