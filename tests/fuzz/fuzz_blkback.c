/*
 * fuzz_blkback: a block backend whose frontend is hostile.
 *
 * The script writes requests and raw words into the ring page, lets the backend work, completes
 * requests in any order, changes the frontend's state, saves and restores. What reaches the disk
 * must lie on the disk and in the shared pages, and a read-only disk must never be written. Each
 * script runs twice: with one queue, and with two queues, kept maps and barriers.
 */
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/blkif.h>
#include <pv/back/blk.h>
#include "fuzz.h"
#include "fuzz_bus.h"

#define SECTORS 100u
#define QUEUE	32u

struct state {
	struct fuzz_bus bus;
	struct pv_blkback back;
	struct pv_blk_disk disk;
	struct pv_blkback_config cfg;
	void *mem;
	struct pv_blk_io *queue[QUEUE];
	unsigned queued;
	bool wide; /* two queues: their rings are pages 0 and 1 */
};

static volatile uint8_t sink;

static int submit(void *ctx, struct pv_blk_io *io)
{
	struct state *s = ctx;
	uint64_t sum = 0;
	uint32_t i;

	if (s->queued == QUEUE)
		return -PV_EAGAIN;
	if (io->sector > SECTORS || io->bytes / 512 > SECTORS - io->sector || io->bytes % 512)
		abort();
	if (s->cfg.readonly && io->op != PV_BLK_READ && io->op != PV_BLK_FLUSH)
		abort();
	for (i = 0; i < io->n; i++) {
		fuzz_inside(&s->bus, io->iov[i].base, io->iov[i].len);
		sink ^= *(uint8_t *)io->iov[i].base;
		sum += io->iov[i].len;
	}
	if (sum != (io->op == PV_BLK_READ || io->op == PV_BLK_WRITE ? io->bytes : 0))
		abort();
	fuzz_mutate(&s->bus);
	s->queue[s->queued++] = io;
	return 0;
}

static void complete(struct state *s, uint8_t which, int status)
{
	struct pv_blk_io *io;
	uint32_t i;

	if (!s->queued)
		return;
	i = which % s->queued;
	io = s->queue[i];
	s->queue[i] = s->queue[--s->queued];
	for (i = 0; io->op == PV_BLK_READ && i < io->n; i++)
		memset(io->iov[i].base, 0x5a, io->iov[i].len);
	pv_blkback_done(&s->back, io, status);
}

/* A request that is nearly right, at the place where the next one is expected. */
static void put_request(struct state *s, struct fuzz_input *in)
{
	uint8_t op = fuzz_u8(in);
	uint8_t *page = s->bus.pages + (s->wide && op & 128 ? 4096 : 0);
	struct pv_sring *ring = (struct pv_sring *)page;
	uint32_t prod = ring->req_prod, i;
	struct pv_blkif_request r;
	uint32_t *segs = (uint32_t *)(s->bus.pages + 7 * 4096);

	memset(&r, 0, sizeof(r));
	r.operation = op % 8;
	r.nr_segments = fuzz_u8(in) % 13;
	r.id = prod;
	r.sector_number = fuzz_u8(in);
	for (i = 0; i < 11; i++) {
		r.seg[i].gref = fuzz_u8(in) % 14;
		r.seg[i].first_sect = fuzz_u8(in) % 9;
		r.seg[i].last_sect = r.seg[i].first_sect + fuzz_u8(in) % 4;
	}
	if (r.operation == PV_BLKIF_OP_INDIRECT) {
		struct pv_blkif_request_indirect *x = (void *)&r;

		x->indirect_op = fuzz_u8(in) % 8;
		x->nr_segments = fuzz_u8(in);
		x->indirect_grefs[0] = 7;
		for (i = 0; i < x->nr_segments; i++) {
			segs[i * 2] = fuzz_u8(in) % 13;
			segs[i * 2 + 1] = fuzz_u8(in) & 7;
		}
	}
	memcpy(page + sizeof(*ring) + (prod & 31) * sizeof(r), &r, sizeof(r));
	ring->req_prod = prod + 1;
}

