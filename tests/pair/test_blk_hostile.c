/*
 * A hostile frontend against the block backend, a hostile backend against the block frontend.
 *
 * The hostile side is played by hand on the raw ring. Each case is a claim about what the honest
 * side does.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/blkif.h>
#include "blk_rig.h"
#include "run.h"

static struct blk_rig rig;
static uint8_t *pages; /* ring, then data */
static uint32_t ref[8];

static struct pv_sring *ring(void)
{
	return (struct pv_sring *)pages;
}

static void *slot(uint32_t i, uint32_t entry)
{
	return pages + sizeof(struct pv_sring) + (i & 31) * entry;
}

/* --- a frontend by hand --- */

static void start_with(const char *protocol, struct pv_blkback_config *cfg)
{
	char v[12];
	unsigned i;

	blk_rig_init(&rig, 1);
	rig.always_accepts = true;
	if (cfg) {
		free(rig.mem);
		rig.mem = aligned_alloc(16, pv_blkback_mem_size(cfg));
		ck_assert_int_eq(pv_blkback_init(&rig.back, &rig.bus.back, &rig.disk, cfg, rig.mem,
						 pv_blkback_mem_size(cfg)),
				 0);
	}
	pages = rig.bus.front.pages_alloc(&rig.bus, 8);
	rig.bus.front.gref_alloc(&rig.bus, ref, 8);
	for (i = 0; i < 8; i++)
		rig.bus.front.permit(&rig.bus, ref[i], pages + i * MEM_PAGE, i == 7);
	ring()->req_event = ring()->rsp_event = 1;
	rig.bus.port[1] = (struct mem_port){.used = true};
	snprintf(v, sizeof(v), "%u", ref[0]);
	mem_dir_write(&rig.bus, 0, "ring-ref", v);
	mem_dir_write(&rig.bus, 0, "event-channel", "1");
	if (protocol)
		mem_dir_write(&rig.bus, 0, "protocol", protocol);
	mem_dir_state(&rig.bus, 0, 3);
	ck_assert_int_eq(pv_blkback_step(&rig.back), PV_BACK_CONNECTED);
}

static struct pv_blkback_config config(void)
{
	return (struct pv_blkback_config){
		.sectors = RIG_SECTORS, .flush = true, .discard = true, .max_segs = 64, .depth = 8};
}

static void start(void)
{
	struct pv_blkback_config c = config();

	start_with(NULL, &c);
}

static void stop(void)
{
	unsigned i;

	while (blk_rig_complete_one(&rig))
		;
	ck_assert_int_eq(pv_blkback_destroy(&rig.back), 0);
	ck_assert_uint_eq(rig.bus.maps, 0);
	for (i = 0; i < 8; i++)
		rig.bus.front.revoke(&rig.bus, ref[i]);
	rig.bus.front.gref_free(&rig.bus, ref, 8);
	rig.bus.front.pages_free(&rig.bus, pages, 8);
	ck_assert_msg(!mem_bus_error(&rig.bus), "%s", mem_bus_error(&rig.bus));
	blk_rig_fini(&rig);
}

static struct pv_blkif_request good(uint8_t op)
{
	struct pv_blkif_request r;

	memset(&r, 0, sizeof(r));
	r.operation = op;
	r.nr_segments = 1;
	r.id = 0x1122334455667788;
	r.sector_number = 16;
	r.seg[0] = (struct pv_blkif_request_segment){ref[1], 0, 7};
	return r;
}

/* Sends one request, lets everything happen, returns the status of the one response. */
static int answer(const void *req)
{
	struct pv_blkif_response *rsp;
	uint32_t at = ring()->req_prod;

	memcpy(slot(at, 112), req, 112);
	ring()->req_prod++;
	pv_blkback_work(&rig.back, 0, 8);
	while (blk_rig_complete_one(&rig))
		;
	pv_blkback_flush(&rig.back, 0);
	ck_assert_uint_eq(ring()->rsp_prod, at + 1);
	ck_assert_uint_eq(rig.bus.maps, 1);
	rsp = slot(at, 112);
	return rsp->status;
}

