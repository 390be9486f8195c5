/*
 * The block backend with several queues: connect, state, every transition, and a model of the data.
 *
 * The frontend is played by hand (blk_hand.h). Each case is a claim about the backend.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "blk_hand.h"
#include "run.h"

static struct blk_rig rig;
static struct blk_hand hand;

static struct pv_blkback_config config(void)
{
	return (struct pv_blkback_config){.sectors = RIG_SECTORS,
					  .flush = true,
					  .barrier = true,
					  .discard = true,
					  .max_ring_order = 4,
					  .max_segs = 64,
					  .depth = 8,
					  .max_queues = 4,
					  .max_kept = 24};
}

static void start(unsigned queues, unsigned order, bool persistent)
{
	struct pv_blkback_config c = config();

	hand_start(&hand, &rig, &c, queues, order, persistent);
}

START_TEST(offers_are_written_before_anything_is_asked)
{
	static const char *const key[][2] = {
		{"multi-queue-max-queues", "4"},
		{"max-ring-page-order", "4"},
		{"feature-persistent", "1"},
		{"feature-max-indirect-segments", "64"},
		{"feature-flush-cache", "1"},
		{"feature-barrier", "1"},
		{"feature-discard", "1"},
		{"discard-secure", "0"},
		{"sectors", "512"},
		{"sector-size", "512"},
		{"info", "0"},
	};
	unsigned i;

	start(1, 0, false);
	mem_dir_state(&rig.bus, 0, 1);
	ck_assert_int_eq(pv_blkback_step(&rig.back), PV_BACK_WAIT);
	ck_assert_int_eq(rig.bus.dir[1].state, 2);
	for (i = 0; i < sizeof(key) / sizeof(key[0]); i++)
		ck_assert_str_eq(mem_dir_read(&rig.bus, 1, key[i][0]), key[i][1]);
	hand_stop(&hand);
}
END_TEST

START_TEST(each_queue_answers_in_its_ring_and_on_its_port)
{
	struct pv_blkif_request r;
	unsigned order, q, k;

	for (order = 0; order <= 4; order++) {
		start(4, order, false);
		ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
		ck_assert_uint_eq(pv_blkback_queues(&rig.back), 4);
		ck_assert_uint_eq(rig.bus.maps, 4u << order);
		for (q = 0; q < 4; q++) {
			unsigned before[4];

			for (k = 0; k < 4; k++)
				before[k] = rig.bus.port[1 + k].notifies;
			ck_assert_uint_eq(rig.bus.port[1 + q].queue, q);
			r = hand_request(&hand, PV_BLKIF_OP_READ, q);
			rig.data[16 * 512] = (uint8_t)(q + 1);
			ck_assert_int_eq(hand_answer(&hand, q, &r), PV_BLKIF_RSP_OKAY);
			ck_assert_uint_eq(hand_page(&hand, q)[0], q + 1);
			for (k = 0; k < 4; k++) {
				ck_assert_uint_eq(rig.bus.port[1 + k].notifies - before[k], k == q);
				ck_assert_uint_eq(hand_ring(&hand, k)->rsp_prod, k <= q);
			}
		}
		hand_stop(&hand);
	}
}
END_TEST

START_TEST(frontend_of_one_queue_may_say_so_or_not)
{
	struct pv_blkif_request r;
	unsigned said;

	for (said = 0; said < 2; said++) {
		start(1, 0, false);
		if (!said)
			rig.bus.dir[0].n = 0, mem_dir_write(&rig.bus, 0, "event-channel", "1");
		if (!said) {
			char text[12];

			snprintf(text, sizeof(text), "%u", hand.ref[0]);
			mem_dir_write(&rig.bus, 0, "ring-ref", text);
		}
		ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
		r = hand_request(&hand, PV_BLKIF_OP_READ, 0);
		ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_OKAY);
		hand_stop(&hand);
	}
}
END_TEST

START_TEST(choices_beyond_the_offer_do_not_connect)
{
	static const char *const bad[][2] = {
		{"multi-queue-num-queues", "0"},  {"multi-queue-num-queues", "5"},
		{"multi-queue-num-queues", "-1"}, {"multi-queue-num-queues", ""},
		{"ring-page-order", "5"},	  {"ring-page-order", "4294967296"},
		{"feature-persistent", "2"},	  {"protocol", "vax-abi"},
		{"queue-3/event-channel", "9"},	  {"queue-3/event-channel", "x"},
		{"queue-3/ring-ref1", "4095"},	  {"queue-0/ring-ref0", "4294967295"},
		{"queue-2/ring-ref0", "3"},
	};
	unsigned i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		start(4, 1, true);
		mem_dir_write(&rig.bus, 0, bad[i][0], bad[i][1]);
		ck_assert_msg(hand_connect(&hand) == -PV_EPROTO, "%s = %s", bad[i][0], bad[i][1]);
		ck_assert_uint_eq(rig.bus.maps, 0);
		ck_assert_uint_eq(rig.bus.nr_broken, 1);
		ck_assert_int_eq(rig.bus.dir[1].state, 5);
		/* It may come back and do better. */
		hand_publish(&hand);
		mem_dir_write(&rig.bus, 0, "protocol", "x86_64-abi");
		mem_dir_state(&rig.bus, 0, 1);
		pv_blkback_step(&rig.back);
		ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
		hand_stop(&hand);
	}
}
END_TEST

