/*
 * The block backend's kept maps (persistent grants).
 *
 * The frontend is played by hand (blk_hand.h). Each case is a claim about what stays mapped, and for how long.
 */
#include <stdlib.h>
#include <string.h>
#include "blk_hand.h"
#include "run.h"

static struct blk_rig rig;
static struct blk_hand hand;

static void start(uint32_t max_kept, bool persistent)
{
	struct pv_blkback_config c = {.sectors = RIG_SECTORS,
				      .flush = true,
				      .max_segs = 64,
				      .depth = 16,
				      .max_queues = 2,
				      .max_kept = max_kept};

	hand_start(&hand, &rig, &c, 2, 0, persistent);
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
}

static unsigned kept(void)
{
	return rig.bus.maps - hand_ring_maps(&hand);
}

static int use(unsigned q, unsigned data, uint8_t op)
{
	struct pv_blkif_request r = hand_request(&hand, op, data);

	return hand_answer(&hand, q, &r);
}

START_TEST(page_that_is_used_again_is_mapped_once)
{
	struct pv_blkback_stats st;
	unsigned i;

	start(8, true);
	for (i = 0; i < 40; i++) {
		hand_page(&hand, i % 4)[0] = (uint8_t)i;
		ck_assert_int_eq(use(0, i % 4, PV_BLKIF_OP_WRITE), 0);
		ck_assert_uint_eq(rig.data[16 * 512], i);
		rig.data[16 * 512]++;
		ck_assert_int_eq(use(0, i % 4, PV_BLKIF_OP_READ), 0);
		ck_assert_uint_eq(hand_page(&hand, i % 4)[0], i + 1);
	}
	pv_blkback_stats(&rig.back, &st);
	ck_assert_uint_eq(st.kept, 4);
	ck_assert_uint_eq(st.reused, 2 * 40 - 4);
	ck_assert_uint_eq(kept(), 4);
	hand_stop(&hand);
}
END_TEST

START_TEST(frontend_that_does_not_ask_keeps_nothing_mapped)
{
	unsigned asked;

	for (asked = 0; asked < 2; asked++) {
		/* Asked for what was not offered. */
		start(asked ? 0 : 8, asked);
		ck_assert_int_eq(use(0, 0, PV_BLKIF_OP_WRITE), 0);
		ck_assert_int_eq(use(1, HAND_READONLY, PV_BLKIF_OP_WRITE), 0);
		ck_assert_uint_eq(kept(), 0);
		hand_stop(&hand);
	}
}
END_TEST

START_TEST(kept_maps_are_bounded_and_the_least_recently_used_goes)
{
	struct pv_blkback_stats st;
	unsigned i;

	start(4, true);
	for (i = 0; i < HAND_DATA; i++) {
		ck_assert_int_eq(use(0, i, PV_BLKIF_OP_READ), 0);
		ck_assert_int_eq(use(0, 0, PV_BLKIF_OP_READ), 0);
		ck_assert_uint_le(kept(), 4);
	}
	pv_blkback_stats(&rig.back, &st);
	/* Page 0 was always among the last four; its first use in the loop finds nothing. */
	ck_assert_uint_eq(st.reused, HAND_DATA);
	ck_assert_int_eq(use(0, HAND_DATA - 4, PV_BLKIF_OP_READ), 0);
	pv_blkback_stats(&rig.back, &st);
	ck_assert_uint_eq(st.reused, HAND_DATA);
	ck_assert_int_eq(use(0, HAND_DATA - 1, PV_BLKIF_OP_READ), 0);
	pv_blkback_stats(&rig.back, &st);
	ck_assert_uint_eq(st.reused, HAND_DATA + 1);
	/* Each queue has its own. */
	for (i = 0; i < 8; i++)
		ck_assert_int_eq(use(1, i, PV_BLKIF_OP_READ), 0);
	ck_assert_uint_eq(kept(), 8);
	hand_stop(&hand);
}
END_TEST