START_TEST(well_formed_request_succeeds)
{
	struct pv_blkif_request r;
	struct pv_blkif_response *rsp;
	unsigned i;

	start();
	r = good(PV_BLKIF_OP_WRITE);
	memset(pages + MEM_PAGE, 0x77, MEM_PAGE);
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_OKAY);
	ck_assert_uint_eq(rig.data[16 * 512], 0x77);
	rsp = slot(0, 112);
	ck_assert(rsp->id == r.id && rsp->operation == PV_BLKIF_OP_WRITE);
	/* XSA-216: nothing but the response is in the slot. */
	for (i = sizeof(*rsp); i < 112; i++)
		ck_assert_uint_eq(((uint8_t *)rsp)[i], 0);
	ck_assert_uint_eq(((uint8_t *)rsp)[9], 0);
	ck_assert_uint_eq(((uint32_t *)rsp)[3], 0);
	stop();
}
END_TEST

START_TEST(disk_that_has_enough_gets_one_at_a_time)
{
	struct pv_blkif_request r;
	unsigned i;

	start();
	rig.has_enough = true;
	r = good(PV_BLKIF_OP_READ);
	for (i = 0; i < 3; i++)
		memcpy(slot(i, 112), &r, 112);
	ring()->req_prod = 3;
	for (i = 1; i <= 3; i++) {
		ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 8), 1);
		ck_assert_uint_eq(rig.queued, i);
	}
	ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 8), 0);
	stop();
}
END_TEST

START_TEST(x86_32_layout_is_understood)
{
	struct pv_blkif_x86_32_request r;
	struct pv_blkif_x86_32_response *rsp;
	struct pv_blkback_config c = config();

	start_with("x86_32-abi", &c);
	memset(&r, 0, sizeof(r));
	r.operation = PV_BLKIF_OP_READ;
	r.nr_segments = 1;
	r.id = 0x1122334455667788;
	r.sector_number = 24;
	r.seg[0] = (struct pv_blkif_request_segment){ref[1], 2, 3};
	memset(rig.data + 24 * 512, 0x99, 1024);
	memcpy(slot(0, 108), &r, 108);
	ring()->req_prod++;
	pv_blkback_work(&rig.back, 0, 8);
	blk_rig_complete_one(&rig);
	pv_blkback_flush(&rig.back, 0);
	rsp = slot(0, 108);
	ck_assert(rsp->id == r.id && rsp->status == 0);
	ck_assert_uint_eq(pages[MEM_PAGE + 2 * 512], 0x99);
	ck_assert_uint_eq(pages[MEM_PAGE + 4 * 512], 0);
	stop();
}
END_TEST

START_TEST(malformed_requests_are_answered_and_never_reach_the_disk)
{
	struct pv_blkif_request r;
	unsigned nr;

	start();
	for (nr = 0; nr < 256; nr++) {
		if (nr >= 1 && nr <= 11)
			continue;
		r = good(PV_BLKIF_OP_READ);
		r.nr_segments = (uint8_t)nr;
		ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	}
	r = good(PV_BLKIF_OP_READ);
	r.seg[0].last_sect = 8;
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r.seg[0] = (struct pv_blkif_request_segment){ref[1], 5, 4};
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r.seg[0] = (struct pv_blkif_request_segment){ref[1], 255, 255};
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r = good(PV_BLKIF_OP_READ);
	r.seg[0].gref = 0;
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	/* A page that is granted read only cannot be read into. */
	r.seg[0].gref = ref[7];
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	ck_assert_uint_eq(rig.back.queue[0].stats.reads, 0);
	stop();
}
END_TEST