START_TEST(kth_failure_of_a_connect_counts_back_to_zero)
{
	unsigned k;

	for (k = 0; k < 8; k++) {
		start(4, 2, true);
		rig.bus.fail_back_after = k;
		ck_assert_int_eq(hand_connect(&hand), -PV_EPROTO);
		ck_assert_uint_eq(rig.bus.maps, 0);
		mem_dir_state(&rig.bus, 0, 1);
		pv_blkback_step(&rig.back);
		ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
		hand_stop(&hand);
	}
}
END_TEST

/* XSA-38, XSA-86, XSA-155: one queue whose indices run away stops all of them, once. */
START_TEST(runaway_producer_of_one_queue_stops_the_device)
{
	unsigned q;

	start(4, 0, false);
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
	hand_ring(&hand, 2)->req_prod = hand.nr + 1;
	ck_assert_int_eq(pv_blkback_work(&rig.back, 1, 8), 0);
	ck_assert_int_eq(pv_blkback_work(&rig.back, 2, 8), -PV_EPROTO);
	for (q = 0; q < 4; q++) {
		hand_ring(&hand, q)->req_prod = 0x80000000;
		ck_assert_int_eq(pv_blkback_work(&rig.back, q, 8), -PV_EPROTO);
		ck_assert(!pv_blkback_arm(&rig.back, q));
	}
	ck_assert_uint_eq(rig.bus.nr_broken, 1);
	ck_assert_int_eq(pv_blkback_step(&rig.back), -PV_EPROTO);
	ck_assert_uint_eq(rig.bus.maps, 0);
	hand_stop(&hand);
}
END_TEST

/* --- the model --- */

static uint8_t model[RIG_SECTORS * 512];

/* Random pieces of random pages, written to `seg`; the number of sectors. */
static uint32_t random_pieces(struct rng *g, struct pv_blkif_request_segment *seg, unsigned n,
			      unsigned *page)
{
	uint32_t sum = 0;
	unsigned i, first = rng_below(g, HAND_DATA);

	for (i = 0; i < n; i++) {
		uint8_t from = (uint8_t)rng_below(g, 8),
			to = from + (uint8_t)rng_below(g, 8 - from);

		/* No page twice: what such a read leaves there would depend on the order. */
		page[i] = (first + i) % HAND_DATA;
		seg[i] = (struct pv_blkif_request_segment){hand_ref(&hand, page[i]), from, to};
		sum += to - from + 1u;
	}
	return sum;
}

