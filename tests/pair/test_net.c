/*
 * Network frontend against network backend under random schedules: frames arrive once, in order,
 * intact.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/netif.h>
#include <pv/back/net.h>
#include <pv/front/net.h>
#include "mem_bus.h"
#include "run.h"

#define FLIGHT 24
#define BYTES  (17u * MEM_PAGE)

struct frame {
	struct pv_netfront_tx tx;
	struct pv_netfront_seg seg[6];
	uint8_t *buf;
	bool active;
};

struct run {
	struct mem_bus bus;
	struct pv_netfront front;
	struct pv_netback back;
	struct pv_netback_far far;
	struct pv_netback_config bcfg;
	struct pv_netfront_config fcfg;
	struct rng rng;
	uint8_t mem[PV_NETBACK_MEM] __attribute__((aligned(64)));
	struct frame frame[FLIGHT];
	uint32_t sent, taken, supplied, shown; /* sequence numbers of both directions */
	unsigned active, lost;
	bool lenient, draining, far_full, no_room;
	uint32_t max_up, max_down;
};

static uint64_t seed;
static struct run run;

/* A frame is its number, its length and bytes that follow from both. */
static void fill(uint8_t *p, uint32_t len, uint32_t number)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		p[i] = (uint8_t)(number + i * 13 + (i >> 8));
	memcpy(p, &number, 4);
	memcpy(p + 4, &len, 4);
}

static bool intact(const uint8_t *p, uint32_t len, uint32_t number)
{
	static uint8_t want[PV_NET_MAX_FRAME];

	fill(want, len, number);
	return memcmp(p, want, len) == 0;
}

static int far_tx(void *ctx, unsigned queue, const struct pv_netback_frame *f, unsigned n)
{
	struct run *t = ctx;
	uint32_t number;
	unsigned i;

	/* It may take a part of what it is offered. */
	n = rng_below(&t->rng, 6) ? n : rng_below(&t->rng, n);
	for (i = 0; i < n; i++) {
		memcpy(&number, f[i].data, 4);
		/* After an injected failure a number may be missing; none comes twice or late. */
		if (t->lenient && number > t->taken)
			t->taken = number;
		ck_assert_uint_eq(number, t->taken);
		ck_assert(intact(f[i].data, f[i].len, number));
		ck_assert_uint_eq(f[i].meta.flags, number % 3 ? 0 : PV_NET_CSUM_VALID);
		t->taken++;
	}
	return (int)n;
}

static int far_rx(void *ctx, unsigned queue, struct pv_netback_frame *f, unsigned n)
{
	struct run *t = ctx;
	unsigned i;

	if (t->draining)
		return 0;
	n = rng_below(&t->rng, n + 1);
	for (i = 0; i < n; i++) {
		uint32_t most = t->max_down < f[i].len ? t->max_down : f[i].len;

		f[i].len = 14 + rng_below(&t->rng, most - 13);
		fill(f[i].data, f[i].len, t->supplied);
		f[i].meta.flags = t->supplied % 2 ? PV_NET_CSUM_VALID : 0;
		t->supplied++;
	}
	return (int)n;
}

static int show(void *arg, const struct pv_netfront_rx *rx)
{
	static uint8_t got[PV_NET_MAX_FRAME];
	struct run *t = arg;
	uint32_t i, at = 0, number;

	for (i = 0; i < rx->n; i++) {
		memcpy(got + at, rx->frag[i].base, rx->frag[i].len);
		at += rx->frag[i].len;
	}
	ck_assert_uint_eq(at, rx->total);
	memcpy(&number, got, 4);
	if (t->lenient && number > t->shown)
		t->shown = number;
	ck_assert_uint_eq(number, t->shown);
	ck_assert(intact(got, at, number));
	ck_assert_uint_eq(rx->meta.flags, number % 2 ? PV_NET_CSUM_VALID : 0);
	t->shown++;
	return 0;
}

