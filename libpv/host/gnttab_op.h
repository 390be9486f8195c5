/*
 * gnttab_op.h: operations on grants that come many at once.
 *
 * Trust: an operation is a private copy of the guest's words, read once.
 */
#ifndef PV_HOST_GNTTAB_OP_H
#define PV_HOST_GNTTAB_OP_H

#include "domain.h"

union pv_grant_op {
	struct pv_gnttab_map_grant_ref map;
	struct pv_gnttab_unmap_grant_ref unmap;
	struct pv_gnttab_unmap_and_replace replace;
	struct pv_gnttab_copy copy;
	struct pv_gnttab_swap_grant_ref swap;
	struct pv_gnttab_transfer transfer;
	struct pv_gnttab_cache_flush flush;
};

struct pv_grant_call {
	uint16_t size;		      /* of one, in bytes */
	uint16_t answer, answer_size; /* the part that the guest gets back, in bytes */
	/* Does one and puts the answer into it; below 0 ends the batch with that. */
	int (*one)(struct pv_domain *d, unsigned vcpu, union pv_grant_op *op);
	/* The guest cannot be given the answer: undo what it will never know of. Or NULL. */
	void (*undo)(struct pv_domain *d, const union pv_grant_op *op);
};

#define PV_GRANT_CALL(type, one_fn)                                                            \
	{                                                                                      \
		.size = sizeof(struct pv_gnttab_##type),                                       \
		.answer = offsetof(struct pv_gnttab_##type, status),                           \
		.answer_size = sizeof(((struct pv_gnttab_##type *)0)->status), .one = (one_fn) \
	}

/* Found without a global offset table, which a freestanding image need not have. */
#define PV_WITHIN __attribute__((visibility("hidden")))
extern const struct pv_grant_call pv_grant_call_map PV_WITHIN, pv_grant_call_unmap PV_WITHIN,
	pv_grant_call_replace PV_WITHIN, pv_grant_call_copy PV_WITHIN;

#endif