static void compare_or_write(const struct pv_blkif_request_segment *seg, const unsigned *page,
			     unsigned n, uint64_t sector, bool write)
{
	uint8_t *m = model + sector * 512;
	unsigned i;

	for (i = 0; i < n; i++) {
		uint8_t *p = hand_page(&hand, page[i]) + seg[i].first_sect * 512;
		size_t len = (seg[i].last_sect - seg[i].first_sect + 1u) * 512;

		if (write)
			memcpy(m, p, len);
		else
			ck_assert_int_eq(memcmp(m, p, len), 0);
		m += len;
	}
}

/* Returns true if the request was to be refused. */
static bool one_rw(struct rng *g, unsigned q)
{
	bool write = rng_below(g, 2), indirect = rng_below(g, 4) == 0;
	unsigned n = 1 + rng_below(g, indirect ? HAND_DATA : 11), page[HAND_DATA];
	struct pv_blkif_request_segment seg[HAND_DATA];
	uint8_t op = write ? PV_BLKIF_OP_WRITE : PV_BLKIF_OP_READ;
	struct pv_blkif_request r = hand_request(&hand, op, 0);
	struct pv_blkif_request_indirect *ind = (struct pv_blkif_request_indirect *)&r;
	uint64_t sector = rng_below(g, RIG_SECTORS + 2);
	uint32_t sectors = random_pieces(g, seg, n, page);
	bool bad = sector + sectors > RIG_SECTORS;
	int status;

	if (rng_below(g, 1000) == 0)
		sector = UINT64_MAX - rng_below(g, 64), bad = true;
	hand_page(&hand, page[0])[rng_below(g, MEM_PAGE)] = (uint8_t)rng_next(g);
	r.sector_number = sector;
	if (indirect) {
		memset(&r, 0, sizeof(r));
		ind->operation = PV_BLKIF_OP_INDIRECT;
		ind->indirect_op = op;
		ind->nr_segments = (uint16_t)n;
		ind->sector_number = sector;
		ind->indirect_grefs[0] = hand_ref(&hand, HAND_LIST);
		memcpy(hand_page(&hand, HAND_LIST), seg, n * sizeof(seg[0]));
	} else {
		r.nr_segments = (uint8_t)n;
		memcpy(r.seg, seg, n * sizeof(seg[0]));
	}
	status = hand_answer(&hand, q, &r);
	ck_assert_int_eq(status, bad ? PV_BLKIF_RSP_ERROR : PV_BLKIF_RSP_OKAY);
	if (!bad)
		compare_or_write(seg, page, n, sector, write);
	return bad;
}

static bool one_discard(struct rng *g, unsigned q)
{
	uint64_t sector = rng_below(g, RIG_SECTORS + 2), n = rng_below(g, 40);
	struct pv_blkif_request r;
	struct pv_blkif_request_discard *d = (struct pv_blkif_request_discard *)&r;
	bool bad = n == 0 || sector + n > RIG_SECTORS;

	memset(&r, 0, sizeof(r));
	d->operation = PV_BLKIF_OP_DISCARD;
	d->sector_number = sector;
	d->nr_sectors = n;
	ck_assert_int_eq(hand_answer(&hand, q, &r), bad ? PV_BLKIF_RSP_ERROR : PV_BLKIF_RSP_OKAY);
	if (!bad)
		memset(model + sector * 512, 0, n * 512);
	return bad;
}

/*
 * XSA-229: a million random requests, pieces of any size at any sector, also across the end of the disk, over four
 * queues, against a flat array; with kept maps and without.
 */
START_TEST(million_random_requests_match_a_flat_array)
{
	struct rng g = {test_seed("model")};
	unsigned i, runs = test_runs(500000), refused = 0;

	start(4, 1, _i);
	memset(model, 0, sizeof(model));
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
	for (i = 0; i < runs; i++) {
		unsigned q = rng_below(&g, 4);

		refused += rng_below(&g, 12) ? one_rw(&g, q) : one_discard(&g, q);
		ck_assert_uint_le(rig.bus.maps, hand_ring_maps(&hand) + (_i ? 4 * 24 : 0));
		/* Now and then the two differ for longer than a request. */
		if (i % 1024 == 0)
			ck_assert_int_eq(memcmp(model, rig.data, sizeof(model)), 0);
	}
	ck_assert_int_eq(memcmp(model, rig.data, sizeof(model)), 0);
	printf("# %u requests, %u of them refused\n", runs, refused);
	ck_assert_uint_gt(refused, runs / 100);
	hand_stop(&hand);
}
END_TEST

