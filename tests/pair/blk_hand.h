/*
 * A block frontend played by hand: any number of queues, raw requests, every field under the test's
 * control.
 *
 * Stands on a blk_rig for the bus, the backend and the disk. Requests of the tests name data pages
 * by hand_ref(). Trust: test code.
 */
#ifndef TESTS_BLK_HAND_H
#define TESTS_BLK_HAND_H

#include <pv/abi/io/blkif.h>
#include "blk_rig.h"

#define HAND_DATA     32u	      /* data pages, granted for reading and writing */
#define HAND_READONLY HAND_DATA	      /* one that is granted for reading only */
#define HAND_LIST     (HAND_DATA + 1) /* one for the segments of an indirect request */

struct blk_hand {
	struct blk_rig *rig;
	unsigned queues, order;
	bool persistent;
	unsigned nr; /* slots of a ring */
	unsigned pages;
	uint8_t *mem;
	uint32_t ref[8 * 16 + HAND_DATA + 2];
};

/* A backend of that configuration (in rig, which is made anew), and a frontend that has published
 * its keys but no state. */
void hand_start(struct blk_hand *h, struct blk_rig *rig, const struct pv_blkback_config *cfg,
		unsigned queues, unsigned order, bool persistent);
/* The frontend alone, on rig's bus; its backend is somebody else's. */
void hand_prepare(struct blk_hand *h, struct blk_rig *rig, unsigned queues, unsigned order,
		  bool persistent);
/* Writes the keys again. */
void hand_publish(struct blk_hand *h);
/* Makes the rings new. */
void hand_format(struct blk_hand *h);
/* Formats the rings, says Initialised; what the backend's step says. */
int hand_connect(struct blk_hand *h);
/* Completes everything, destroys the backend; nothing may be left mapped. */
void hand_stop(struct blk_hand *h);
/* The frontend alone: gives everything back; nothing may be left mapped. */
void hand_release(struct blk_hand *h);

struct pv_sring *hand_ring(struct blk_hand *h, unsigned q);
struct pv_blkif_request *hand_slot(struct blk_hand *h, unsigned q, uint32_t i);
uint8_t *hand_page(struct blk_hand *h, unsigned data);
uint32_t hand_ref(struct blk_hand *h, unsigned data);
/* Ring pages: what is mapped as long as nothing else is. */
unsigned hand_ring_maps(const struct blk_hand *h);
/* A request for one whole data page at sector 16. */
struct pv_blkif_request hand_request(struct blk_hand *h, uint8_t op, unsigned data);
/* Puts one request into a ring, without an event; the backend has not seen it yet. */
void hand_put(struct blk_hand *h, unsigned q, const void *req);
/* The same, and everything happens; the status of its response. No other may be in flight. */
int hand_answer(struct blk_hand *h, unsigned q, const void *req);

#endif
