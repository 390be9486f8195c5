/*
 * Block backend, private: a request in progress, and what the files of the backend share.
 */
#ifndef PV_BLKBACK_INTERNAL_H
#define PV_BLKBACK_INTERNAL_H

#include <pv/abi/io/blkif.h>
#include <pv/back/blk.h>

/*
 * A request at the disk. Three arrays of cfg-dependent length follow it in memory: the mappings,
 * the merged pieces that the disk sees, and the segments as they were copied from the guest.
 */
struct pv_blkback_io {
	struct pv_blk_io io; /* first: pv_blkback_done() gets its address */
	struct pv_blkback_io *next;
	struct pv_back_map *map;
	struct pv_iov *iov;
	struct pv_blkif_request_segment *seg;
	uint64_t id;
	uint64_t write_bytes; /* of a write that waits for the flush before it */
	uint32_t nr_map, nr_iov;
	uint8_t wire_op;  /* echoed in the response */
	bool flush_after; /* a barrier's write is durable before anything behind it */
};

/* One request in one layout, whatever the protocol on the wire. */
struct pv_blkback_req {
	uint8_t op; /* PV_BLKIF_OP_*, the inner one of an indirect request */
	bool indirect;
	uint8_t flag; /* of a discard */
	uint32_t nr_segs;
	uint64_t id, sector, nr_sectors;
	uint32_t indirect_gref;
	struct pv_blkif_request_segment seg[PV_BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

/* Copies the next request out of the ring, once, and brings it into the common layout
 * (request.c). */
void pv_blkback_fetch(struct pv_blkback_queue *q, struct pv_blkback_req *r);
/* Checks it and fills io->io and the segments; maps nothing. 0, or the status for the response
 * (< 0). */
int pv_blkback_check(struct pv_blkback *b, const struct pv_blkback_req *r,
		     struct pv_blkback_io *io);
void pv_blkback_respond(struct pv_blkback_queue *q, uint64_t id, uint8_t op, int16_t status);

/* Ring entry size of a protocol. */
uint32_t pv_blkback_entry(uint32_t protocol);
/* Stops the device; the first reason is kept. */
void pv_blkback_break(struct pv_blkback *b, const char *reason);
/* True once any queue has stopped it. */
static inline bool pv_blkback_broken(const struct pv_blkback *b)
{
	return __atomic_load_n(&b->broken, __ATOMIC_RELAXED);
}

/* Maps the segments of a checked request and describes them as io->iov; or maps nothing and
 * returns an error (map.c). */
int pv_blkback_map(struct pv_blkback_queue *q, struct pv_blkback_io *io);
void pv_blkback_unmap(struct pv_blkback_queue *q, struct pv_blkback_io *io);

/* --- Maps kept for reuse (kept.c). --- */

#define PV_BLKBACK_NOT_KEPT UINT16_MAX

/* Bytes that a queue needs for them, a multiple of 16. */
uint32_t pv_blkback_kept_size(const struct pv_blkback_config *cfg);
/* Begins with none, in that memory. */
void pv_blkback_kept_init(struct pv_blkback_queue *q, void *mem);
/* The map of a reference, held until put; or NOT_KEPT. */
uint16_t pv_blkback_kept_get(struct pv_blkback_queue *q, uint32_t ref);
/* Keeps a successful map, held until put; NOT_KEPT when there is no room, or one of that
 * reference: then it stays the caller's. */
uint16_t pv_blkback_kept_add(struct pv_blkback_queue *q, const struct pv_back_map *map);
void pv_blkback_kept_put(struct pv_blkback_queue *q, uint16_t kept);
void *pv_blkback_kept_va(const struct pv_blkback_queue *q, uint16_t kept);
/* Ends every map that is not held. */
void pv_blkback_kept_drop(struct pv_blkback_queue *q);

#endif