static void done(struct pv_netfront_tx *tx)
{
	struct frame *fr = (struct frame *)tx;
	struct run *t = tx->user;

	if (tx->status) {
		ck_assert_msg(t->lenient, "a frame ended with %d", tx->status);
		t->lost++;
	}
	fr->active = false;
	t->active--;
}

static void send_one(struct run *t)
{
	struct frame *fr = NULL;
	uint32_t i, left, len, at;
	int rc;

	for (i = 0; i < FLIGHT && !fr; i++)
		if (!t->frame[i].active)
			fr = &t->frame[i];
	if (!fr)
		return;
	len = 14 + rng_below(&t->rng, rng_below(&t->rng, 3) ? 1500 : t->max_up - 13);
	at = rng_below(&t->rng, len > 4000 && !t->front.sg ? 1 : 90);
	fill(fr->buf + at, len, t->sent);
	memset(&fr->tx, 0, sizeof(fr->tx));
	/* Pieces of odd sizes; some are empty. */
	for (i = 0, left = len; i < 6 && t->front.sg; i++) {
		uint32_t n = i == 5 ? left : rng_below(&t->rng, left + 1);

		fr->seg[i] = (struct pv_netfront_seg){fr->buf + at, n};
		at += n;
		left -= n;
	}
	if (!t->front.sg) {
		fr->seg[0] = (struct pv_netfront_seg){fr->buf + at, len};
		i = 1;
	}
	fr->tx.seg = fr->seg;
	fr->tx.nseg = i;
	fr->tx.meta.flags = t->sent % 3 ? 0 : PV_NET_CSUM_VALID;
	fr->tx.done = done;
	fr->tx.user = t;
	rc = pv_netfront_send(&t->front, &fr->tx);
	if (rc == 0) {
		fr->active = true;
		t->active++;
		t->sent++;
	} else {
		ck_assert_msg(rc == -PV_EAGAIN || rc == -PV_E2BIG || t->lenient, "send: %d", rc);
	}
}

/* Each side acts only on its own events, so that a lost one shows. */
static void turn(struct run *t)
{
	int rc;

	switch (rng_below(&t->rng, 5)) {
	case 0:
		if (!t->draining)
			send_one(t);
		break;
	case 1: pv_netfront_push(&t->front); break;
	case 2:
		/* The far end has frames (unless the guest has no room), or takes some again. */
		if (!mem_bus_take(&t->bus.back_event) && t->no_room && !t->far_full)
			break;
		do
			rc = pv_netback_work(&t->back, 0, 1 + rng_below(&t->rng, 8));
		while (rc >= 0 && rc & PV_NETBACK_MORE);
		if (rc < 0)
			break;
		t->far_full = rc & PV_NETBACK_FAR_FULL;
		t->no_room = rc & PV_NETBACK_NO_ROOM;
		if (pv_netback_arm(&t->back, 0, rc))
			raise_event(&t->bus.back_event);
		break;
	case 3:
		if (mem_bus_take(&t->bus.front_event))
			do
				while (pv_netfront_poll(&t->front, 1 + rng_below(&t->rng, 8)) > 0)
					;
			while (pv_netfront_arm(&t->front));
		break;
	default:
		if (mem_bus_take(&t->bus.back_watch)) {
			pv_netback_step(&t->back);
			raise_event(&t->bus.back_event);
		}
		if (mem_bus_take(&t->bus.front_watch))
			pv_netfront_step(&t->front);
		break;
	}
}

static bool connect_both(struct run *t)
{
	int i, f = 0, b = 0;

	for (i = 0; i < 10; i++) {
		f = pv_netfront_step(&t->front);
		b = pv_netback_step(&t->back);
	}
	/* What was sent before the backend was there made no event. */
	raise_event(&t->bus.back_event);
	return f == PV_FRONT_CONNECTED && b == PV_BACK_CONNECTED;
}

