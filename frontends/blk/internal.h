/*
 * Block frontend, private: requests in flight, and what the files of the frontend share.
 */
#ifndef PV_BLKFRONT_INTERNAL_H
#define PV_BLKFRONT_INTERNAL_H

#include <pv/abi/io/blkif.h>
#include <pv/front/blk.h>

#define NONE UINT32_MAX
#define PAGE 4096u

/* A request in flight: req is NULL in a free one. The id on the ring is generation << 32 |
 * index. */
struct pv_blkfront_slot {
	struct pv_blkfront_req *req;
	uint32_t generation; /* also the order of submission */
	uint32_t gref, last; /* its references, in order: a list through the pool */
	uint32_t ind;	     /* its page of indirect segments, or NONE */
	uint32_t next;	     /* free list */
	uint8_t op;	     /* PV_BLKIF_OP_* that a response has to echo */
};

struct pv_blkfront_gref {
	uint32_t ref, next;
	bool granted; /* persistent: its page of the pool is */
};

/* Gives up the device: the first reason is kept, every request in flight is finished. */
void pv_blkfront_break(struct pv_blkfront *f, const char *reason);
/* Finishes what is in flight with -PV_EIO. */
void pv_blkfront_fail_all(struct pv_blkfront *f);
/* Empties the flight without finishing it, into f->again, oldest first. */
void pv_blkfront_carry(struct pv_blkfront *f);
/* Sends what was carried, as far as there is room. */
void pv_blkfront_send_again(struct pv_blkfront *f);

#endif
