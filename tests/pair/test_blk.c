/*
 * Block frontend against block backend under random schedules.
 *
 * Single-threaded: every step of either side, of the disk and of the events is chosen by a
 * generator whose seed is printed. The reference is a flat array.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/blkif.h>
#include "blk_rig.h"
#include "run.h"

#define INFLIGHT  24
#define MAX_BYTES (32u * 1024)

struct job {
	struct pv_blkfront_req req;
	struct pv_blkfront_seg seg[4];
	uint8_t *buf; /* from the bus: page aligned */
	uint64_t first, n;
	bool active, expect_error;
};

struct run {
	struct blk_rig rig;
	uint8_t model[RIG_SECTORS * 512];
	struct job job[INFLIGHT];
	unsigned active, finished, refused;
	bool lenient;  /* errors are expected: a fault was injected */
	bool draining; /* nothing new */
};

static void settle(struct run *t, struct job *j)
{
	uint8_t *m = t->model + j->first * 512;
	size_t len = j->n * 512;

	j->active = false;
	t->active--;
	t->finished++;
	if (j->req.status != 0) {
		ck_assert_msg(t->lenient || t->rig.fail_with, "request failed: %d", j->req.status);
		/* A write that failed may or may not have happened. */
		if (j->req.op != PV_BLKFRONT_READ && j->req.op != PV_BLKFRONT_FLUSH)
			memcpy(m, t->rig.data + j->first * 512, len);
		return;
	}
	switch (j->req.op) {
	case PV_BLKFRONT_READ: {
		uint32_t i;

		for (i = 0; i < j->req.nseg; i++) {
			ck_assert_msg(memcmp(j->seg[i].va, m, j->seg[i].len) == 0,
				      "read of sector %llu differs", (unsigned long long)j->first);
			m += j->seg[i].len;
		}
		break;
	}
	case PV_BLKFRONT_WRITE: {
		uint32_t i;

		for (i = 0; i < j->req.nseg; i++) {
			memcpy(m, j->seg[i].va, j->seg[i].len);
			m += j->seg[i].len;
		}
		break;
	}
	case PV_BLKFRONT_DISCARD: memset(m, 0, len); break;
	default: break;
	}
}

static void done(struct pv_blkfront_req *req)
{
	struct job *j = (struct job *)req;

	settle(req->user, j);
}

static bool overlaps(const struct run *t, uint64_t first, uint64_t n)
{
	unsigned i;

	for (i = 0; i < INFLIGHT; i++)
		if (t->job[i].active && first < t->job[i].first + t->job[i].n &&
		    t->job[i].first < first + n)
			return true;
	return false;
}

/* Cuts n sectors into up to four pieces at odd places of the buffer. */
static void cut(struct run *t, struct job *j, uint64_t n)
{
	struct rng *g = &t->rig.rng;
	uint8_t *p = j->buf + rng_below(g, 8) * 512;
	uint32_t i = 0;

	while (n) {
		uint64_t len = i == 3 ? n : 1 + rng_below(g, (uint32_t)n);

		j->seg[i].va = p;
		j->seg[i].len = (uint32_t)(len * 512);
		p += len * 512;
		n -= len;
		i++;
	}
	j->req.seg = j->seg;
	j->req.nseg = i;
}

static void submit_one(struct run *t)
{
	struct rng *g = &t->rig.rng;
	uint64_t first = rng_below(g, RIG_SECTORS + 4), n;
	struct job *j = NULL;
	uint32_t i, op = rng_below(g, 10);
	int rc;

	for (i = 0; i < INFLIGHT && !j; i++)
		if (!t->job[i].active)
			j = &t->job[i];
	if (!j)
		return;
	n = 1 + rng_below(g, rng_below(g, 4) ? 16 : 50);
	if (overlaps(t, first, n))
		return;
	memset(&j->req, 0, sizeof(j->req));
	j->req.op = op < 4   ? PV_BLKFRONT_READ
		    : op < 8 ? PV_BLKFRONT_WRITE
		    : op < 9 ? PV_BLKFRONT_FLUSH
			     : PV_BLKFRONT_DISCARD;
	j->req.sector = first;
	j->req.done = done;
	j->req.user = t;
	if (j->req.op == PV_BLKFRONT_FLUSH)
		n = 0;
	else if (j->req.op == PV_BLKFRONT_DISCARD)
		j->req.nr_sectors = n;
	else
		cut(t, j, n);
	for (i = 0; j->req.op == PV_BLKFRONT_WRITE && i < MAX_BYTES; i += 64)
		j->buf[i] = (uint8_t)rng_next(g);
	j->first = j->req.op == PV_BLKFRONT_FLUSH ? 0 : first;
	j->n = n;
	rc = pv_blkfront_submit(&t->rig.front, &j->req);
	if (j->req.op != PV_BLKFRONT_FLUSH && first + n > RIG_SECTORS) {
		ck_assert(rc == -PV_EINVAL || rc == -PV_EAGAIN || rc == -PV_ENOTCONN ||
			  rc == -PV_EPROTO);
		t->refused++;
		return;
	}
	if (rc == 0) {
		j->active = true;
		t->active++;
	} else if (!t->lenient) {
		ck_assert_msg(rc == -PV_EAGAIN || rc == -PV_E2BIG, "submit: %d", rc);
	}
}