static int work(struct state *s, uint32_t budget)
{
	if (s->wide)
		(void)pv_blkback_work(&s->back, 1, budget);
	return pv_blkback_work(&s->back, 0, budget);
}

static void move(struct state *s)
{
	struct pv_blkback_state st;

	pv_blkback_quiesce(&s->back, true);
	while (pv_blkback_inflight(&s->back)) {
		complete(s, 0, 0);
		(void)work(s, 4);
	}
	/* What broke has to be closed first. */
	if (s->back.broken)
		(void)pv_blkback_step(&s->back);
	if (pv_blkback_export(&s->back, &st) || pv_blkback_destroy(&s->back))
		abort();
	if (pv_blkback_import(&s->back, &st, sizeof(st)))
		abort();
	pv_blkback_quiesce(&s->back, false);
}

static void settle(struct state *s)
{
	while (pv_blkback_inflight(&s->back)) {
		complete(s, 0, 0);
		pv_blkback_quiesce(&s->back, true);
		(void)work(s, 1);
	}
}

static void run(const uint8_t *data, size_t size, bool wide)
{
	static const char *const several[][2] = {{"multi-queue-num-queues", "2"},
						 {"feature-persistent", "1"},
						 {"queue-0/ring-ref", "0"},
						 {"queue-0/event-channel", "5"},
						 {"queue-1/ring-ref", "1"},
						 {"queue-1/event-channel", "6"},
						 {NULL, NULL}};
	static const char *const native[][2] = {
		{"ring-ref", "0"}, {"event-channel", "5"}, {NULL, NULL}};
	static const char *const x86_32[][2] = {{"ring-ref", "0"},
						{"event-channel", "5"},
						{"protocol", "x86_32-abi"},
						{NULL, NULL}};
	struct fuzz_input in = {data, size};
	uint8_t shape = fuzz_u8(&in);
	struct state s;
	uint64_t len;

	memset(&s, 0, sizeof(s));
	fuzz_bus_init(&s.bus, &in);
	s.wide = wide;
	s.bus.keys = wide ? several : shape & 1 ? x86_32 : native;
	s.disk = (struct pv_blk_disk){.size = sizeof(s.disk), .ctx = &s, .submit = submit};
	s.cfg = (struct pv_blkback_config){.sectors = SECTORS,
					   .readonly = shape & 2,
					   .flush = !(shape & 4),
					   .discard = !(shape & 8),
					   .sector_size = shape & 16 ? 1024 : 512,
					   .max_segs = shape & 32 ? 0 : 40,
					   .depth = 1 + (shape >> 6) * 7,
					   .barrier = wide && !(shape & 4),
					   .max_queues = 1 + wide,
					   .max_kept = wide ? 5 : 0};
	len = pv_blkback_mem_size(&s.cfg);
	s.mem = aligned_alloc(16, len);
	if (pv_blkback_init(&s.back, &s.bus.bus, &s.disk, &s.cfg, s.mem, len))
		abort();
	s.bus.front_state = 3;
	(void)pv_blkback_step(&s.back);
	((struct pv_sring *)s.bus.pages)->req_event = 1;
	((struct pv_sring *)s.bus.pages)->rsp_event = 1;
	while (in.left) {
		uint8_t op = fuzz_u8(&in), arg = fuzz_u8(&in);

		switch (op % 10) {
		case 0:
		case 1:
		case 2: put_request(&s, &in); break;
		case 3:
		case 4: (void)work(&s, arg % 8); break;
		case 5: complete(&s, arg, arg & 64 ? -PV_EIO : 0); break;
		case 6:
			pv_blkback_flush(&s.back, wide & arg);
			(void)pv_blkback_arm(&s.back, wide & arg);
			if (arg & 2)
				(void)pv_blkback_trim(&s.back, wide & arg);
			break;
		case 7: fuzz_mutate(&s.bus); break;
		case 8:
			s.bus.front_state = arg % 10;
			(void)pv_blkback_step(&s.back);
			break;
		default: move(&s); break;
		}
	}
	settle(&s);
	if (pv_blkback_destroy(&s.back))
		abort();
	fuzz_bus_fini(&s.bus);
	free(s.mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	run(data, size, false);
	run(data, size, true);
	return 0;
}
