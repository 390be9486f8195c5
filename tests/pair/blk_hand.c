/*
 * A block frontend played by hand: see blk_hand.h.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "blk_hand.h"

static void put_key(struct blk_hand *h, unsigned q, const char *key, unsigned value)
{
	char name[40], text[12];

	if (h->queues > 1)
		snprintf(name, sizeof(name), "queue-%u/%s", q, key);
	else
		snprintf(name, sizeof(name), "%s", key);
	snprintf(text, sizeof(text), "%u", value);
	mem_dir_write(&h->rig->bus, 0, name, text);
}

static unsigned ring_page(const struct blk_hand *h, unsigned q, unsigned i)
{
	return (q << h->order) + i;
}

void hand_publish(struct blk_hand *h)
{
	char text[12];
	unsigned q, i;

	snprintf(text, sizeof(text), "%u", h->queues);
	mem_dir_write(&h->rig->bus, 0, "multi-queue-num-queues", text);
	snprintf(text, sizeof(text), "%u", h->order);
	mem_dir_write(&h->rig->bus, 0, "ring-page-order", text);
	mem_dir_write(&h->rig->bus, 0, "feature-persistent", h->persistent ? "1" : "0");
	for (q = 0; q < h->queues; q++) {
		for (i = 0; i < 1u << h->order; i++) {
			char key[16];

			snprintf(key, sizeof(key), h->order ? "ring-ref%u" : "ring-ref", i);
			put_key(h, q, key, h->ref[ring_page(h, q, i)]);
		}
		put_key(h, q, "event-channel", 1 + q);
	}
}

void hand_prepare(struct blk_hand *h, struct blk_rig *rig, unsigned queues, unsigned order,
		  bool persistent)
{
	unsigned i;

	memset(h, 0, sizeof(*h));
	h->rig = rig;
	h->queues = queues;
	h->order = order;
	h->persistent = persistent;
	h->nr = pv_ring_slots(MEM_PAGE << order, sizeof(struct pv_blkif_request));
	h->pages = (queues << order) + HAND_DATA + 2;
	h->mem = rig->bus.front.pages_alloc(&rig->bus, h->pages);
	ck_assert_int_eq(rig->bus.front.gref_alloc(&rig->bus, h->ref, h->pages), 0);
	for (i = 0; i < h->pages; i++)
		rig->bus.front.permit(&rig->bus, h->ref[i], h->mem + i * MEM_PAGE,
				      i == (queues << order) + HAND_READONLY);
	for (i = 0; i < queues; i++)
		rig->bus.port[1 + i] = (struct mem_port){.used = true};
	hand_publish(h);
}

void hand_start(struct blk_hand *h, struct blk_rig *rig, const struct pv_blkback_config *cfg,
		unsigned queues, unsigned order, bool persistent)
{
	blk_rig_init(rig, 1);
	rig->always_accepts = true;
	free(rig->mem);
	rig->mem = aligned_alloc(16, pv_blkback_mem_size(cfg));
	ck_assert_int_eq(pv_blkback_init(&rig->back, &rig->bus.back, &rig->disk, cfg, rig->mem,
					 pv_blkback_mem_size(cfg)),
			 0);
	hand_prepare(h, rig, queues, order, persistent);
}

void hand_format(struct blk_hand *h)
{
	unsigned q;

	memset(h->mem, 0, (size_t)(h->queues << h->order) * MEM_PAGE);
	for (q = 0; q < h->queues; q++)
		hand_ring(h, q)->req_event = hand_ring(h, q)->rsp_event = 1;
}

int hand_connect(struct blk_hand *h)
{
	hand_format(h);
	mem_dir_state(&h->rig->bus, 0, 3);
	return pv_blkback_step(&h->rig->back);
}

void hand_release(struct blk_hand *h)
{
	struct blk_rig *r = h->rig;
	unsigned i;

	ck_assert_uint_eq(r->bus.maps, 0);
	for (i = 0; i < h->pages; i++)
		ck_assert_int_eq(r->bus.front.revoke(&r->bus, h->ref[i]), 0);
	r->bus.front.gref_free(&r->bus, h->ref, h->pages);
	r->bus.front.pages_free(&r->bus, h->mem, h->pages);
	ck_assert_msg(!mem_bus_error(&r->bus), "%s", mem_bus_error(&r->bus));
	ck_assert(mem_bus_idle(&r->bus, 0));
	blk_rig_fini(r);
}

void hand_stop(struct blk_hand *h)
{
	struct blk_rig *r = h->rig;
	unsigned i;

	while (pv_blkback_inflight(&r->back)) {
		while (blk_rig_complete_one(r))
			;
		for (i = 0; i < r->back.cfg.max_queues; i++)
			pv_blkback_work(&r->back, i, 0);
	}
	ck_assert_int_eq(pv_blkback_destroy(&r->back), 0);
	hand_release(h);
}

struct pv_sring *hand_ring(struct blk_hand *h, unsigned q)
{
	return (struct pv_sring *)(h->mem + (size_t)ring_page(h, q, 0) * MEM_PAGE);
}

struct pv_blkif_request *hand_slot(struct blk_hand *h, unsigned q, uint32_t i)
{
	return (struct pv_blkif_request *)(hand_ring(h, q) + 1) + (i & (h->nr - 1));
}

uint8_t *hand_page(struct blk_hand *h, unsigned data)
{
	return h->mem + ((size_t)(h->queues << h->order) + data) * MEM_PAGE;
}

uint32_t hand_ref(struct blk_hand *h, unsigned data)
{
	return h->ref[(h->queues << h->order) + data];
}

unsigned hand_ring_maps(const struct blk_hand *h)
{
	return h->queues << h->order;
}

struct pv_blkif_request hand_request(struct blk_hand *h, uint8_t op, unsigned data)
{
	struct pv_blkif_request r;

	memset(&r, 0, sizeof(r));
	r.operation = op;
	r.nr_segments = 1;
	r.id = 0x1122334455667788;
	r.sector_number = 16;
	r.seg[0] = (struct pv_blkif_request_segment){hand_ref(h, data), 0, 7};
	return r;
}

void hand_put(struct blk_hand *h, unsigned q, const void *req)
{
	struct pv_sring *s = hand_ring(h, q);

	memcpy(hand_slot(h, q, s->req_prod), req, sizeof(struct pv_blkif_request));
	__atomic_store_n(&s->req_prod, s->req_prod + 1, __ATOMIC_RELEASE);
}

int hand_answer(struct blk_hand *h, unsigned q, const void *req)
{
	struct pv_blkback *b = &h->rig->back;
	uint32_t at = hand_ring(h, q)->req_prod;

	hand_put(h, q, req);
	do
		pv_blkback_work(b, q, 8);
	while (blk_rig_complete_one(h->rig));
	pv_blkback_flush(b, q);
	ck_assert_uint_eq(hand_ring(h, q)->rsp_prod, at + 1);
	return ((struct pv_blkif_response *)hand_slot(h, q, at))->status;
}