START_TEST(pages_of_requests_in_flight_are_not_let_go_for_others)
{
	struct pv_blkif_request r;
	unsigned i;

	start(4, true);
	for (i = 0; i < 12; i++) {
		r = hand_request(&hand, PV_BLKIF_OP_WRITE, i);
		r.sector_number = 8 * i;
		hand_page(&hand, i)[0] = (uint8_t)(100 + i);
		hand_put(&hand, 0, &r);
	}
	ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 64), 12);
	ck_assert_uint_eq(kept(), 12);
	while (blk_rig_complete_one(&rig))
		;
	pv_blkback_flush(&rig.back, 0);
	ck_assert_uint_eq(kept(), 4);
	for (i = 0; i < 12; i++)
		ck_assert_uint_eq(rig.data[8 * i * 512], 100 + i);
	hand_stop(&hand);
}
END_TEST

START_TEST(one_page_in_every_segment_of_many_requests_is_held_until_the_last)
{
	struct pv_blkif_request r;
	unsigned i;

	start(8, true);
	r = hand_request(&hand, PV_BLKIF_OP_READ, 3);
	r.nr_segments = 11;
	for (i = 1; i < 11; i++)
		r.seg[i] = r.seg[0];
	for (i = 0; i < 10; i++)
		hand_put(&hand, 0, &r);
	ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 64), 10);
	for (i = 0; i < 10; i++) {
		/* Nothing of it may go while it is at the disk. */
		ck_assert_uint_ge(pv_blkback_trim(&rig.back, 0), 1);
		ck_assert_uint_ge(kept(), 1);
		blk_rig_complete_one(&rig);
	}
	pv_blkback_flush(&rig.back, 0);
	ck_assert_uint_eq(kept(), 1);
	ck_assert_int_eq(use(0, 3, PV_BLKIF_OP_READ), 0);
	hand_stop(&hand);
}
END_TEST

START_TEST(page_that_cannot_be_written_is_no_persistent_grant)
{
	start(8, true);
	ck_assert_int_eq(use(0, HAND_READONLY, PV_BLKIF_OP_WRITE), PV_BLKIF_RSP_ERROR);
	ck_assert_uint_eq(kept(), 0);
	hand_stop(&hand);
}
END_TEST

/* XSA-361, XSA-362, XSA-365: the k-th map of a batch fails, for all k, with some pages kept already. */
START_TEST(kth_map_that_fails_costs_its_request_and_nothing_stays)
{
	struct pv_blkif_request_segment *seg;
	struct pv_blkif_request r;
	struct pv_blkif_request_indirect *ind = (struct pv_blkif_request_indirect *)&r;
	unsigned k, i, mode;

	for (mode = 0; mode < 2; mode++) {
		for (k = 0; k <= HAND_DATA; k++) {
			start(64, mode);
			for (i = 0; i < HAND_DATA; i += 3)
				ck_assert_int_eq(use(0, i, PV_BLKIF_OP_READ), 0);
			seg = (struct pv_blkif_request_segment *)hand_page(&hand, HAND_LIST);
			for (i = 0; i < HAND_DATA; i++)
				seg[i] =
					(struct pv_blkif_request_segment){hand_ref(&hand, i), 0, 7};
			memset(&r, 0, sizeof(r));
			ind->operation = PV_BLKIF_OP_INDIRECT;
			ind->indirect_op = PV_BLKIF_OP_READ;
			ind->nr_segments = HAND_DATA;
			ind->indirect_grefs[0] = hand_ref(&hand, HAND_LIST);
			rig.bus.fail_back_after = k;
			i = (unsigned)hand_answer(&hand, 0, &r) == 0;
			ck_assert_uint_eq(i, rig.bus.fail_back_after >= 0);
			rig.bus.fail_back_after = -1;
			ck_assert_uint_le(kept(), mode ? HAND_DATA : 0);
			ck_assert_int_eq(hand_answer(&hand, 0, &r), 0);
			hand_stop(&hand);
		}
	}
}
END_TEST