START_TEST(sectors_beyond_the_disk_are_refused_without_wrap)
{
	static const uint64_t bad[] = {RIG_SECTORS - 7, RIG_SECTORS,	RIG_SECTORS + 1,
				       UINT64_MAX,	UINT64_MAX - 7, UINT64_MAX / 512,
				       1ull << 63};
	struct pv_blkif_request_discard d;
	struct pv_blkif_request r;
	unsigned i;

	start();
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = good(PV_BLKIF_OP_WRITE);
		r.sector_number = bad[i];
		ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
		memset(&r, 0, sizeof(r));
		memset(&d, 0, sizeof(d));
		d.operation = PV_BLKIF_OP_DISCARD;
		d.sector_number = 8;
		d.nr_sectors = bad[i];
		memcpy(&r, &d, sizeof(d));
		ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	}
	r = good(PV_BLKIF_OP_WRITE);
	r.sector_number = RIG_SECTORS - 8;
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_OKAY);
	stop();
}
END_TEST

START_TEST(unknown_and_unoffered_operations_are_not_supported)
{
	struct pv_blkback_config c = config();
	struct pv_blkif_request_indirect x;
	struct pv_blkif_request r;
	unsigned op;

	c.flush = c.discard = false;
	c.max_segs = 0;
	start_with(NULL, &c);
	for (op = 2; op < 256; op++) {
		r = good((uint8_t)op);
		ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_EOPNOTSUPP);
	}
	memset(&r, 0, sizeof(r));
	memset(&x, 0, sizeof(x));
	x.operation = PV_BLKIF_OP_INDIRECT;
	x.nr_segments = 1;
	memcpy(&r, &x, sizeof(x));
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_EOPNOTSUPP);
	stop();
}
END_TEST

START_TEST(readonly_disk_refuses_everything_that_writes)
{
	struct pv_blkback_config c = config();
	struct pv_blkif_request_indirect x;
	struct pv_blkif_request r;

	c.readonly = true;
	start_with(NULL, &c);
	r = good(PV_BLKIF_OP_WRITE);
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r = good(PV_BLKIF_OP_FLUSH_DISKCACHE); /* with data */
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r = good(PV_BLKIF_OP_DISCARD);
	ck_assert_int_lt(answer(&r), 0);
	memset(&r, 0, sizeof(r));
	memset(&x, 0, sizeof(x));
	x.operation = PV_BLKIF_OP_INDIRECT;
	x.indirect_op = PV_BLKIF_OP_WRITE;
	x.nr_segments = 1;
	x.indirect_grefs[0] = ref[2];
	memcpy(&r, &x, sizeof(x));
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r = good(PV_BLKIF_OP_READ);
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_OKAY);
	stop();
}
END_TEST

START_TEST(indirect_requests_keep_to_their_limit)
{
	struct pv_blkif_request_segment *seg;
	struct pv_blkif_request_indirect x;
	struct pv_blkif_request r;
	unsigned i;

	start();
	seg = (struct pv_blkif_request_segment *)(pages + 2 * MEM_PAGE);
	for (i = 0; i < 512; i++)
		seg[i] = (struct pv_blkif_request_segment){ref[3 + i % 3], 1, 1};
	memset(&r, 0, sizeof(r));
	memset(&x, 0, sizeof(x));
	x.operation = PV_BLKIF_OP_INDIRECT;
	x.indirect_op = PV_BLKIF_OP_READ;
	x.indirect_grefs[0] = ref[2];
	x.nr_segments = 64;
	memcpy(&r, &x, sizeof(x));
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_OKAY);
	for (i = 65; i < 65536; i += i < 600 ? 1 : 997) {
		x.nr_segments = (uint16_t)i;
		memcpy(&r, &x, sizeof(x));
		ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	}
	x.nr_segments = 0;
	memcpy(&r, &x, sizeof(x));
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	x.nr_segments = 64;
	x.indirect_grefs[0] = 4000;
	memcpy(&r, &x, sizeof(x));
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	x.indirect_grefs[0] = ref[2];
	x.indirect_op = PV_BLKIF_OP_FLUSH_DISKCACHE;
	memcpy(&r, &x, sizeof(x));
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_EOPNOTSUPP);
	stop();
}
END_TEST