/*
 * One turn of somebody. Each side looks at its ring only when it was told to: a lost event shows
 * as requests that never finish.
 */
static void turn(struct run *t)
{
	struct blk_rig *r = &t->rig;

	switch (rng_below(&r->rng, 6)) {
	case 0:
		if (!t->draining)
			submit_one(t);
		break;
	case 1: pv_blkfront_push(&r->front); break;
	case 2:
		if (mem_bus_take(&r->bus.back_event))
			do
				while (pv_blkback_work(&r->back, 0, 1 + rng_below(&r->rng, 8)) > 0)
					;
			while (pv_blkback_arm(&r->back, 0));
		break;
	case 3:
		if (blk_rig_complete_one(r)) {
			if (rng_below(&r->rng, 2))
				pv_blkback_flush(&r->back, 0);
			/* A completion is also the backend's cue to look for more. */
			raise_event(&r->bus.back_event);
		}
		break;
	case 4:
		if (mem_bus_take(&r->bus.front_event))
			do
				while (pv_blkfront_reap(&r->front, 1 + rng_below(&r->rng, 8)) > 0)
					;
			while (pv_blkfront_arm(&r->front));
		break;
	default:
		if (mem_bus_take(&r->bus.back_watch))
			pv_blkback_step(&r->back);
		if (mem_bus_take(&r->bus.front_watch))
			pv_blkfront_step(&r->front);
		break;
	}
}

static void start(struct run *t, uint64_t seed)
{
	unsigned i;

	memset(t, 0, sizeof(*t));
	blk_rig_init(&t->rig, seed);
	for (i = 0; i < INFLIGHT; i++)
		t->job[i].buf = t->rig.bus.front.pages_alloc(&t->rig.bus, MAX_BYTES / MEM_PAGE);
}

static void drain(struct run *t)
{
	unsigned i;

	t->draining = true;
	pv_blkfront_push(&t->rig.front);
	for (i = 0; t->active && i < 100000; i++)
		turn(t);
	ck_assert_msg(t->active == 0, "%u requests never finished", t->active);
	t->draining = false;
}

static void stop(struct run *t)
{
	unsigned i;

	blk_rig_close(&t->rig);
	ck_assert_uint_eq(t->active, 0);
	for (i = 0; i < INFLIGHT; i++)
		t->rig.bus.front.pages_free(&t->rig.bus, t->job[i].buf, MAX_BYTES / MEM_PAGE);
	ck_assert_msg(!mem_bus_error(&t->rig.bus), "%s", mem_bus_error(&t->rig.bus));
	ck_assert(mem_bus_idle(&t->rig.bus, 0));
	blk_rig_fini(&t->rig);
}

static uint64_t seed;
static struct run run;

START_TEST(random_io_matches_flat_array)
{
	unsigned runs = test_runs(10000), i, k, finished = 0, refused = 0;

	for (i = 0; i < runs; i++) {
		start(&run, seed + i);
		ck_assert(blk_rig_connect(&run.rig));
		for (k = 0; k < 150; k++)
			turn(&run);
		drain(&run);
		ck_assert_int_eq(memcmp(run.model, run.rig.data, sizeof(run.model)), 0);
		finished += run.finished;
		refused += run.refused;
		stop(&run);
	}
	printf("# %u requests finished, %u over the end refused\n", finished, refused);
	ck_assert_uint_gt(finished, runs);
	ck_assert_uint_gt(refused, 0);
}
END_TEST

START_TEST(reconnects_leave_nothing_behind)
{
	unsigned i, k, cycle;

	for (i = 0; i < test_runs(200); i++) {
		start(&run, seed + i);
		run.lenient = true;
		for (cycle = 0; cycle < 20; cycle++) {
			ck_assert(blk_rig_connect(&run.rig));
			for (k = 0; k < 40; k++)
				turn(&run);
			blk_rig_close(&run.rig);
			ck_assert_uint_eq(run.active, 0);
			ck_assert(mem_bus_idle(&run.rig.bus, INFLIGHT * MAX_BYTES / MEM_PAGE));
			ck_assert(pv_blkfront_init(&run.rig.front, &run.rig.bus.front,
						   &run.rig.fcfg, NULL, NULL) == 0);
		}
		stop(&run);
	}
}
END_TEST

