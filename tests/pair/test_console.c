/*
 * Console frontend against console backend: bytes arrive once and in order, hostile indices cost
 * the console only.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/console.h>
#include <pv/back/console.h>
#include <pv/front/console.h>
#include <pv/ring.h>
#include "mem_bus.h"
#include "run.h"

static uint64_t seed;
static struct mem_bus bus;
static struct pv_confront front;
static struct pv_conback back;

static void connect_both(void)
{
	int i, f = 0, b = 0;

	for (i = 0; i < 6; i++) {
		f = pv_confront_step(&front);
		b = pv_conback_step(&back);
	}
	ck_assert_int_eq(f, PV_FRONT_CONNECTED);
	ck_assert_int_eq(b, PV_BACK_CONNECTED);
}

static void setup(void)
{
	mem_bus_init(&bus);
	pv_confront_init(&front, &bus.front, NULL, NULL);
	pv_conback_init(&back, &bus.back);
	connect_both();
}

static void teardown(void)
{
	int i;

	pv_confront_close(&front);
	for (i = 0; i < 6; i++) {
		pv_conback_step(&back);
		pv_confront_step(&front);
	}
	ck_assert(mem_bus_idle(&bus, 0));
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
}

/* The n-th byte of either stream. */
static uint8_t byte_at(uint32_t n)
{
	return (uint8_t)(n * 7 + (n >> 8));
}

static void fill(uint8_t *b, uint32_t from, uint32_t len)
{
	while (len--)
		*b++ = byte_at(from++);
}

static bool matches(const uint8_t *b, uint32_t from, int len)
{
	while (len-- > 0)
		if (*b++ != byte_at(from++))
			return false;
	return true;
}

START_TEST(bytes_arrive_once_and_in_order)
{
	struct rng g = {seed};
	uint32_t sent = 0, got = 0, typed = 0, read = 0, k;
	uint8_t b[3000];

	for (k = 0; k < 20000; k++) {
		uint32_t len = rng_below(&g, rng_below(&g, 8) ? 50 : sizeof(b));
		int n;

		switch (rng_below(&g, 4)) {
		case 0:
			fill(b, sent, len);
			sent += pv_confront_write(&front, b, len);
			break;
		case 1:
			n = pv_conback_read(&back, b, len);
			ck_assert_int_ge(n, 0);
			ck_assert(matches(b, got, n));
			got += (uint32_t)n;
			break;
		case 2:
			fill(b, typed, len);
			n = pv_conback_write(&back, b, len);
			ck_assert_int_ge(n, 0);
			typed += (uint32_t)n;
			break;
		default:
			n = pv_confront_read(&front, b, len);
			ck_assert_int_ge(n, 0);
			ck_assert(matches(b, read, n));
			read += (uint32_t)n;
			break;
		}
		ck_assert_uint_le(sent - got, 2048);
		ck_assert_uint_le(typed - read, 1024);
		ck_assert_int_eq(pv_conback_pending(&back), (int)(sent - got));
		ck_assert(pv_confront_drained(&front) == (sent == got));
	}
	ck_assert_uint_gt(got, 100000);
	ck_assert_uint_gt(read, 100000);
}
END_TEST

START_TEST(early_console_works_from_page_and_port_alone)
{
	static struct pv_xencons_interface page;
	struct pv_confront c;
	struct pv_conback b;
	char s[8] = {0};

	pv_confront_attach(&c, &page, 3, bus.front.notify, bus.front.ctx);
	ck_assert_uint_eq(pv_confront_write(&c, "early", 5), 5);
	pv_conback_attach(&b, &bus.back, &page, 3);
	ck_assert_int_eq(pv_conback_read(&b, s, sizeof(s)), 5);
	ck_assert_str_eq(s, "early");
	ck_assert(pv_confront_drained(&c));
}
END_TEST

