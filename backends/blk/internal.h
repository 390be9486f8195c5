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
	uint8_t wire_op; /* echoed in the response */
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
void pv_blkback_fetch(struct pv_blkback *b, struct pv_blkback_req *r);
/* Checks it and fills io->io and the segments; maps nothing. 0, or the status for the response
 * (< 0). */
int pv_blkback_check(struct pv_blkback *b, const struct pv_blkback_req *r,
		     struct pv_blkback_io *io);
void pv_blkback_respond(struct pv_blkback *b, uint64_t id, uint8_t op, int16_t status);

/* Ring entry size of a protocol. */
uint32_t pv_blkback_entry(uint32_t protocol);
/* Stops the device; the first reason is kept. */
void pv_blkback_break(struct pv_blkback *b, const char *reason);

#endif
