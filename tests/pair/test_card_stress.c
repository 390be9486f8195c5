/*
 * A card under load: four queues, frames of random sizes and super-frames both ways at once, each in pieces that
 * begin anywhere in a page, and every byte of every frame looked at. A frame tells its way, its queue and its number, so
 * that one that came twice, late, on a wrong queue, or with another's bytes is told apart. Meanwhile the card is made
 * quiet and asked for its figures, or a frontend writes its keys and states without end (checklist row B10).
 *
 * The far ends are sockets with headers, which lose nothing; each queue has a thread of the card's, one of the guest's,
 * and two at the far end.
 */
#include <fcntl.h>
#include <linux/virtio_net.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pv/abi/io/xenbus.h>
#include <pv/front/net.h>
#include "host/net.h"
#include "mem_bus.h"
#include "run.h"

#define QUEUES	 4u
#define FRAMES	 5000u /* each way on each queue */
#define FLIGHT	 6u
#define PIECES	 3u /* of which 18 pages are enough */
#define ROOM	 (20u * 4096)
#define HEADER	 sizeof(struct virtio_net_hdr)
#define ETHERNET 14u
#define HEADERS	 54u /* of a super-frame: Ethernet, IPv4, TCP */
#define CSUM	 50u /* of TCP */
#define LONGEST	 48000u
#define PATIENT	 60 /* seconds */

enum way { UP, DOWN };

struct out {
	struct pv_netfront_tx tx;
	struct pv_netfront_seg seg[PIECES];
	uint8_t *buf;
};

struct lane {
	unsigned index;
	int far, kick, woken;
	struct out out[FLIGHT];
	uint32_t sent, shown, taken;
	uint8_t whole[PV_NET_MAX_FRAME], want[PV_NET_MAX_FRAME];
	const char *wrong;
	pthread_t guest, source, sink;
};

static struct mem_bus bus;
static struct pv_netfront front;
static struct host_net *card;
static struct lane lane[QUEUES];
static uint64_t seed;
static bool stop;
static char err[HOST_NET_ERR_SIZE];

static struct rng rng_of(enum way way, unsigned queue, uint32_t number)
{
	return (struct rng){seed ^ (uint64_t)way << 60 ^ (uint64_t)queue << 40 ^ number};
}

