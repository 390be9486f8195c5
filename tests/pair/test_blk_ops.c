/*
 * The block backend's less usual operations: barriers, secure discard, and what a response leaves on the wire.
 *
 * The frontend is played by hand (blk_hand.h).
 */
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
					  .secure_discard = true,
					  .max_segs = 64,
					  .depth = 16};
}

static void start(const struct pv_blkback_config *c)
{
	hand_start(&hand, &rig, c, 1, 0, false);
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
}

static void put(uint8_t op, unsigned data, uint64_t id)
{
	struct pv_blkif_request r = hand_request(&hand, op, data);

	r.id = id;
	r.sector_number = 8 * data;
	hand_put(&hand, 0, &r);
}

static void work(void)
{
	while (pv_blkback_work(&rig.back, 0, 64) > 0)
		;
}

/* A barrier waits for what came before it, and what comes after waits for it. */
START_TEST(barrier_is_a_wall_in_both_directions)
{
	struct pv_blkback_config c = config();
	unsigned i;

	start(&c);
	for (i = 0; i < 3; i++)
		put(PV_BLKIF_OP_WRITE, i, i);
	put(PV_BLKIF_OP_WRITE_BARRIER, 3, 3);
	for (i = 4; i < 7; i++)
		put(PV_BLKIF_OP_WRITE, i, i);
	work();
	ck_assert_uint_eq(rig.queued, 3);
	ck_assert(!pv_blkback_arm(&rig.back, 0));
	while (rig.queued > 1)
		blk_rig_complete_one(&rig);
	work();
	ck_assert_uint_eq(rig.queued, 1);
	blk_rig_complete_one(&rig);
	/* Flush, write, flush, one after the other and alone. */
	for (i = 0; i < 3; i++) {
		work();
		ck_assert_uint_eq(rig.queued, 1);
		ck_assert_uint_eq(rig.queue[0]->op, i == 1 ? PV_BLK_WRITE : PV_BLK_FLUSH);
		blk_rig_complete_one(&rig);
	}
	ck_assert_uint_eq(rig.flushes, 2);
	work();
	ck_assert_uint_eq(rig.queued, 3);
	while (blk_rig_complete_one(&rig))
		;
	pv_blkback_flush(&rig.back, 0);
	ck_assert_uint_eq(hand_ring(&hand, 0)->rsp_prod, 7);
	hand_stop(&hand);
}
END_TEST

START_TEST(empty_barrier_is_a_flush)
{
	struct pv_blkback_config c = config();
	struct pv_blkif_request r;

	start(&c);
	r = hand_request(&hand, PV_BLKIF_OP_WRITE_BARRIER, 0);
	r.nr_segments = 0;
	ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_OKAY);
	ck_assert_uint_eq(rig.flushes, 1);
	hand_stop(&hand);
}
END_TEST

START_TEST(barrier_that_fails_or_is_cut_off_is_answered_or_given_up)
{
	struct pv_blkback_config c = config();
	struct pv_blkif_request r;

	start(&c);
	rig.fail_with = -PV_EIO;
	r = hand_request(&hand, PV_BLKIF_OP_WRITE_BARRIER, 0);
	ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_ERROR);
	rig.fail_with = 0;
	ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_OKAY);
	hand_stop(&hand);

	/* The other queue's ring breaks while one waits behind a write. */
	c.max_queues = 2;
	hand_start(&hand, &rig, &c, 2, 0, false);
	ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
	put(PV_BLKIF_OP_WRITE, 1, 1);
	put(PV_BLKIF_OP_WRITE_BARRIER, 2, 2);
	work();
	ck_assert_uint_eq(pv_blkback_inflight(&rig.back), 2);
	hand_ring(&hand, 1)->req_prod = 1000;
	ck_assert_int_eq(pv_blkback_work(&rig.back, 1, 1), -PV_EPROTO);
	ck_assert_int_eq(pv_blkback_work(&rig.back, 0, 1), -PV_EPROTO);
	ck_assert_uint_eq(pv_blkback_inflight(&rig.back), 1);
	blk_rig_complete_one(&rig);
	ck_assert_uint_eq(pv_blkback_inflight(&rig.back), 0);
	hand_stop(&hand);
}
END_TEST

START_TEST(barrier_drains_under_quiesce)
{
	struct pv_blkback_config c = config();
	struct pv_blkback_state st;

	start(&c);
	put(PV_BLKIF_OP_WRITE, 1, 1);
	put(PV_BLKIF_OP_WRITE_BARRIER, 2, 2);
	put(PV_BLKIF_OP_WRITE, 3, 3);
	work();
	pv_blkback_quiesce(&rig.back, true);
	while (pv_blkback_inflight(&rig.back)) {
		ck_assert(blk_rig_complete_one(&rig));
		work();
	}
	ck_assert_int_eq(pv_blkback_export(&rig.back, &st), 0);
	ck_assert_uint_eq(st.first.req_cons, 2);
	hand_stop(&hand);
}
END_TEST