START_TEST(flush_with_data_flushes_then_writes)
{
	struct pv_blkif_request r;

	start();
	r = good(PV_BLKIF_OP_FLUSH_DISKCACHE);
	memset(pages + MEM_PAGE, 0x31, MEM_PAGE);
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_OKAY);
	ck_assert_uint_eq(rig.flushes, 1);
	ck_assert_uint_eq(rig.data[16 * 512], 0x31);
	stop();
}
END_TEST

START_TEST(sectors_of_4096_bytes_refuse_parts)
{
	struct pv_blkback_config c = config();
	struct pv_blkif_request r;

	c.sector_size = 4096;
	start_with(NULL, &c);
	r = good(PV_BLKIF_OP_READ);
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_OKAY);
	r.sector_number = 17;
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	r = good(PV_BLKIF_OP_READ);
	r.seg[0].last_sect = 3;
	ck_assert_int_eq(answer(&r), PV_BLKIF_RSP_ERROR);
	stop();
}
END_TEST

START_TEST(runaway_producer_stops_the_device)
{
	static const uint32_t bad[] = {33, 34, 0x7fffffff, 0x80000000, 0xffffffff};
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start();
		ring()->req_prod = bad[i];
		ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 1000), -PV_EPROTO);
		ck_assert_uint_eq(rig.bus.nr_broken, 1);
		ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 1000), -PV_EPROTO);
		ck_assert_uint_eq(rig.bus.nr_broken, 1);
		ck_assert_int_eq(pv_blkback_step(&rig.back), -PV_EPROTO);
		ck_assert_int_eq(rig.bus.dir[1].state, 5);
		stop();
	}
}
END_TEST

START_TEST(hostile_keys_do_not_connect)
{
	static const char *const bad[] = {
		"", "-1", "0x10", "4294967296", "99999999999999999999999", "1 "};
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start();
		mem_dir_state(&rig.bus, 0, 6);
		pv_blkback_step(&rig.back);
		mem_dir_write(&rig.bus, 0, "event-channel", bad[i]);
		mem_dir_state(&rig.bus, 0, 1);
		pv_blkback_step(&rig.back);
		mem_dir_state(&rig.bus, 0, 3);
		ck_assert_int_eq(pv_blkback_step(&rig.back), -PV_EPROTO);
		ck_assert_uint_eq(rig.bus.maps, 0);
		stop();
	}
}
END_TEST

START_TEST(every_state_at_any_time_ends_clean)
{
	struct rng g = {test_seed("states")};
	unsigned i;

	start();
	for (i = 0; i < 100000; i++) {
		mem_dir_state(&rig.bus, 0, (int)rng_below(&g, 10) - 1);
		pv_blkback_step(&rig.back);
		if (rng_below(&g, 3) == 0)
			pv_blkback_work(&rig.back, 0, 4);
	}
	stop();
}
END_TEST

/* --- double fetch: the page changes while the backend reads it --- */

static unsigned flipping;

static void *flip(void *arg)
{
	struct rng g = {42};

	while (__atomic_load_n(&flipping, __ATOMIC_RELAXED)) {
		uint32_t *word =
			(uint32_t *)(pages + sizeof(struct pv_sring)) + rng_below(&g, 32 * 28);

		__atomic_store_n(word, rng_below(&g, 4) ? rng_below(&g, 20) : rng_next(&g),
				 __ATOMIC_RELAXED);
		word = (uint32_t *)(pages + 2 * MEM_PAGE) + rng_below(&g, 128);
		__atomic_store_n(word, rng_below(&g, 12), __ATOMIC_RELAXED);
	}
	return NULL;
}