static void start(struct run *t, uint64_t s)
{
	unsigned i;

	memset(t, 0, sizeof(*t));
	mem_bus_init(&t->bus);
	t->rng.s = s;
	t->far = (struct pv_netback_far){
		.size = sizeof(t->far), .ctx = t, .tx = far_tx, .rx = far_rx};
	t->bcfg.max_frame = rng_below(&t->rng, 2) ? 65535 : 1518;
	t->bcfg.no_sg = rng_below(&t->rng, 4) == 0;
	t->bcfg.no_split = rng_below(&t->rng, 2);
	t->bcfg.mtu = rng_below(&t->rng, 2) ? 9000 : 0;
	t->fcfg.rx_pages = 17 + rng_below(&t->rng, 200);
	t->fcfg.no_sg = rng_below(&t->rng, 4) == 0;
	t->fcfg.split = rng_below(&t->rng, 2);
	t->max_down = t->bcfg.max_frame;
	t->max_up = t->bcfg.no_sg ? 4096 : 65535;
	mem_dir_write(&t->bus, 0, "mac", "00:16:3e:01:aB:ff");
	ck_assert_int_eq(pv_netback_init(&t->back, &t->bus.back, &t->far, &t->bcfg, t->mem), 0);
	ck_assert_int_eq(pv_netfront_init(&t->front, &t->bus.front, &t->fcfg, show, NULL, t), 0);
	for (i = 0; i < FLIGHT; i++)
		t->frame[i].buf = t->bus.front.pages_alloc(&t->bus, BYTES / MEM_PAGE);
}

static void drain(struct run *t)
{
	unsigned i;

	t->draining = true;
	pv_netfront_push(&t->front);
	for (i = 0;
	     i < 100000 && (t->active || t->taken + t->lost < t->sent || t->shown < t->supplied);
	     i++)
		turn(t);
	t->draining = false;
	ck_assert_uint_eq(t->active, 0);
}

static void close_both(struct run *t)
{
	int i;

	pv_netfront_close(&t->front);
	for (i = 0; i < 8; i++) {
		pv_netback_step(&t->back);
		pv_netfront_step(&t->front);
	}
}

static void stop(struct run *t)
{
	unsigned i;

	close_both(t);
	ck_assert_uint_eq(t->active, 0);
	for (i = 0; i < FLIGHT; i++)
		t->bus.front.pages_free(&t->bus, t->frame[i].buf, BYTES / MEM_PAGE);
	ck_assert(mem_bus_idle(&t->bus, 0));
	ck_assert_msg(!mem_bus_error(&t->bus), "%s", mem_bus_error(&t->bus));
	mem_bus_fini(&t->bus);
}

START_TEST(frames_arrive_once_in_order_intact)
{
	unsigned runs = test_runs(1000), i, k, up = 0, down = 0;

	for (i = 0; i < runs; i++) {
		start(&run, seed + i);
		ck_assert(connect_both(&run));
		for (k = 0; k < 120; k++)
			turn(&run);
		drain(&run);
		ck_assert_uint_eq(run.taken, run.sent);
		ck_assert_uint_eq(run.shown, run.supplied);
		up += run.taken;
		down += run.shown;
		stop(&run);
	}
	printf("# %u frames up, %u down\n", up, down);
	ck_assert_uint_gt(up, 2 * runs);
	ck_assert_uint_gt(down, 2 * runs);
}
END_TEST

START_TEST(reconnects_leave_nothing_behind)
{
	unsigned i, k, cycle;

	for (i = 0; i < test_runs(100); i++) {
		start(&run, seed + i);
		run.lenient = true;
		for (cycle = 0; cycle < 10; cycle++) {
			ck_assert(connect_both(&run));
			for (k = 0; k < 40; k++)
				turn(&run);
			close_both(&run);
			ck_assert_uint_eq(run.active, 0);
			ck_assert(mem_bus_idle(&run.bus, FLIGHT * BYTES / MEM_PAGE));
			pv_netfront_init(&run.front, &run.bus.front, &run.fcfg, show, NULL, &run);
		}
		stop(&run);
	}
}
END_TEST