START_TEST(trim_ends_what_was_not_used_since_the_last_one)
{
	unsigned i;

	start(16, true);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(use(0, i, PV_BLKIF_OP_READ), 0);
	ck_assert_uint_eq(pv_blkback_trim(&rig.back, 0), 10);
	ck_assert_int_eq(use(0, 4, PV_BLKIF_OP_READ), 0);
	ck_assert_int_eq(use(0, 7, PV_BLKIF_OP_READ), 0);
	ck_assert_uint_eq(pv_blkback_trim(&rig.back, 0), 2);
	ck_assert_uint_eq(kept(), 2);
	ck_assert_uint_eq(pv_blkback_trim(&rig.back, 0), 0);
	ck_assert_uint_eq(pv_blkback_trim(&rig.back, 1), 0);
	ck_assert_uint_eq(kept(), 0);
	hand_stop(&hand);
}
END_TEST

START_TEST(disconnect_and_quiesce_give_every_map_back)
{
	unsigned i;

	start(16, true);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(use(i % 2, i, PV_BLKIF_OP_READ), 0);
	ck_assert_uint_eq(kept(), 10);
	pv_blkback_quiesce(&rig.back, true);
	ck_assert_uint_eq(kept(), 0);
	pv_blkback_quiesce(&rig.back, false);
	for (i = 0; i < 10; i++)
		ck_assert_int_eq(use(i % 2, i, PV_BLKIF_OP_READ), 0);
	ck_assert_uint_eq(kept(), 10);
	mem_dir_state(&rig.bus, 0, 5);
	pv_blkback_step(&rig.back);
	ck_assert_uint_eq(rig.bus.maps, 0);
	hand_stop(&hand);
}
END_TEST

/* References chosen to meet in one bucket, far more than there is room for, in random order. */
START_TEST(random_use_keeps_the_table_whole)
{
	struct rng g = {test_seed("kept")};
	unsigned i, k;

	start(7, true);
	for (i = 0; i < test_runs(40000); i++) {
		struct pv_blkif_request r = hand_request(&hand, rng_below(&g, 2), 0);

		r.nr_segments = (uint8_t)(1 + rng_below(&g, 11));
		for (k = 0; k < r.nr_segments; k++)
			r.seg[k] = (struct pv_blkif_request_segment){
				hand_ref(&hand, rng_below(&g, 4) ? rng_below(&g, 4) * 8
								 : rng_below(&g, HAND_DATA + 1)),
				0, 0};
		if (hand_ring(&hand, 0)->req_prod - hand_ring(&hand, 0)->rsp_prod < hand.nr)
			hand_put(&hand, 0, &r);
		pv_blkback_work(&rig.back, 0, rng_below(&g, 4));
		for (k = rng_below(&g, 3); k; k--)
			blk_rig_complete_one(&rig);
		pv_blkback_flush(&rig.back, 0);
		if (rng_below(&g, 50) == 0)
			pv_blkback_trim(&rig.back, 0);
		if (!pv_blkback_inflight(&rig.back))
			ck_assert_uint_le(kept(), 7);
	}
	hand_stop(&hand);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("blk kept");

	tcase_set_timeout(t, 100);
	tcase_add_test(t, page_that_is_used_again_is_mapped_once);
	tcase_add_test(t, frontend_that_does_not_ask_keeps_nothing_mapped);
	tcase_add_test(t, kept_maps_are_bounded_and_the_least_recently_used_goes);
	tcase_add_test(t, pages_of_requests_in_flight_are_not_let_go_for_others);
	tcase_add_test(t, one_page_in_every_segment_of_many_requests_is_held_until_the_last);
	tcase_add_test(t, page_that_cannot_be_written_is_no_persistent_grant);
	tcase_add_test(t, kth_map_that_fails_costs_its_request_and_nothing_stays);
	tcase_add_test(t, trim_ends_what_was_not_used_since_the_last_one);
	tcase_add_test(t, disconnect_and_quiesce_give_every_map_back);
	tcase_add_test(t, random_use_keeps_the_table_whole);
	return run_case("blk kept", t);
}
