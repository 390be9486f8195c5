/*
 * card: a network frontend against the domain process's card (backend, I/O thread, frame socket): frames arrive once, in
 * order and intact both ways, while queues are full, the card is made quiet, and the card is written down and taken up
 * by another one on the same socket.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pv/front/net.h>
#include "host/net.h"
#include "mem_bus.h"
#include "run.h"

#define FRAMES	 3000u
#define MTU	 9000u
#define FLIGHT	 32u
#define PATIENCE 20 /* seconds */

struct out {
	struct pv_netfront_tx tx;
	struct pv_netfront_seg seg;
	uint8_t buf[MTU + 14];
};

static struct mem_bus bus;
static struct pv_netfront front;
static struct host_net *card;
static struct out out[FLIGHT];
static int far, near, kick;
static uint32_t shown, sent, taken, supplied;
static char err[HOST_NET_ERR_SIZE];

static uint32_t length(uint32_t number)
{
	return 60 + number * 2654435761u % (MTU + 14 - 60);
}

static void fill(uint8_t *p, uint32_t number)
{
	uint32_t len = length(number);

	for (uint32_t i = 0; i < len; i++)
		p[i] = (uint8_t)(number * 7 + i);
	memcpy(p + 20, &number, 4);
}

static bool right(const uint8_t *p, uint32_t len, uint32_t number)
{
	static uint8_t want[MTU + 14];

	fill(want, number);
	return len == length(number) && !memcmp(p, want, len);
}

static int show(void *arg, const struct pv_netfront_rx *rx)
{
	static uint8_t whole[PV_NET_MAX_FRAME];
	uint32_t at = 0;

	for (uint32_t i = 0; i < rx->n; i++) {
		memcpy(whole + at, rx->frag[i].base, rx->frag[i].len);
		at += rx->frag[i].len;
	}
	ck_assert_msg(right(whole, at, shown), "to the guest: frame %u is wrong, lost or late",
		      shown);
	shown++;
	return 0;
}