START_TEST(kth_failure_on_either_side_counts_back_to_zero)
{
	unsigned i, k;

	for (i = 0; i < test_runs(400); i++) {
		start(&run, seed + i / 2);
		run.lenient = true;
		if (i % 2)
			run.bus.fail_front_after = i / 2 % 30;
		else
			run.bus.fail_back_after = i / 2 % 60;
		if (!connect_both(&run)) {
			close_both(&run);
			pv_netfront_init(&run.front, &run.bus.front, &run.fcfg, show, NULL, &run);
			ck_assert(connect_both(&run));
		}
		for (k = 0; k < 200; k++)
			turn(&run);
		drain(&run);
		stop(&run);
	}
}
END_TEST

START_TEST(backend_state_moves_without_losing_a_frame)
{
	unsigned i, k, moves;

	for (i = 0; i < test_runs(100); i++) {
		start(&run, seed + i);
		ck_assert(connect_both(&run));
		for (moves = 0; moves < 10; moves++) {
			struct pv_netback_state st;

			for (k = 0; k < 50; k++)
				turn(&run);
			pv_netback_quiesce(&run.back, true);
			ck_assert_int_eq(pv_netback_work(&run.back, 0, 8), 0);
			ck_assert_int_eq(pv_netback_export(&run.back, &st), 0);
			pv_netback_destroy(&run.back);
			memset(&run.back, 0xff, sizeof(run.back));
			pv_netback_init(&run.back, &run.bus.back, &run.far, &run.bcfg, run.mem);
			st.rx_rsp_prod++;
			ck_assert_int_eq(pv_netback_import(&run.back, &st, sizeof(st)), -PV_EINVAL);
			st.rx_rsp_prod--;
			ck_assert_int_eq(pv_netback_import(&run.back, &st, sizeof(st)), 0);
			pv_netback_quiesce(&run.back, false);
			raise_event(&run.bus.back_event);
		}
		drain(&run);
		ck_assert_uint_eq(run.taken, run.sent);
		ck_assert_uint_eq(run.shown, run.supplied);
		stop(&run);
	}
}
END_TEST

START_TEST(frontend_resumes_in_a_new_place)
{
	unsigned i, k;

	for (i = 0; i < test_runs(100); i++) {
		start(&run, seed + i);
		ck_assert(connect_both(&run));
		for (k = 0; k < 80; k++)
			turn(&run);
		pv_netfront_suspend(&run.front);
		pv_netback_destroy(&run.back);
		pv_netback_init(&run.back, &run.bus.back, &run.far, &run.bcfg, run.mem);
		run.bus.dir[0].state = run.bus.dir[1].state = 1;
		memset(run.bus.port, 0, sizeof(run.bus.port));
		run.bus.ports = 0;
		run.lenient = true;
		ck_assert_int_eq(pv_netfront_resume(&run.front), 0);
		ck_assert_uint_eq(run.active, 0);
		ck_assert(connect_both(&run));
		for (k = 0; k < 80; k++)
			turn(&run);
		drain(&run);
		stop(&run);
	}
}
END_TEST

/* TCP over IPv4, 10.0.0.1 to 10.0.0.2, payload "hi!", computed by hand from RFC 793. */
static uint32_t tcp_frame(uint8_t *f)
{
	static const uint8_t head[] = {
		2,    0,    0,	 0,  0, 2, 2,	 0, 0,	0, 0, 1, 8,    0, /* Ethernet */
		0x45, 0,    0,	 43, 0, 0, 0x40, 0, 64, 6, 0, 0, 10,   0,
		0,    1,    10,	 0,  0, 2, /* IP */
		0x04, 0xd2, 0,	 80, 0, 0, 0,	 1, 0,	0, 0, 0, 0x50, 0x02,
		0x20, 0,    0,	 0,  0, 0, /* TCP */
		'h',  'i',  '!',
	};

	memcpy(f, head, sizeof(head));
	return sizeof(head);
}