/* B14: nothing that writes or forgets passes a read-only disk, nor an operation that was not offered. */
START_TEST(what_was_not_offered_or_may_not_write_is_refused)
{
	struct pv_blkif_request r;
	struct pv_blkif_request_discard *d = (struct pv_blkif_request_discard *)&r;
	struct pv_blkback_config c = config();
	unsigned flag;

	c.readonly = true;
	start(&c);
	r = hand_request(&hand, PV_BLKIF_OP_WRITE_BARRIER, 0);
	ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_ERROR);
	for (flag = 0; flag < 2; flag++) {
		memset(&r, 0, sizeof(r));
		d->operation = PV_BLKIF_OP_DISCARD;
		d->flag = (uint8_t)flag;
		d->nr_sectors = 8;
		ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_ERROR);
	}
	hand_stop(&hand);

	c = config();
	c.barrier = c.secure_discard = false;
	start(&c);
	r = hand_request(&hand, PV_BLKIF_OP_WRITE_BARRIER, 0);
	ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_EOPNOTSUPP);
	for (flag = 1; flag < 256; flag++) {
		memset(&r, 0, sizeof(r));
		d->operation = PV_BLKIF_OP_DISCARD;
		d->flag = (uint8_t)flag;
		d->nr_sectors = 8;
		ck_assert_int_eq(hand_answer(&hand, 0, &r), PV_BLKIF_RSP_EOPNOTSUPP);
	}
	hand_stop(&hand);
}
END_TEST

START_TEST(secure_discard_says_so_to_the_disk)
{
	struct pv_blkif_request r;
	struct pv_blkif_request_discard *d = (struct pv_blkif_request_discard *)&r;
	struct pv_blkback_config c = config();
	unsigned flag;

	start(&c);
	ck_assert_str_eq(mem_dir_read(&rig.bus, 1, "discard-secure"), "1");
	for (flag = 0; flag < 2; flag++) {
		memset(&r, 0, sizeof(r));
		d->operation = PV_BLKIF_OP_DISCARD;
		d->flag = flag ? PV_BLKIF_DISCARD_SECURE : 0;
		d->nr_sectors = 8;
		hand_put(&hand, 0, &r);
		work();
		ck_assert_uint_eq(rig.queued, 1);
		ck_assert_uint_eq(rig.queue[0]->op, PV_BLK_DISCARD);
		ck_assert_uint_eq(rig.queue[0]->secure, flag);
		blk_rig_complete_one(&rig);
	}
	hand_stop(&hand);
}
END_TEST

/* XSA-216: the slot holds the response and nothing that was there before, in both layouts. */
START_TEST(padding_of_every_response_is_zero)
{
	static const uint8_t ops[] = {PV_BLKIF_OP_READ, PV_BLKIF_OP_WRITE, 99, PV_BLKIF_OP_DISCARD};
	struct pv_blkback_config c = config();
	unsigned i, k, narrow;

	for (narrow = 0; narrow < 2; narrow++) {
		unsigned entry = narrow ? 108 : 112;
		/* id, operation, status; the byte after the operation is padding. */
		unsigned used = 12;
		uint8_t *slot;

		hand_start(&hand, &rig, &c, 1, 0, false);
		mem_dir_write(&rig.bus, 0, "protocol", narrow ? "x86_32-abi" : "x86_64-abi");
		ck_assert_int_eq(hand_connect(&hand), PV_BACK_CONNECTED);
		for (i = 0; i < sizeof(ops); i++) {
			struct pv_sring *s = hand_ring(&hand, 0);

			slot = (uint8_t *)(s + 1) + (s->req_prod & 31) * entry;
			memset(slot, 0xff, entry);
			slot[0] = ops[i];
			s->req_prod++;
			work();
			while (blk_rig_complete_one(&rig))
				;
			pv_blkback_flush(&rig.back, 0);
			ck_assert_uint_eq(s->rsp_prod, i + 1);
			ck_assert_uint_eq(slot[8], ops[i]);
			ck_assert_uint_eq(slot[9], 0);
			for (k = used; k < entry; k++)
				ck_assert_uint_eq(slot[k], 0);
		}
		hand_stop(&hand);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("blk ops");

	tcase_add_test(t, barrier_is_a_wall_in_both_directions);
	tcase_add_test(t, empty_barrier_is_a_flush);
	tcase_add_test(t, barrier_that_fails_or_is_cut_off_is_answered_or_given_up);
	tcase_add_test(t, barrier_drains_under_quiesce);
	tcase_add_test(t, what_was_not_offered_or_may_not_write_is_refused);
	tcase_add_test(t, secure_discard_says_so_to_the_disk);
	tcase_add_test(t, padding_of_every_response_is_zero);
	return run_case("blk ops", t);
}
