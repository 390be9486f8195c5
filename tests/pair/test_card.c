/*
 * card: a network frontend against the domain process's card (backend, I/O thread, frame socket): frames arrive once, in
 * order and intact both ways, while queues are full, the card is made quiet, and the card is written down and taken up
 * by another one on the same socket.
 */
#include <errno.h>
#include <linux/virtio_net.h>
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
#include "netd/client.h"
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

static uint32_t taken_len;
static struct pv_net_meta taken_meta;

static int take(void *arg, const struct pv_netfront_rx *rx)
{
	taken_len = rx->total;
	taken_meta = rx->meta;
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

/* XSA-332: events with nothing behind them are looked at less and less often, and frames come all the same. */
START_TEST(a_far_end_with_nothing_to_say_is_not_asked_for_each_frame)
{
	struct host_net_stats before, after;
	static uint8_t buf[MTU + 14];
	const unsigned frames = 300;
	struct out *o = &out[0];

	begin();
	usleep(20000);
	host_net_stats(card, &before);
	for (unsigned i = 0; i < frames; i++) {
		struct pollfd p = {.fd = far, .events = POLLIN};

		fill(o->buf, i);
		o->seg = (struct pv_netfront_seg){o->buf, length(i)};
		o->tx = (struct pv_netfront_tx){.seg = &o->seg, .nseg = 1};
		ck_assert_int_eq(pv_netfront_send(&front, &o->tx), 0);
		pv_netfront_push(&front);
		ck_assert_int_eq(poll(&p, 1, 1000 * PATIENCE), 1);
		ck_assert(right(buf, (uint32_t)recv(far, buf, sizeof(buf), 0), i));
		while (o->tx.status == PV_NETFRONT_BUSY)
			ck_assert_int_ge(pv_netfront_poll(&front, 64), 0);
	}
	host_net_stats(card, &after);
	ck_assert_uint_eq(after.back.tx_frames - before.back.tx_frames, frames);
	/* One to send each, and now and then one more. */
	ck_assert_msg(after.calls - before.calls < frames + frames / 4, "%lu calls",
		      (unsigned long)(after.calls - before.calls));
	finish();
}
END_TEST

START_TEST(a_storm_of_events_is_throttled_and_frames_still_come)
{
	struct host_net_stats before, after;
	time_t until = time(NULL) + PATIENCE;
	struct timespec t;
	uint64_t one = 1, end;

	begin();
	usleep(20000);
	host_net_stats(card, &before);
	clock_gettime(CLOCK_MONOTONIC, &t);
	end = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 + 300;
	do {
		ck_assert(write(kick, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
		clock_gettime(CLOCK_MONOTONIC, &t);
	} while ((uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000 < end);
	host_net_stats(card, &after);
	/* A millisecond each once it has been noticed. */
	ck_assert_uint_le(after.wakeups - before.wakeups, 400);
	while (!done() && time(NULL) < until) {
		ck_assert(write(kick, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN);
		guest_turn();
		far_turn();
	}
	ck_assert(done());
	finish();
}
END_TEST

/* XSA-392: what waits for a guest that posts no room has an end, and is counted. */
START_TEST(frames_that_nobody_reads_for_ten_seconds_are_dropped_and_counted)
{
	static uint8_t frame[1514];
	struct host_net_stats st;
	unsigned in, i;

	begin();
	/* The guest does not look at its ring: what fits into it fits, the rest waits in the socket. */
	for (in = 0; send(far, frame, sizeof(frame), MSG_DONTWAIT) > 0; usleep(100))
		in++;
	usleep(200000);
	host_net_stats(card, &st);
	ck_assert_uint_eq(st.back.rx_dropped, 0);
	ck_assert_uint_lt(st.back.rx_frames, in);
	for (i = 0; i < 150 && st.back.rx_dropped + st.back.rx_frames < in; i++) {
		usleep(100000);
		host_net_stats(card, &st);
		ck_assert(!st.back.rx_dropped || i > 80);
	}
	ck_assert_uint_eq(st.back.rx_dropped + st.back.rx_frames, in);
	finish();
}
END_TEST

static void begin_with_headers(uint64_t rate)
{
	struct pv_netfront_config config = {.rx_pages = 64, .gso = true};
	struct host_net_config host = {.bus = &bus.back,
				       .vnet = true,
				       .mtu = MTU,
				       .rate_bytes = rate,
				       .rate_us = rate ? 10000 : 0};
	int pair[2];

	mem_bus_init(&bus);
	kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	bus.kick_fd = kick;
	ck_assert(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair));
	far = pair[1];
	near = dup(pair[0]);
	host.frames[0] = pair[0];
	host.kick[0] = kick;
	memset(out, 0, sizeof(out));
	mem_dir_write(&bus, 0, "mac", "00:16:3e:00:00:01");
	ck_assert_msg(!host_net_create(&card, &host, err), "%s", err);
	ck_assert(!pv_netfront_init(&front, &bus.front, &config, take, NULL, NULL));
	for (unsigned i = 0; i < 20 && front.state != 4; i++) {
		host_net_step(card);
		ck_assert_int_ge(pv_netfront_step(&front), 0);
	}
	host_net_step(card);
}

/* A super-frame of TCP over IPv4. */
static uint32_t super_frame(uint8_t *f, uint32_t len)
{
	static const uint8_t head[54] = {2, 0, 0,  0, 0,    2, 2,	    0,	 0,	    0,
					 0, 1, 8,  0, 0x45, 0, [22] = 64,   6,	 [26] = 10, 0,
					 0, 1, 10, 0, 0,    2, [46] = 0x50, 0x90};

	for (uint32_t i = sizeof(head); i < len; i++)
		f[i] = (uint8_t)(i * 5);
	memcpy(f, head, sizeof(head));
	f[16] = (uint8_t)((len - 14) >> 8);
	f[17] = (uint8_t)(len - 14);
	return len;
}

static ssize_t next_packet(uint8_t *buf, size_t size)
{
	struct pollfd p = {.fd = far, .events = POLLIN};

	return poll(&p, 1, 5000) == 1 ? recv(far, buf, size, 0) : -1;
}

START_TEST(with_headers_super_frames_pass_and_the_far_end_is_told_what_the_guest_takes)
{
	static uint8_t packet[70000], frame[65536] __attribute__((aligned(4096)));
	struct pv_netfront_seg seg = {frame, super_frame(frame, 40000)};
	struct pv_netfront_tx tx = {.seg = &seg,
				    .nseg = 1,
				    .meta = {.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID,
					     .gso_type = PV_NET_GSO_TCP4,
					     .gso_size = 1448}};
	struct virtio_net_hdr h;

	begin_with_headers(0);
	ck_assert_int_eq(next_packet(packet, sizeof(packet)), NETD_OFFLOADS_SIZE);
	while (packet[NETD_OFFLOADS_SIZE - 1] == 0)
		ck_assert_int_eq(next_packet(packet, sizeof(packet)), NETD_OFFLOADS_SIZE);
	ck_assert_uint_eq(packet[NETD_OFFLOADS_SIZE - 1], 15);
	ck_assert_int_eq(pv_netfront_send(&front, &tx), 0);
	pv_netfront_push(&front);
	ck_assert_int_eq(next_packet(packet, sizeof(packet)), (int)sizeof(h) + 40000);
	memcpy(&h, packet, sizeof(h));
	ck_assert_uint_eq(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	/* CWR is the first segment's alone, which a card has to be told. */
	ck_assert_uint_eq(h.gso_type, VIRTIO_NET_HDR_GSO_TCPV4 | VIRTIO_NET_HDR_GSO_ECN);
	ck_assert_uint_eq(h.gso_size, 1448);
	ck_assert_uint_eq(h.csum_start, 34);
	ck_assert_uint_eq(h.csum_offset, 16);
	ck_assert_uint_eq(h.hdr_len, 54);
	ck_assert_int_eq(memcmp(packet + sizeof(h) + 54, frame + 54, 40000 - 54), 0);
	/* The same packet the other way. */
	taken_len = 0;
	ck_assert_int_gt(send(far, packet, sizeof(h) + 40000, 0), 0);
	for (unsigned i = 0; i < 2000 && !taken_len; i++) {
		ck_assert_int_ge(pv_netfront_poll(&front, 8), 0);
		pv_netfront_arm(&front);
		usleep(1000);
	}
	ck_assert_uint_eq(taken_len, 40000);
	ck_assert_uint_eq(taken_meta.gso_type, PV_NET_GSO_TCP4);
	ck_assert_uint_eq(taken_meta.gso_size, 1448);
	ck_assert(taken_meta.flags & PV_NET_CSUM_BLANK);
	finish();
}
END_TEST

START_TEST(headers_that_lie_cost_their_frame_and_nothing_else)
{
	static uint8_t packet[70000];
	struct rng g = {test_seed("headers")};
	struct host_net_stats st;
	uint64_t sent_all = 0;

	begin_with_headers(0);
	for (unsigned k = 0; k < 20000; k++) {
		struct virtio_net_hdr h = {
			.flags = (uint8_t)rng_below(&g, 8),
			.gso_type = (uint8_t)(rng_below(&g, 2) ? rng_below(&g, 8) : rng_next(&g)),
			.gso_size = (uint16_t)rng_below(&g, 3000),
			.csum_start = (uint16_t)(rng_below(&g, 2) ? 34 : rng_next(&g)),
			.csum_offset = (uint16_t)(rng_below(&g, 2) ? 16 : rng_next(&g))};
		uint32_t len = rng_below(&g, 3) ? rng_below(&g, 3000) : rng_below(&g, 66000);

		super_frame(packet + sizeof(h), len > 60 ? len : 60);
		memcpy(packet, &h, sizeof(h));
		sent_all += send(far, packet, sizeof(h) + len, MSG_DONTWAIT) > 0;
		ck_assert_int_ge(pv_netfront_poll(&front, 64), 0);
		pv_netfront_arm(&front);
	}
	for (unsigned i = 0; i < 2000; i++) {
		ck_assert_int_ge(pv_netfront_poll(&front, 64), 0);
		pv_netfront_arm(&front);
		host_net_stats(card, &st);
		if (st.back.rx_frames + st.back.rx_errors >= sent_all)
			break;
		usleep(1000);
	}
	ck_assert_uint_eq(st.back.rx_frames + st.back.rx_errors + st.back.rx_dropped, sent_all);
	ck_assert_uint_gt(st.back.rx_frames, sent_all / 20);
	ck_assert_uint_gt(st.back.rx_errors, sent_all / 20);
	finish();
}
END_TEST

START_TEST(the_rate_is_kept)
{
	static uint8_t packet[70000], frame[4096] __attribute__((aligned(4096)));
	struct pv_netfront_seg seg = {frame, 1514};
	struct timespec from, to;
	uint64_t bytes = 0;
	double seconds;

	/* 20 kB every 10 ms: 2 MB/s, after a burst of 20 kB. */
	begin_with_headers(20000);
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		struct pv_netfront_tx *tx;
		ssize_t n;

		for (unsigned i = 0; i < FLIGHT; i++) {
			tx = &out[i].tx;
			if (tx->status == PV_NETFRONT_BUSY)
				continue;
			*tx = (struct pv_netfront_tx){.seg = &seg, .nseg = 1};
			ck_assert_int_eq(pv_netfront_send(&front, tx), 0);
		}
		pv_netfront_push(&front);
		while ((n = recv(far, packet, sizeof(packet), MSG_DONTWAIT)) > 0)
			bytes += n > 100 ? 1514 : 0;
		ck_assert_int_ge(pv_netfront_poll(&front, 8), 0);
		pv_netfront_arm(&front);
		usleep(500);
		clock_gettime(CLOCK_MONOTONIC, &to);
		seconds = (double)(to.tv_sec - from.tv_sec) +
			  (double)(to.tv_nsec - from.tv_nsec) / 1e9;
	} while (seconds < 1);
	ck_assert_msg((double)bytes / seconds < 2.4e6 && (double)bytes / seconds > 1e6,
		      "%.0f bytes a second", (double)bytes / seconds);
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
	tcase_add_test(t, a_far_end_with_nothing_to_say_is_not_asked_for_each_frame);
	tcase_add_test(t, a_storm_of_events_is_throttled_and_frames_still_come);
	tcase_add_test(t, frames_that_nobody_reads_for_ten_seconds_are_dropped_and_counted);
	tcase_add_test(t,
		       with_headers_super_frames_pass_and_the_far_end_is_told_what_the_guest_takes);
	tcase_add_test(t, headers_that_lie_cost_their_frame_and_nothing_else);
	tcase_add_test(t, the_rate_is_kept);
	tcase_add_test(t, a_descriptor_that_carries_no_frames_is_refused);
	tcase_add_test(t, a_tap_that_cannot_be_had_says_why);
	return run_case("card", t);
}