/* --- state --- */

static void settle_and_export(struct pv_blkback_state *st)
{
	pv_blkback_quiesce(&rig.back, true);
	ck_assert_int_eq(pv_blkback_export(&rig.back, st), 0);
	ck_assert_int_eq(pv_blkback_destroy(&rig.back), 0);
	ck_assert_uint_eq(rig.bus.maps, 0);
}

START_TEST(state_of_all_queues_moves)
{
	struct pv_blkback_state st;
	struct pv_blkif_request r;
	unsigned q, k;

	start(3, 1, true);
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
	for (k = 0; k < 20; k++) {
		for (q = 0; q < 3; q++) {
			r = hand_request(&hand, PV_BLKIF_OP_WRITE, q);
			ck_assert_int_eq(hand_answer(&hand, q, &r), PV_BLKIF_RSP_OKAY);
		}
		ck_assert_uint_eq(rig.bus.maps, hand_ring_maps(&hand) + 3);
		settle_and_export(&st);
		ck_assert_uint_eq(st.nr_queues, 3);
		ck_assert_uint_eq(st.persistent, 1);
		ck_assert_int_eq(pv_blkback_import(&rig.back, &st, sizeof(st)), 0);
		pv_blkback_quiesce(&rig.back, false);
	}
	hand_stop(&hand);
}
END_TEST

START_TEST(state_of_a_time_before_queues_is_accepted)
{
	struct pv_blkback_state st;
	struct pv_blkif_request r;
	uint32_t size;

	ck_assert_uint_eq(PV_BLKBACK_STATE_MIN, 92);
	for (size = 0; size <= sizeof(st); size += 4) {
		int rc;

		start(1, 0, false);
		ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
		settle_and_export(&st);
		/* What lies behind the end says nothing. */
		memset((uint8_t *)&st + size, 0xff, sizeof(st) - size);
		rc = pv_blkback_import(&rig.back, &st, size);
		ck_assert_int_eq(rc, size < PV_BLKBACK_STATE_MIN ? -PV_EINVAL : 0);
		if (rc == 0) {
			pv_blkback_quiesce(&rig.back, false);
			r = hand_request(&hand, PV_BLKIF_OP_READ, 0);
			ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_OKAY);
		}
		hand_stop(&hand);
	}
}
END_TEST

START_TEST(hostile_state_is_refused)
{
	static const struct {
		uint32_t at, value;
	} bad[] = {
		{offsetof(struct pv_blkback_state, state), 0},
		{offsetof(struct pv_blkback_state, state), 7},
		{offsetof(struct pv_blkback_state, protocol), 3},
		{offsetof(struct pv_blkback_state, nr_ring_pages), 0},
		{offsetof(struct pv_blkback_state, nr_ring_pages), 3},
		{offsetof(struct pv_blkback_state, nr_ring_pages), 32},
		{offsetof(struct pv_blkback_state, first.req_cons), 5},
		{offsetof(struct pv_blkback_state, first.ring_ref), 4095},
		{offsetof(struct pv_blkback_state, persistent), 2},
		{offsetof(struct pv_blkback_state, nr_queues), 5},
		{offsetof(struct pv_blkback_state, nr_queues), UINT32_MAX},
		{offsetof(struct pv_blkback_state, more[1].rsp_prod), 1},
		{offsetof(struct pv_blkback_state, more[1].front_port), 9},
		{offsetof(struct pv_blkback_state, more[1].ring_ref[1]), 1},
	};
	struct pv_blkback_state good, st;
	unsigned i;

	start(3, 1, true);
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
	settle_and_export(&good);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		st = good;
		memcpy((uint8_t *)&st + bad[i].at, &bad[i].value, 4);
		ck_assert_msg(pv_blkback_import(&rig.back, &st, sizeof(st)) == -PV_EINVAL,
			      "case %u", i);
		ck_assert_uint_eq(rig.bus.maps, 0);
	}
	ck_assert_int_eq(pv_blkback_import(&rig.back, &good, sizeof(good)), 0);
	hand_stop(&hand);
}
END_TEST