static bool is_super(uint32_t number)
{
	return number % 5 == 2;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Frame `number` of this way and queue; its length. */
static uint32_t make(uint8_t *p, enum way way, unsigned queue, uint32_t number)
{
	struct rng r = rng_of(way, queue, number);
	uint32_t len, i;

	if (is_super(number))
		len = HEADERS + 3000 + rng_below(&r, LONGEST - HEADERS - 3000);
	else
		len = 60 + rng_below(&r, 1514 - 60);
	for (i = ETHERNET; i < len; i++)
		p[i] = (uint8_t)(r.s >> (i % 8 * 8)) ^ (uint8_t)(i * 11 + i / 256);
	memset(p, 0, ETHERNET);
	p[0] = 2;
	p[1] = (uint8_t)way;
	p[2] = (uint8_t)queue;
	memcpy(p + 6, &number, sizeof(number));
	put16(p + 12, is_super(number) ? 0x0800 : 0x88b5);
	if (!is_super(number))
		return len;
	memset(p + ETHERNET, 0, HEADERS - ETHERNET);
	p[14] = 0x45;
	put16(p + 16, len - ETHERNET);
	p[22] = 64;
	p[23] = 6;
	memcpy(p + 26, "\x0a\x00\x00\x01\x0a\x00\x00\x02", 8);
	memcpy(p + 38, &number, sizeof(number));
	p[46] = 0x50;
	p[47] = 0x10;
	return len;
}

static const char *judge(struct lane *l, const uint8_t *got, uint32_t len, enum way way,
			 uint32_t number, bool gso)
{
	uint32_t want = make(l->want, way, l->index, number);

	if (len != want)
		return "a frame has another's length";
	if (gso != is_super(number))
		return "a super-frame is none, or the other way round";
	if (gso)
		memcpy(l->want + CSUM, got + CSUM, 2); /* blank: whoever passed it on wrote it */
	return memcmp(got, l->want, len) ? "a frame has wrong bytes" : NULL;
}

/* The first complaint stands. */
static void complain(struct lane *l, const char *what)
{
	const char *none = NULL;

	if (what)
		__atomic_compare_exchange_n(&l->wrong, &none, what, false, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED);
}

static int show(void *arg, const struct pv_netfront_rx *rx)
{
	struct lane *l = &lane[rx->queue];
	uint32_t at = 0;

	for (uint32_t i = 0; i < rx->n; i++) {
		memcpy(l->whole + at, rx->frag[i].base, rx->frag[i].len);
		at += rx->frag[i].len;
	}
	complain(l, judge(l, l->whole, at, DOWN, l->shown, rx->meta.gso_type != 0));
	__atomic_fetch_add(&l->shown, 1, __ATOMIC_RELAXED);
	return 0;
}

/* One frame in pieces that begin and end anywhere, copied apart so that no two are neighbours. */
static void cut(struct out *o, const uint8_t *frame, uint32_t len, struct rng *r)
{
	uint32_t at = 0, place = 0;
	unsigned n;

	for (n = 0; at < len; n++) {
		uint32_t rest = len - at, size = n + 1 < PIECES ? 1 + rng_below(r, rest) : rest;

		/* Headers that are looked at may lie in several pieces, too. */
		place += rng_below(r, 1500);
		memcpy(o->buf + place, frame + at, size);
		o->seg[n] = (struct pv_netfront_seg){o->buf + place, size};
		place += size;
		at += size;
	}
	o->tx = (struct pv_netfront_tx){.seg = o->seg, .nseg = n};
}

static void send_up(struct lane *l)
{
	static __thread uint8_t frame[PV_NET_MAX_FRAME];

	for (unsigned i = 0; i < FLIGHT && l->sent < FRAMES; i++) {
		struct rng r = {seed + l->sent * 31 + l->index};
		struct out *o = &l->out[i];
		int rc;

		if (o->tx.status == PV_NETFRONT_BUSY)
			continue;
		if (o->tx.status)
			complain(l, "a sent frame was refused");
		cut(o, frame, make(frame, UP, l->index, l->sent), &r);
		o->tx.queue = l->index;
		if (is_super(l->sent))
			o->tx.meta =
				(struct pv_net_meta){.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID,
						     .gso_type = PV_NET_GSO_TCP4,
						     .gso_size = 1448};
		rc = pv_netfront_send(&front, &o->tx);
		if (rc) {
			o->tx.status = 0;
			if (rc != -PV_EAGAIN)
				complain(l, "a frame cannot be sent");
			break;
		}
		l->sent++;
	}
	pv_netfront_push_queue(&front, l->index);
}

static bool running(void)
{
	return !__atomic_load_n(&stop, __ATOMIC_RELAXED);
}

static void *guest(void *arg)
{
	struct lane *l = arg;
	struct pollfd p = {.fd = l->woken, .events = POLLIN};
	uint64_t count;

	while (running()) {
		if (pv_netfront_poll_queue(&front, l->index, 64) < 0)
			complain(l, "the card broke the ring");
		send_up(l);
		if (pv_netfront_arm_queue(&front, l->index))
			continue;
		poll(&p, 1, 100);
		if (p.revents && read(l->woken, &count, sizeof(count)) < 0)
			continue;
	}
	return NULL;
}

static void *source(void *arg)
{
	static __thread uint8_t packet[HEADER + PV_NET_MAX_FRAME];
	struct lane *l = arg;

	for (uint32_t i = 0; i < FRAMES && running();) {
		struct virtio_net_hdr h = {0};
		uint32_t len = make(packet + HEADER, DOWN, l->index, i);

		if (is_super(i))
			h = (struct virtio_net_hdr){.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						    .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
						    .gso_size = 1448,
						    .hdr_len = HEADERS,
						    .csum_start = 34,
						    .csum_offset = 16};
		memcpy(packet, &h, HEADER);
		if (send(l->far, packet, HEADER + len, MSG_NOSIGNAL) > 0)
			i++;
	}
	return NULL;
}

static void *sink(void *arg)
{
	static __thread uint8_t packet[HEADER + PV_NET_MAX_FRAME], want[PV_NET_MAX_FRAME];
	struct virtio_net_hdr h;
	struct lane *l = arg;

	while (running() && l->taken < FRAMES) {
		ssize_t n = recv(l->far, packet, sizeof(packet), 0);
		uint32_t number = l->taken, len;

		if (n < (ssize_t)(HEADER + ETHERNET))
			continue; /* nothing yet, or what the guest takes */
		memcpy(&h, packet, HEADER);
		len = make(want, UP, l->index, number);
		if (is_super(number))
			memcpy(want + CSUM, packet + HEADER + CSUM, 2);
		if ((size_t)n != HEADER + len || memcmp(packet + HEADER, want, len) ||
		    (h.gso_type == VIRTIO_NET_HDR_GSO_TCPV4) != is_super(number)) {
			complain(l, "a frame from the guest is wrong");
			return NULL;
		}
		__atomic_fetch_add(&l->taken, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void event(void *arg)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < QUEUES; i++)
		if (write(lane[i].woken, &one, sizeof(one)) < 0)
			continue;
}

static void open_lane(struct lane *l, unsigned i, struct host_net_config *host)
{
	struct timeval tick = {.tv_usec = 100000};
	int pair[2];

	memset(l, 0, sizeof(*l));
	l->index = i;
	ck_assert(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair));
	setsockopt(pair[1], SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
	setsockopt(pair[1], SOL_SOCKET, SO_SNDTIMEO, &tick, sizeof(tick));
	l->far = pair[1];
	l->kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	l->woken = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	host->frames[i] = pair[0];
	host->kick[i] = l->kick;
	if (i)
		bus.more_kicks[i] = l->kick;
	else
		bus.kick_fd = l->kick;
	for (unsigned k = 0; k < FLIGHT; k++) {
		l->out[k].buf = bus.front.pages_alloc(&bus, ROOM / 4096);
		ck_assert_ptr_nonnull(l->out[k].buf);
	}
}

static void begin(bool split)
{
	struct host_net_config host = {.bus = &bus.back, .queues = QUEUES, .vnet = true};
	struct pv_netfront_config cfg = {
		.queues = QUEUES, .gso = true, .rx_pages = 128, .split = split};

	mem_bus_init(&bus);
	for (unsigned i = 0; i < QUEUES; i++)
		open_lane(&lane[i], i, &host);
	mem_dir_write(&bus, 0, "mac", "00:16:3e:00:00:01");
	ck_assert_msg(!host_net_create(&card, &host, err), "%s", err);
	ck_assert(!pv_netfront_init(&front, &bus.front, &cfg, show, event, NULL));
	for (unsigned i = 0; i < 20 && front.state != 4; i++) {
		host_net_step(card);
		ck_assert_int_ge(pv_netfront_step(&front), 0);
	}
	host_net_step(card);
	ck_assert_uint_eq(front.nr_queues, QUEUES);
	ck_assert(front.gso4);
	stop = false;
	for (unsigned i = 0; i < QUEUES; i++) {
		ck_assert(!pthread_create(&lane[i].guest, NULL, guest, &lane[i]));
		ck_assert(!pthread_create(&lane[i].source, NULL, source, &lane[i]));
		ck_assert(!pthread_create(&lane[i].sink, NULL, sink, &lane[i]));
	}
}

static void finish(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < QUEUES; i++) {
		pthread_join(lane[i].guest, NULL);
		pthread_join(lane[i].source, NULL);
		pthread_join(lane[i].sink, NULL);
	}
	pv_netfront_close(&front);
	for (unsigned i = 0; i < 20; i++) {
		host_net_step(card);
		pv_netfront_step(&front);
	}
	pv_netfront_destroy(&front);
	host_net_destroy(card);
	for (unsigned i = 0; i < QUEUES; i++) {
		for (unsigned k = 0; k < FLIGHT; k++)
			bus.front.pages_free(&bus, lane[i].out[k].buf, ROOM / 4096);
		close(lane[i].far);
		close(lane[i].kick);
		close(lane[i].woken);
	}
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	ck_assert(mem_bus_idle(&bus, 0));
	mem_bus_fini(&bus);
}

static bool done(void)
{
	bool all = true;

	for (unsigned i = 0; i < QUEUES; i++) {
		const char *wrong = __atomic_load_n(&lane[i].wrong, __ATOMIC_RELAXED);

		ck_assert_msg(!wrong, "queue %u: %s; %u shown, %u taken", i, wrong, lane[i].shown,
			      lane[i].taken);
		all &= __atomic_load_n(&lane[i].shown, __ATOMIC_RELAXED) == FRAMES &&
		       __atomic_load_n(&lane[i].taken, __ATOMIC_RELAXED) == FRAMES;
	}
	return all;
}

START_TEST(every_byte_of_every_frame_arrives_on_its_queue_in_its_turn)
{
	struct host_net_stats st;
	time_t until = time(NULL) + PATIENT;

	seed = test_seed("card stress");
	begin(_i);
	while (!done() && time(NULL) < until) {
		usleep(2000);
		host_net_quiesce(card, true);
		host_net_stats(card, &st);
		usleep(500);
		host_net_quiesce(card, false);
	}
	host_net_stats(card, &st);
	ck_assert_msg(done(), "queue 0: %u shown, %u taken of %u", lane[0].shown, lane[0].taken,
		      FRAMES);
	ck_assert_uint_eq(st.back.tx_frames, QUEUES * FRAMES);
	ck_assert_uint_eq(st.back.rx_frames, QUEUES * FRAMES);
	ck_assert_uint_eq(st.back.tx_errors + st.back.rx_errors + st.back.rx_dropped, 0);
	finish();
}
END_TEST

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Each write of a key that is watched is a step: what it leaves behind, a guest can have for the asking. */
START_TEST(a_storm_of_keys_and_states_grows_nothing_and_frames_still_come)
{
	static const int state[] = {PV_XenbusStateConnected, PV_XenbusStateReconfiguring};
	time_t until = time(NULL) + PATIENT;
	unsigned open, i;
	size_t memory;

	seed = test_seed("card storm");
	begin(true);
	usleep(20000);
	open = descriptors();
	memory = mallinfo2().uordblks;
	for (i = 0; (i < 100000 || !done()) && time(NULL) < until; i++) {
		mem_dir_write(&bus, 0, "request-multicast-control", i & 1 ? "1" : "0");
		mem_dir_write(&bus, 0, "xdp-headroom", i & 2 ? "99999999999" : "0");
		mem_dir_state(&bus, 0, state[i / 4 & 1]);
		ck_assert_int_ge(host_net_step(card), 0);
	}
	ck_assert_uint_ge(i, 100000);
	ck_assert(done());
	ck_assert_uint_eq(descriptors(), open);
	ck_assert_uint_le(mallinfo2().uordblks, memory);
	ck_assert_uint_eq(bus.nr_broken, 0);
	mem_dir_state(&bus, 0, PV_XenbusStateConnected);
	finish();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("card stress");

	tcase_set_timeout(tc, 2 * PATIENT);
	tcase_add_loop_test(tc, every_byte_of_every_frame_arrives_on_its_queue_in_its_turn, 0, 2);
	tcase_add_test(tc, a_storm_of_keys_and_states_grows_nothing_and_frames_still_come);
	return run_case("card stress", tc);
}