static void begin(void)
{
	struct pv_netfront_config config = {.rx_pages = 64};
	struct host_net_config host = {.bus = &bus.back, .mtu = MTU};
	int pair[2], small = 16384;

	mem_bus_init(&bus);
	kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bus.kick_fd = kick;
	ck_assert(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	/* A queue of one or two of the largest frames, so that it is full most of the time. */
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	far = pair[1];
	near = dup(pair[0]);
	host.frames[0] = pair[0];
	host.kick[0] = kick;
	shown = sent = taken = supplied = 0;
	memset(out, 0, sizeof(out));
	mem_dir_write(&bus, 0, "mac", "00:16:3e:00:00:01");
	mem_dir_write(&bus, 1, "mac", "00:16:3e:00:00:01");
	ck_assert_msg(!host_net_create(&card, &host, err), "%s", err);
	ck_assert(!pv_netfront_init(&front, &bus.front, &config, show, NULL, NULL));
	for (unsigned i = 0; i < 20 && front.state != 4; i++) {
		host_net_step(card);
		ck_assert_int_ge(pv_netfront_step(&front), 0);
	}
	ck_assert_int_eq(pv_netfront_step(&front), PV_FRONT_CONNECTED);
	host_net_step(card);
}

static void finish(void)
{
	pv_netfront_close(&front);
	for (unsigned i = 0; i < 20; i++) {
		host_net_step(card);
		pv_netfront_step(&front);
	}
	pv_netfront_destroy(&front);
	host_net_destroy(card);
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	ck_assert(mem_bus_idle(&bus, 0));
	mem_bus_fini(&bus);
	close(far);
	close(near);
	close(kick);
}

static void guest_turn(void)
{
	ck_assert_int_ge(pv_netfront_poll(&front, 64), 0);
	for (unsigned i = 0; i < FLIGHT && sent < FRAMES; i++) {
		struct out *o = &out[i];

		if (o->tx.status == PV_NETFRONT_BUSY)
			continue;
		ck_assert_int_eq(o->tx.status, 0);
		fill(o->buf, sent);
		o->seg = (struct pv_netfront_seg){o->buf, length(sent)};
		o->tx = (struct pv_netfront_tx){.seg = &o->seg, .nseg = 1};
		if (pv_netfront_send(&front, &o->tx)) {
			o->tx.status = 0;
			break;
		}
		sent++;
	}
	pv_netfront_push(&front);
	pv_netfront_arm(&front);
}

static void far_turn(void)
{
	static uint8_t buf[PV_NET_MAX_FRAME];
	ssize_t n;

	while ((n = recv(far, buf, sizeof(buf), 0)) > 0) {
		ck_assert_msg(right(buf, (uint32_t)n, taken),
			      "from the guest: frame %u is wrong, lost or late", taken);
		taken++;
	}
	while (supplied < FRAMES) {
		fill(buf, supplied);
		if (send(far, buf, length(supplied), MSG_NOSIGNAL) < 0)
			break;
		supplied++;
	}
}

static bool done(void)
{
	return taken == FRAMES && shown == FRAMES;
}

START_TEST(frames_arrive_once_in_order_and_intact)
{
	time_t until = time(NULL) + PATIENCE;

	begin();
	while (!done() && time(NULL) < until) {
		guest_turn();
		far_turn();
	}
	ck_assert_msg(done(), "%u and %u of %u came", taken, shown, FRAMES);
	finish();
}
END_TEST

START_TEST(a_quiet_card_moves_nothing_and_loses_nothing)
{
	time_t until = time(NULL) + PATIENCE;

	begin();
	for (unsigned round = 0; !done() && time(NULL) < until; round++) {
		struct host_net_stats before, after;

		guest_turn();
		far_turn();
		if (round % 16)
			continue;
		host_net_quiesce(card, true);
		host_net_stats(card, &before);
		guest_turn();
		usleep(500);
		host_net_stats(card, &after);
		ck_assert(!memcmp(&before.back, &after.back, sizeof(before.back)));
		host_net_quiesce(card, false);
	}
	ck_assert(done());
	finish();
}
END_TEST

START_TEST(another_card_takes_over_in_the_middle)
{
	struct host_net_config host = {.bus = &bus.back, .mtu = MTU};
	time_t until = time(NULL) + PATIENCE;
	struct pv_netback_state state;
	unsigned moves = 0;

	begin();
	for (unsigned round = 1; !done() && time(NULL) < until; round++) {
		guest_turn();
		far_turn();
		if (round % 200 || moves == 10)
			continue;
		host_net_quiesce(card, true);
		ck_assert_int_eq(host_net_export(card, &state), 0);
		host_net_destroy(card);
		host.frames[0] = dup(near);
		host.kick[0] = kick;
		ck_assert_msg(!host_net_create(&card, &host, err), "%s", err);
		ck_assert_int_eq(host_net_import(card, &state, sizeof(state)), 0);
		host_net_quiesce(card, false);
		moves++;
	}
	ck_assert_msg(done(), "%u and %u of %u came after %u moves", taken, shown, FRAMES, moves);
	ck_assert_uint_gt(moves, 0);
	finish();
}
END_TEST

START_TEST(a_far_end_that_is_gone_costs_no_processor)
{
	struct timespec before, after;

	begin();
	close(far);
	far = -1;
	guest_turn();
	usleep(20000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
	usleep(300000);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
	ck_assert_int_lt((after.tv_sec - before.tv_sec) * 1000 +
				 (after.tv_nsec - before.tv_nsec) / 1000000,
			 100);
	/* What the guest sends then goes where a pulled cable's frames go. */
	guest_turn();
	usleep(20000);
	guest_turn();
	usleep(20000);
	ck_assert_int_ge(pv_netfront_poll(&front, 64), 0);
	finish();
}
END_TEST

START_TEST(a_descriptor_that_carries_no_frames_is_refused)
{
	struct host_net_config host = {.bus = &bus.back};
	int pair[2];

	mem_bus_init(&bus);
	ck_assert(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
	host.frames[0] = pair[0];
	ck_assert_int_eq(host_net_create(&card, &host, err), -EPROTOTYPE);
	ck_assert_ptr_null(card);
	ck_assert_int_eq(write(pair[0], "x", 1), -1);
	close(pair[1]);
	mem_bus_fini(&bus);
}
END_TEST

START_TEST(a_tap_that_cannot_be_had_says_why)
{
	int fd[2];

	ck_assert_int_eq(host_tap_open("a-name-that-is-far-too-long", fd, 2, err), -ENAMETOOLONG);
	ck_assert_ptr_nonnull(strstr(err, "a-name-that-is-far-too-long"));
	/* "lo" is there, and is no tap. */
	ck_assert_int_lt(host_tap_open("lo", fd, 2, err), 0);
	ck_assert_ptr_nonnull(strstr(err, "tap lo: "));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("card");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, frames_arrive_once_in_order_and_intact);
	tcase_add_test(t, a_quiet_card_moves_nothing_and_loses_nothing);
	tcase_add_test(t, another_card_takes_over_in_the_middle);
	tcase_add_test(t, a_far_end_that_is_gone_costs_no_processor);
	tcase_add_test(t, a_descriptor_that_carries_no_frames_is_refused);
	tcase_add_test(t, a_tap_that_cannot_be_had_says_why);
	return run_case("card", t);
}