/* blk_rig's disk aborts on anything outside; the bus reports unbalanced mappings. */
START_TEST(fields_that_flip_while_read_are_checked_as_used)
{
	struct pv_blkback_config c = config();
	pthread_t t;
	unsigned i;

	start_with(NULL, &c);
	__atomic_store_n(&flipping, 1, __ATOMIC_RELAXED);
	ck_assert_int_eq(pthread_create(&t, NULL, flip, NULL), 0);
	for (i = 0; i < 20000; i++) {
		__atomic_add_fetch(&ring()->req_prod, 8, __ATOMIC_SEQ_CST);
		while (pv_blkback_work(&rig.back, 0, 8) > 0)
			;
		while (blk_rig_complete_one(&rig))
			;
		pv_blkback_flush(&rig.back, 0);
	}
	__atomic_store_n(&flipping, 0, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	ck_assert_uint_eq(ring()->rsp_prod, 8 * 20000);
	stop();
}
END_TEST

/* --- a backend by hand --- */

static struct pv_blkfront_req req[2];
static struct pv_blkfront_seg seg;

static void start_front(void)
{
	struct pv_blkfront_config fc = {0};

	blk_rig_init(&rig, 1);
	pv_blkfront_init(&rig.front, &rig.bus.front, &fc, NULL, NULL);
	mem_dir_write(&rig.bus, 1, "sectors", "1000");
	mem_dir_write(&rig.bus, 1, "sector-size", "512");
	mem_dir_state(&rig.bus, 1, 2);
	ck_assert_int_eq(pv_blkfront_step(&rig.front), PV_FRONT_WAIT);
	mem_dir_state(&rig.bus, 1, 4);
	ck_assert_int_eq(pv_blkfront_step(&rig.front), PV_FRONT_CONNECTED);
	pages = (uint8_t *)rig.front.ring.shared;
	seg.va = rig.bus.front.pages_alloc(&rig.bus, 1);
	seg.len = MEM_PAGE;
	memset(req, 0, sizeof(req));
	req[0] = req[1] = (struct pv_blkfront_req){.op = PV_BLKFRONT_READ, .seg = &seg, .nseg = 1};
	ck_assert_int_eq(pv_blkfront_submit(&rig.front, &req[0]), 0);
	pv_blkfront_push(&rig.front);
}

static struct pv_blkif_response right(void)
{
	struct pv_blkif_request *r = slot(0, 112);

	return (struct pv_blkif_response){.id = r->id, .operation = r->operation};
}

static void respond(const struct pv_blkif_response *rsp)
{
	memcpy(slot(ring()->rsp_prod, 112), rsp, sizeof(*rsp));
	ring()->rsp_prod++;
}

static void stop_front(int status)
{
	ck_assert_int_eq(pv_blkfront_reap(&rig.front, 10), -PV_EPROTO);
	ck_assert_uint_eq(rig.bus.nr_broken, 1);
	ck_assert_int_eq(req[0].status, status);
	/* The guest lives; the device is given up. */
	ck_assert_int_eq(pv_blkfront_submit(&rig.front, &req[1]), -PV_EPROTO);
	ck_assert_int_eq(pv_blkfront_step(&rig.front), -PV_EPROTO);
	ck_assert_int_eq(rig.bus.dir[0].state, 5);
	pv_blkfront_destroy(&rig.front);
	rig.bus.front.pages_free(&rig.bus, (void *)seg.va, 1);
	ck_assert(mem_bus_idle(&rig.bus, 0));
	blk_rig_fini(&rig);
}

START_TEST(response_out_of_range_breaks_the_device_only)
{
	struct pv_blkif_response r;

	start_front();
	r = right();
	r.id = (r.id & ~0xffffffffull) | 32;
	respond(&r);
	stop_front(-PV_EIO);
}
END_TEST

START_TEST(response_to_another_generation_breaks_the_device_only)
{
	struct pv_blkif_response r;

	start_front();
	r = right();
	r.id += 1ull << 32;
	respond(&r);
	stop_front(-PV_EIO);
}
END_TEST

START_TEST(second_response_breaks_the_device_only)
{
	struct pv_blkif_response r;

	start_front();
	r = right();
	ck_assert_int_eq(pv_blkfront_submit(&rig.front, &req[1]), 0);
	pv_blkfront_push(&rig.front);
	respond(&r);
	respond(&r);
	stop_front(0);
	ck_assert_int_eq(req[1].status, -PV_EIO);
}
END_TEST

START_TEST(response_with_another_operation_breaks_the_device_only)
{
	struct pv_blkif_response r;

	start_front();
	r = right();
	r.operation = PV_BLKIF_OP_WRITE;
	respond(&r);
	stop_front(-PV_EIO);
}
END_TEST

START_TEST(runaway_responses_break_the_device_only)
{
	start_front();
	ring()->rsp_prod = 2;
	stop_front(-PV_EIO);
}
END_TEST

START_TEST(memory_that_the_backend_keeps_is_not_given_back)
{
	struct pv_back_map m = {0};
	struct pv_blkif_request *q;
	struct pv_blkif_response r;

	start_front();
	r = right();
	q = slot(0, 112);
	m.ref = q->seg[0].gref;
	ck_assert_int_eq(rig.bus.back.map(&rig.bus, &m, 1), 0);
	respond(&r);
	ck_assert_int_eq(pv_blkfront_reap(&rig.front, 10), -PV_EPROTO);
	ck_assert_int_eq(req[0].status, -PV_EBUSY);
	ck_assert_msg(!mem_bus_error(&rig.bus), "%s", mem_bus_error(&rig.bus));
	rig.bus.back.unmap(&rig.bus, &m, 1);
	pv_blkfront_destroy(&rig.front);
	ck_assert_msg(!mem_bus_error(&rig.bus), "%s", mem_bus_error(&rig.bus));
}
END_TEST

START_TEST(disk_without_a_size_does_not_connect)
{
	struct pv_blkfront_config fc = {0};

	blk_rig_init(&rig, 1);
	pv_blkfront_init(&rig.front, &rig.bus.front, &fc, NULL, NULL);
	mem_dir_write(&rig.bus, 1, "sectors", "18446744073709551615");
	mem_dir_state(&rig.bus, 1, 2);
	pv_blkfront_step(&rig.front);
	mem_dir_state(&rig.bus, 1, 4);
	ck_assert_int_eq(pv_blkfront_step(&rig.front), -PV_EPROTO);
	ck_assert(mem_bus_idle(&rig.bus, 0));
	blk_rig_fini(&rig);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("blk hostile");
	TCase *front = tcase_create("frontend"), *back = tcase_create("backend");

	tcase_set_timeout(front, 120);
	tcase_add_test(front, well_formed_request_succeeds);
	tcase_add_test(front, disk_that_has_enough_gets_one_at_a_time);
	tcase_add_test(front, x86_32_layout_is_understood);
	tcase_add_test(front, malformed_requests_are_answered_and_never_reach_the_disk);
	tcase_add_test(front, sectors_beyond_the_disk_are_refused_without_wrap);
	tcase_add_test(front, unknown_and_unoffered_operations_are_not_supported);
	tcase_add_test(front, readonly_disk_refuses_everything_that_writes);
	tcase_add_test(front, indirect_requests_keep_to_their_limit);
	tcase_add_test(front, flush_with_data_flushes_then_writes);
	tcase_add_test(front, sectors_of_4096_bytes_refuse_parts);
	tcase_add_test(front, runaway_producer_stops_the_device);
	tcase_add_test(front, hostile_keys_do_not_connect);
	tcase_add_test(front, every_state_at_any_time_ends_clean);
	tcase_add_test(front, fields_that_flip_while_read_are_checked_as_used);
	tcase_add_test(back, response_out_of_range_breaks_the_device_only);
	tcase_add_test(back, response_to_another_generation_breaks_the_device_only);
	tcase_add_test(back, second_response_breaks_the_device_only);
	tcase_add_test(back, response_with_another_operation_breaks_the_device_only);
	tcase_add_test(back, runaway_responses_break_the_device_only);
	tcase_add_test(back, memory_that_the_backend_keeps_is_not_given_back);
	tcase_add_test(back, disk_without_a_size_does_not_connect);
	suite_add_tcase(s, front);
	suite_add_tcase(s, back);
	return run_suite(s);
}