/* --- any state at any time --- */

static void random_request(struct rng *g)
{
	unsigned q = rng_below(g, hand.queues);
	struct pv_blkif_request r =
		hand_request(&hand, (uint8_t)rng_below(g, 6), rng_below(g, HAND_DATA + 1));

	r.nr_segments = (uint8_t)rng_below(g, 4);
	r.seg[1] = r.seg[2] = r.seg[0];
	r.seg[2].gref = hand_ref(&hand, rng_below(g, HAND_DATA));
	if (hand_ring(&hand, q)->req_prod - hand_ring(&hand, q)->rsp_prod < hand.nr)
		hand_put(&hand, q, &r);
}

/*
 * B9 (XSA-350, XSA-465 and their like): the frontend closes, comes back with other choices, or says nonsense,
 * with requests anywhere; 10^5 changes. XSA-349: the changes cost nothing that grows: there is no queue of them.
 */
START_TEST(every_state_at_any_time_with_other_choices_ends_clean)
{
	struct rng g = {test_seed("transitions")};
	unsigned i, k, connects = 0;

	start(4, 1, true);
	for (i = 0; i < test_runs(100000); i++) {
		static const int likely[] = {1, 3, 3, 4, 4, 5, 6};
		unsigned what = rng_below(&g, 10);

		if (what < 3) {
			mem_dir_state(&rig.bus, 0, (int)rng_below(&g, 11) - 1);
			pv_blkback_step(&rig.back);
		} else if (what < 6) {
			mem_dir_state(&rig.bus, 0, likely[rng_below(&g, 7)]);
			connects += pv_blkback_step(&rig.back) == PV_BACK_CONNECTED;
		} else if (what == 6 && !rig.back.connected) {
			hand.persistent = rng_below(&g, 2);
			hand_publish(&hand);
			if (rng_below(&g, 4) == 0)
				mem_dir_write(&rig.bus, 0, "multi-queue-num-queues",
					      rng_below(&g, 2) ? "2" : "7");
			memset(hand.mem, 0, hand_ring_maps(&hand) * MEM_PAGE);
		} else if (what == 7) {
			for (k = rng_below(&g, 6); k; k--)
				random_request(&g);
		}
		for (k = 0; k < 4; k++)
			if (rng_below(&g, 3) == 0)
				pv_blkback_work(&rig.back, k, 4);
		if (rng_below(&g, 2))
			blk_rig_complete_one(&rig);
		if (!rig.back.connected)
			ck_assert_uint_eq(rig.bus.maps, 0);
	}
	printf("# %u steps found it connected\n", connects);
	ck_assert_uint_gt(connects, i / 100);
	hand_stop(&hand);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("blk queues");

	tcase_set_timeout(t, 250);
	tcase_add_test(t, offers_are_written_before_anything_is_asked);
	tcase_add_test(t, each_queue_answers_in_its_ring_and_on_its_port);
	tcase_add_test(t, frontend_of_one_queue_may_say_so_or_not);
	tcase_add_test(t, choices_beyond_the_offer_do_not_connect);
	tcase_add_test(t, kth_failure_of_a_connect_counts_back_to_zero);
	tcase_add_test(t, runaway_producer_of_one_queue_stops_the_device);
	tcase_add_loop_test(t, million_random_requests_match_a_flat_array, 0, 2);
	tcase_add_test(t, state_of_all_queues_moves);
	tcase_add_test(t, state_of_a_time_before_queues_is_accepted);
	tcase_add_test(t, hostile_state_is_refused);
	tcase_add_test(t, every_state_at_any_time_with_other_choices_ends_clean);
	return run_case("blk queues", t);
}