START_TEST(mtu_is_the_toolstacks_before_the_backends)
{
	static const struct {
		const char *own;
		uint32_t back, seen;
	} told[] = {{NULL, 0, 0},	  {NULL, 9000, 9000},	 {"1400", 0, 1400},
		    {"1400", 9000, 1400}, {"70000", 9000, 9000}, {"wide", 9000, 9000}};

	start(&run, seed);
	if (told[_i].own)
		mem_dir_write(&run.bus, 0, "mtu", told[_i].own);
	run.bcfg.mtu = told[_i].back;
	ck_assert_int_eq(pv_netback_init(&run.back, &run.bus.back, &run.far, &run.bcfg, run.mem),
			 0);
	ck_assert(connect_both(&run));
	ck_assert_uint_eq(run.front.mtu, told[_i].seen);
	stop(&run);
}
END_TEST

START_TEST(blank_checksum_is_filled_in)
{
	uint8_t f[128];
	uint32_t len = tcp_frame(f), sum;

	ck_assert_int_eq(pv_csum_fill(f, len), 0);
	/* A segment with a right checksum sums to all ones with its pseudo-header. */
	sum = pv_csum_add(0, f + 26, 8);
	sum = pv_csum_add(sum + 6 + 23, f + 34, 23);
	ck_assert_uint_eq(sum, 0xffff);
	ck_assert_uint_eq(f[50] << 8 | f[51], 0xed50);
}
END_TEST

START_TEST(checksum_of_no_transport_is_refused_unchanged)
{
	uint8_t f[128], before[128];
	uint32_t len = tcp_frame(f), cut;

	memcpy(before, f, len);
	for (cut = 0; cut < len; cut++)
		ck_assert_int_eq(pv_csum_fill(f, cut), -PV_EINVAL);
	f[23] = 1; /* ICMP */
	ck_assert_int_eq(pv_csum_fill(f, len), -PV_EOPNOTSUPP);
	f[23] = 6;
	f[20] = 0x20; /* a fragment */
	ck_assert_int_eq(pv_csum_fill(f, len), -PV_EOPNOTSUPP);
	f[20] = 0x40;
	f[12] = 8, f[13] = 6; /* ARP */
	ck_assert_int_eq(pv_csum_fill(f, len), -PV_EOPNOTSUPP);
	f[13] = 0;
	ck_assert_int_eq(memcmp(f, before, len), 0);
}
END_TEST

START_TEST(checksum_survives_random_frames)
{
	struct rng g = {seed};
	uint8_t *f;
	uint32_t k, i;

	for (k = 0; k < 200000; k++) {
		uint32_t len = rng_below(&g, 120);

		/* Exact size, so that the sanitizer sees a byte too far. */
		f = malloc(len ? len : 1);
		for (i = 0; i < len; i++)
			f[i] = (uint8_t)rng_next(&g);
		if (len > 24 && rng_below(&g, 4)) {
			f[12] = rng_below(&g, 2) ? 0x08 : 0x86;
			f[13] = f[12] == 8 ? 0 : 0xdd;
			f[14] = f[12] == 8 ? 0x45 : 0x60;
			f[16] = f[18] = 0;
			f[20] = f[21] = 0;
			f[23] = rng_below(&g, 2) ? 6 : 17;
		}
		(void)pv_csum_fill(f, len);
		free(f);
	}
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pair");

	seed = test_seed("net pair");
	tcase_set_timeout(tc, 300);
	tcase_add_test(tc, frames_arrive_once_in_order_intact);
	tcase_add_test(tc, reconnects_leave_nothing_behind);
	tcase_add_test(tc, kth_failure_on_either_side_counts_back_to_zero);
	tcase_add_test(tc, backend_state_moves_without_losing_a_frame);
	tcase_add_test(tc, frontend_resumes_in_a_new_place);
	tcase_add_loop_test(tc, mtu_is_the_toolstacks_before_the_backends, 0, 6);
	tcase_add_test(tc, blank_checksum_is_filled_in);
	tcase_add_test(tc, checksum_of_no_transport_is_refused_unchanged);
	tcase_add_test(tc, checksum_survives_random_frames);
	return run_case("net pair", tc);
}