START_TEST(kth_backend_failure_counts_back_to_zero)
{
	unsigned i, k;

	for (i = 0; i < test_runs(300); i++) {
		start(&run, seed + i);
		run.lenient = true;
		run.rig.bus.fail_back_after = i % 40;
		/* If a ring mapping fails, the frontend is closed and may come back. */
		if (!blk_rig_connect(&run.rig)) {
			blk_rig_close(&run.rig);
			ck_assert(pv_blkfront_init(&run.rig.front, &run.rig.bus.front,
						   &run.rig.fcfg, NULL, NULL) == 0);
			ck_assert(blk_rig_connect(&run.rig));
		}
		for (k = 0; k < 300; k++)
			turn(&run);
		drain(&run);
		ck_assert_int_eq(memcmp(run.model, run.rig.data, sizeof(run.model)), 0);
		stop(&run);
	}
}
END_TEST

START_TEST(kth_frontend_failure_counts_back_to_zero)
{
	unsigned k, failed = 0;

	for (k = 0; k < 60; k++) {
		start(&run, seed);
		run.rig.bus.fail_front_after = k;
		if (!blk_rig_connect(&run.rig)) {
			failed++;
			ck_assert(mem_bus_idle(&run.rig.bus, INFLIGHT * MAX_BYTES / MEM_PAGE));
			ck_assert(pv_blkfront_init(&run.rig.front, &run.rig.bus.front,
						   &run.rig.fcfg, NULL, NULL) == 0);
			ck_assert(blk_rig_connect(&run.rig));
		}
		run.rig.bus.fail_front_after = -1;
		stop(&run);
	}
	ck_assert_uint_gt(failed, 0);
}
END_TEST

START_TEST(disk_errors_reach_their_request_only)
{
	unsigned k;

	start(&run, seed);
	ck_assert(blk_rig_connect(&run.rig));
	run.rig.fail_with = -PV_EIO;
	for (k = 0; k < 500; k++)
		turn(&run);
	drain(&run);
	run.rig.fail_with = 0;
	for (k = 0; k < 500; k++)
		turn(&run);
	drain(&run);
	ck_assert_uint_gt(run.rig.back.queue[0].stats.errors, 0);
	ck_assert_int_eq(memcmp(run.model, run.rig.data, sizeof(run.model)), 0);
	stop(&run);
}
END_TEST

/* A backend that is saved, thrown away and restored from its state on a running frontend. */
START_TEST(backend_state_moves_while_io_goes_on)
{
	unsigned i, k, moves;

	for (i = 0; i < 100; i++) {
		start(&run, seed + i);
		ck_assert(blk_rig_connect(&run.rig));
		for (moves = 0; moves < 10; moves++) {
			struct pv_blkback_state st;

			for (k = 0; k < 60; k++)
				turn(&run);
			pv_blkback_quiesce(&run.rig.back, true);
			while (pv_blkback_inflight(&run.rig.back)) {
				blk_rig_complete_one(&run.rig);
				pv_blkback_work(&run.rig.back, 0, 64);
			}
			ck_assert_int_eq(pv_blkback_export(&run.rig.back, &st), 0);
			ck_assert_int_eq(pv_blkback_destroy(&run.rig.back), 0);
			memset(&run.rig.back, 0xff, sizeof(run.rig.back));
			ck_assert_int_eq(pv_blkback_init(&run.rig.back, &run.rig.bus.back,
							 &run.rig.disk, &run.rig.bcfg, run.rig.mem,
							 pv_blkback_mem_size(&run.rig.bcfg)),
					 0);
			ck_assert_int_eq(pv_blkback_import(&run.rig.back, &st, sizeof(st)), 0);
			ck_assert_int_eq(pv_blkback_work(&run.rig.back, 0, 64), 0);
			pv_blkback_quiesce(&run.rig.back, false);
			/* The owner looks once: what was notified before the save is spent. */
			raise_event(&run.rig.bus.back_event);
		}
		drain(&run);
		ck_assert_int_eq(memcmp(run.model, run.rig.data, sizeof(run.model)), 0);
		stop(&run);
	}
}
END_TEST