START_TEST(runaway_indices_stop_the_backend_once)
{
	struct pv_xencons_interface *p = back.page;
	char b[8];

	p->out_prod = p->out_cons + 2049;
	ck_assert_int_eq(pv_conback_read(&back, b, sizeof(b)), -PV_EPROTO);
	ck_assert_int_eq(pv_conback_read(&back, b, sizeof(b)), 0);
	ck_assert_int_eq(pv_conback_write(&back, "x", 1), 0);
	ck_assert_uint_eq(bus.nr_broken, 1);
	/* The device closes, and a frontend that comes back is served again. */
	ck_assert_int_eq(pv_conback_step(&back), -PV_EPROTO);
	p->out_prod = p->out_cons;
	pv_confront_step(&front);
	pv_conback_step(&back);
	ck_assert_int_eq(pv_confront_step(&front), PV_FRONT_CLOSED);
	pv_confront_init(&front, &bus.front, NULL, NULL);
	connect_both();
}
END_TEST

START_TEST(hostile_indices_never_leave_the_page)
{
	struct rng g = {seed};
	struct pv_xencons_interface *p = back.page;
	char b[64];
	uint32_t k;

	for (k = 0; k < 50000; k++) {
		uint32_t *word = &p->in_cons + rng_below(&g, 4);
		uint32_t near = rng_below(&g, 5000) - 2500;

		*word = rng_below(&g, 4) ? p->out_prod + near : rng_next(&g);
		ck_assert_int_le(pv_conback_read(&back, b, sizeof(b)), (int)sizeof(b));
		ck_assert_int_le(pv_conback_write(&back, b, sizeof(b)), (int)sizeof(b));
		ck_assert_uint_le(pv_confront_write(&front, b, sizeof(b)), sizeof(b));
		ck_assert_int_le(pv_confront_read(&front, b, sizeof(b)), (int)sizeof(b));
		back.broken = front.broken = false;
	}
}
END_TEST

START_TEST(frontend_output_never_blocks_on_a_hostile_backend)
{
	struct pv_xencons_interface *p = back.page;
	char b[8];

	p->out_cons = p->out_prod + 1;
	ck_assert_uint_eq(pv_confront_write(&front, "hello", 5), 5);
	ck_assert_int_eq(pv_confront_read(&front, b, sizeof(b)), -PV_EPROTO);
	ck_assert(pv_confront_drained(&front));
	p->out_cons = p->out_prod;
}
END_TEST

#define STREAM 400000u

static void *guest(void *arg)
{
	uint32_t sent = 0, len;
	uint8_t b[700];

	while (sent < STREAM) {
		len = STREAM - sent < sizeof(b) ? STREAM - sent : (uint32_t)sizeof(b);
		fill(b, sent, len);
		len = pv_confront_write(&front, b, len);
		if (!len)
			sched_yield();
		sent += len;
	}
	return NULL;
}

START_TEST(two_threads_pass_a_stream)
{
	pthread_t t;
	uint32_t got = 0;
	uint8_t b[512];
	int n;

	ck_assert_int_eq(pthread_create(&t, NULL, guest, NULL), 0);
	while (got < STREAM) {
		n = pv_conback_read(&back, b, sizeof(b));
		ck_assert_int_ge(n, 0);
		ck_assert(matches(b, got, n));
		if (!n)
			sched_yield();
		got += (uint32_t)n;
	}
	pthread_join(t, NULL);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("pair");

	seed = test_seed("console pair");
	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bytes_arrive_once_and_in_order);
	tcase_add_test(tc, early_console_works_from_page_and_port_alone);
	tcase_add_test(tc, runaway_indices_stop_the_backend_once);
	tcase_add_test(tc, hostile_indices_never_leave_the_page);
	tcase_add_test(tc, frontend_output_never_blocks_on_a_hostile_backend);
	tcase_add_test(tc, two_threads_pass_a_stream);
	return run_case("console pair", tc);
}