START_TEST(export_refuses_with_requests_in_flight)
{
	struct pv_blkback_state st;

	start(&run, seed);
	ck_assert(blk_rig_connect(&run.rig));
	while (!pv_blkback_inflight(&run.rig.back))
		turn(&run);
	ck_assert_int_eq(pv_blkback_export(&run.rig.back, &st), -PV_EBUSY);
	drain(&run);
	ck_assert_int_eq(pv_blkback_export(&run.rig.back, &st), 0);
	st.first.req_cons++;
	ck_assert_int_eq(pv_blkback_destroy(&run.rig.back), 0);
	ck_assert_int_eq(pv_blkback_import(&run.rig.back, &st, sizeof(st)), -PV_EINVAL);
	st.first.req_cons--;
	st.nr_ring_pages = 17;
	ck_assert_int_eq(pv_blkback_import(&run.rig.back, &st, sizeof(st)), -PV_EINVAL);
	st.nr_ring_pages = 3;
	ck_assert_int_eq(pv_blkback_import(&run.rig.back, &st, sizeof(st)), -PV_EINVAL);
	stop(&run);
}
END_TEST

/* The guest moves: grants, ports and the backend are new, requests in flight go out again. */
START_TEST(requests_survive_suspend_and_resume)
{
	unsigned i, k;

	for (i = 0; i < test_runs(200); i++) {
		start(&run, seed + i);
		ck_assert(blk_rig_connect(&run.rig));
		for (k = 0; k < 100; k++)
			turn(&run);
		pv_blkfront_suspend(&run.rig.front);
		ck_assert_int_eq(pv_blkfront_submit(&run.rig.front, &run.job[0].req), -PV_EAGAIN);
		/* The old backend dies with what it has not done. */
		while (blk_rig_complete_one(&run.rig) || pv_blkback_inflight(&run.rig.back))
			pv_blkback_work(&run.rig.back, 0, 64);
		ck_assert_int_eq(pv_blkback_destroy(&run.rig.back), 0);
		ck_assert_int_eq(pv_blkback_init(&run.rig.back, &run.rig.bus.back, &run.rig.disk,
						 &run.rig.bcfg, run.rig.mem,
						 pv_blkback_mem_size(&run.rig.bcfg)),
				 0);
		run.rig.bus.dir[0].state = run.rig.bus.dir[1].state = 1;
		memset(run.rig.bus.port, 0, sizeof(run.rig.bus.port));
		run.rig.bus.ports = 0;
		ck_assert_int_eq(pv_blkfront_resume(&run.rig.front), 0);
		ck_assert(blk_rig_connect(&run.rig));
		raise_event(&run.rig.bus.back_event);
		drain(&run);
		ck_assert_int_eq(memcmp(run.model, run.rig.data, sizeof(run.model)), 0);
		stop(&run);
	}
}
END_TEST

START_TEST(cancelled_suspend_changes_nothing)
{
	unsigned k;

	start(&run, seed);
	ck_assert(blk_rig_connect(&run.rig));
	for (k = 0; k < 100; k++)
		turn(&run);
	pv_blkfront_suspend(&run.rig.front);
	for (k = 0; k < 100; k++)
		turn(&run);
	pv_blkfront_unsuspend(&run.rig.front);
	raise_event(&run.rig.bus.front_event);
	drain(&run);
	stop(&run);
}
END_TEST

START_TEST(resize_is_seen_by_the_frontend)
{
	start(&run, seed);
	ck_assert(blk_rig_connect(&run.rig));
	ck_assert_uint_eq(run.rig.front.info.sectors, RIG_SECTORS);
	ck_assert_int_eq(pv_blkback_resize(&run.rig.back, RIG_SECTORS / 2), 0);
	ck_assert(mem_bus_take(&run.rig.bus.front_watch));
	ck_assert_int_eq(pv_blkfront_step(&run.rig.front), PV_FRONT_CONNECTED);
	ck_assert_uint_eq(run.rig.front.info.sectors, RIG_SECTORS / 2);
	stop(&run);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pair");

	seed = test_seed("blk pair");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, random_io_matches_flat_array);
	tcase_add_test(tc, reconnects_leave_nothing_behind);
	tcase_add_test(tc, kth_backend_failure_counts_back_to_zero);
	tcase_add_test(tc, kth_frontend_failure_counts_back_to_zero);
	tcase_add_test(tc, disk_errors_reach_their_request_only);
	tcase_add_test(tc, backend_state_moves_while_io_goes_on);
	tcase_add_test(tc, export_refuses_with_requests_in_flight);
	tcase_add_test(tc, requests_survive_suspend_and_resume);
	tcase_add_test(tc, cancelled_suspend_changes_nothing);
	tcase_add_test(tc, resize_is_seen_by_the_frontend);
	return run_case("blk pair", tc);
}
