/*
 * A network card on a tap, through a route: what leaves this machine is what the Internet takes.
 *
 * Three network namespaces, all in this process. In `guest` a tap stands for the guest's network card: the kernel's own
 * TCP makes super-frames with blank checksums there, which a network frontend puts on the ring. The card (backend and
 * I/O threads) has a tap in `router`, which forwards to `server` over a pair of Ethernet devices. The router's one does
 * no checksums and no segmentation, and each frame that arrives behind it is looked at.
 *
 * Skipped, with the reason, where namespaces or taps cannot be had.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <pv/front/net.h>
#include "host/frames.h"
#include "host/net.h"
#include "mem_bus.h"
#include "run.h"

#define BYTES	(24u << 20)
#define QUEUES	2u
#define FLIGHT	64u
#define ROOM	65536u
#define PATIENT 30 /* seconds */

enum { HOME, GUEST, ROUTER, SERVER, PLACES };

struct out {
	struct pv_netfront_tx tx;
	struct pv_netfront_seg seg;
	uint8_t *buf;
};

static int place[PLACES];
static const char *skip = "";
static struct mem_bus bus;
static struct pv_netfront front;
static struct host_net *card;
static struct frames stack; /* the guest's tap */
static struct out out[FLIGHT];
static int woken, kicks[QUEUES];
static bool stop;
static unsigned blank_up, super_up, blank_down, super_down, longest_down;
static char err[HOST_NET_ERR_SIZE];

static void enter(int where)
{
	ck_assert(!setns(place[where], CLONE_NEWNET));
}

static int shell(const char *command)
{
	return system(command);
}

static void must(const char *command)
{
	ck_assert_msg(shell(command) == 0, "%s", command);
}

static void put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	ck_assert(fd >= 0 && write(fd, value, strlen(value)) > 0);
	close(fd);
}

static void ethtool(const char *dev, uint32_t command)
{
	struct ethtool_value v = {.cmd = command};
	struct ifreq ifr = {.ifr_data = (void *)&v};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	strcpy(ifr.ifr_name, dev);
	ck_assert_msg(!ioctl(fd, SIOCETHTOOL, &ifr), "%s: %s", dev, strerror(errno));
	close(fd);
}

/* Leaves `skip` empty where all of it can be had. */
static void make_places(void)
{
	int fd[1];

	if (geteuid())
		skip = "needs root, for network namespaces and taps";
	else if (shell("ip -V >/dev/null 2>&1"))
		skip = "needs ip(8)";
	for (int i = 0; i < PLACES && !*skip; i++) {
		if (i && unshare(CLONE_NEWNET))
			skip = "no network namespaces here";
		place[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	}
	if (!*skip && host_tap_open("probe", fd, 1, err) < 0)
		skip = "no taps here";
	else if (!*skip)
		close(fd[0]);
	if (!*skip && setns(place[HOME], CLONE_NEWNET))
		skip = "cannot come back";
}

/* The routes; the two taps' descriptors. */
static void lay_out(int router[QUEUES], unsigned queues, int *guest)
{
	char command[200];

	for (int i = GUEST; i < PLACES; i++) {
		setns(place[HOME], CLONE_NEWNET);
		close(place[i]);
		ck_assert(!unshare(CLONE_NEWNET));
		place[i] = open("/proc/self/ns/net", O_RDONLY);
		must("ip link set lo up");
	}
	enter(ROUTER);
	ck_assert_msg(host_tap_open("tap0", router, queues, err) == (int)queues, "%s", err);
	snprintf(command, sizeof(command),
		 "ip link add veth0 type veth peer name veth1 netns /proc/%d/fd/%d", getpid(),
		 place[SERVER]);
	must(command);
	must("ip addr add 10.1.0.1/24 dev tap0 && ip -6 addr add fd01::1/64 dev tap0 nodad && "
	     "ip link set tap0 up && ip addr add 10.2.0.1/24 dev veth0 && "
	     "ip -6 addr add fd02::1/64 dev veth0 nodad && ip link set veth0 up");
	put("/proc/sys/net/ipv4/ip_forward", "1");
	put("/proc/sys/net/ipv6/conf/all/forwarding", "1");
	ethtool("veth0", ETHTOOL_STXCSUM);
	ethtool("veth0", ETHTOOL_STSO);
	enter(SERVER);
	must("ip addr add 10.2.0.2/24 dev veth1 && ip -6 addr add fd02::2/64 dev veth1 nodad && "
	     "ip link set veth1 up && ip route add default via 10.2.0.1 && "
	     "ip -6 route add default via fd02::1");
	enter(GUEST);
	ck_assert_int_eq(host_tap_open("eth0", guest, 1, err), 1);
	must("ip link set eth0 address 00:16:3e:00:00:01 && ip addr add 10.1.0.2/24 dev eth0 && "
	     "ip -6 addr add fd01::2/64 dev eth0 nodad && ip link set eth0 up && "
	     "ip route add default via 10.1.0.1 && ip -6 route add default via fd01::1");
	enter(HOME);
}

static void event(void *arg)
{
	uint64_t one = 1;

	if (write(woken, &one, sizeof(one)) < 0)
		return;
}

/* To the guest's stack. */
static int show(void *arg, const struct pv_netfront_rx *rx)
{
	static uint8_t whole[PV_NET_MAX_FRAME];
	struct pv_netback_frame f = {.data = whole, .meta = rx->meta};
	uint32_t start, field;

	for (uint32_t i = 0; i < rx->n; i++) {
		memcpy(whole + f.len, rx->frag[i].base, rx->frag[i].len);
		f.len += rx->frag[i].len;
	}
	if (f.meta.flags & PV_NET_CSUM_BLANK) {
		blank_down++;
		if (!pv_csum_blank(whole, f.len, &start, &field)) {
			f.meta.csum_start = (uint16_t)start;
			f.meta.csum_field = (uint16_t)field;
		}
	}
	super_down += f.meta.gso_type != 0;
	longest_down = f.len > longest_down ? f.len : longest_down;
	frames_tx(&stack, &f, 1);
	return 0;
}

/* From the guest's stack: as long as there is room. */
static void take_up(void)
{
	for (unsigned i = 0; i < FLIGHT; i++) {
		struct out *o = &out[i];
		struct pv_netback_frame f = {.data = o->buf, .len = PV_NET_MAX_FRAME};

		if (o->tx.status == PV_NETFRONT_BUSY)
			continue;
		if (frames_rx(&stack, &f, 1) < 1)
			break;
		if (!f.len)
			continue;
		blank_up += f.meta.flags & PV_NET_CSUM_BLANK ? 1 : 0;
		super_up += f.meta.gso_type != 0;
		o->seg = (struct pv_netfront_seg){o->buf, f.len};
		o->tx = (struct pv_netfront_tx){.seg = &o->seg, .nseg = 1, .meta = f.meta};
		/* A flow stays on its queue. */
		o->tx.queue =
			front.nr_queues > 1 ? o->buf[f.len < 36 ? 0 : 35] % front.nr_queues : 0;
		if (pv_netfront_send(&front, &o->tx))
			o->tx.status = 0; /* a full ring: a network may lose it */
	}
	pv_netfront_push(&front);
}

static void *guest_loop(void *arg)
{
	struct pollfd p[2] = {{.fd = stack.fd, .events = POLLIN}, {.fd = woken, .events = POLLIN}};
	uint64_t count;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		ck_assert_int_ge(pv_netfront_poll(&front, 64), 0);
		take_up();
		if (pv_netfront_arm(&front))
			continue;
		poll(p, 2, 100);
		if (p[1].revents && read(woken, &count, sizeof(count)) < 0)
			continue;
	}
	return NULL;
}

struct shape {
	const char *name;
	struct pv_netfront_config front;
	unsigned queues;
};

static pthread_t guest;

static void begin(const struct shape *s)
{
	struct pv_netfront_config cfg = s->front;
	struct host_net_config host = {.bus = &bus.back, .queues = s->queues};
	int tap, i;

	lay_out(host.frames, s->queues, &tap);
	mem_bus_init(&bus);
	for (unsigned k = 0; k < s->queues; k++) {
		kicks[k] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		host.kick[k] = kicks[k];
		if (k)
			bus.more_kicks[k] = kicks[k];
	}
	bus.kick_fd = kicks[0];
	woken = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert(!frames_open(&stack, tap, false));
	frames_offload(&stack,
		       cfg.no_csum
			       ? 0
			       : PV_NETBACK_CAP_CSUM |
					 (cfg.gso ? PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6 : 0));
	mem_dir_write(&bus, 0, "mac", "00:16:3e:00:00:01");
	cfg.queues = s->queues;
	cfg.split = s->queues > 1;
	ck_assert_msg(!host_net_create(&card, &host, err), "%s", err);
	ck_assert(!pv_netfront_init(&front, &bus.front, &cfg, show, event, NULL));
	for (i = 0; i < 20 && front.state != 4; i++) {
		host_net_step(card);
		ck_assert_int_ge(pv_netfront_step(&front), 0);
	}
	host_net_step(card);
	ck_assert_uint_eq(front.nr_queues, s->queues);
	blank_up = super_up = blank_down = super_down = longest_down = 0;
	for (i = 0; i < (int)FLIGHT; i++) {
		out[i] = (struct out){.buf = bus.front.pages_alloc(&bus, ROOM / 4096)};
		ck_assert_ptr_nonnull(out[i].buf);
	}
	stop = false;
	ck_assert(!pthread_create(&guest, NULL, guest_loop, NULL));
}

static void rest(void)
{
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(guest, NULL);
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
	for (unsigned i = 0; i < FLIGHT; i++)
		bus.front.pages_free(&bus, out[i].buf, ROOM / 4096);
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	ck_assert(mem_bus_idle(&bus, 0));
	mem_bus_fini(&bus);
	close(stack.fd);
	close(woken);
}

static uint8_t pattern(uint64_t at)
{
	return (uint8_t)(at * 31 + (at >> 11));
}

struct side {
	int fd;
	bool good;
};

static void *pour(void *arg)
{
	struct side *s = arg;
	static uint8_t buf[1 << 16];

	for (uint64_t at = 0; at < BYTES;) {
		size_t n = sizeof(buf) < BYTES - at ? sizeof(buf) : BYTES - at;
		ssize_t done;

		for (size_t i = 0; i < n; i++)
			buf[i] = pattern(at + i);
		done = send(s->fd, buf, n, MSG_NOSIGNAL);
		if (done <= 0)
			return NULL;
		at += (uint64_t)done;
	}
	shutdown(s->fd, SHUT_WR);
	s->good = true;
	return NULL;
}

static void *drink(void *arg)
{
	static uint8_t buf[1 << 16];
	struct side *s = arg;
	uint64_t at = 0;
	ssize_t n;

	while ((n = recv(s->fd, buf, sizeof(buf), 0)) > 0)
		for (ssize_t i = 0; i < n; i++)
			if (buf[i] != pattern(at++))
				return NULL;
	s->good = at == BYTES;
	return NULL;
}

struct wire {
	int fd;
	bool stop;
	unsigned frames, wrong, longest;
};

/* Behind the router: every frame of TCP has a length that Ethernet takes, and a sum that is right. */
static void *watch(void *arg)
{
	static uint8_t buf[70000];
	struct wire *w = arg;
	struct pv_net_headers h;
	struct sockaddr_ll from;
	socklen_t len;
	ssize_t n;

	while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
		len = sizeof(from);
		n = recvfrom(w->fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &len);
		/* What the server itself sends is not on the wire yet. */
		if (n <= 0 || from.sll_pkttype == PACKET_OUTGOING ||
		    pv_net_find(buf, (uint32_t)n, &h) || h.proto != 6)
			continue;
		w->frames++;
		w->longest = (unsigned)n > w->longest ? (unsigned)n : w->longest;
		if (pv_csum_add((uint32_t)h.pseudo + 6 + h.len, buf + h.at, h.len) != 0xffff)
			w->wrong++;
	}
	return NULL;
}

static int open_socket(int where, int family)
{
	struct timeval patience = {.tv_sec = PATIENT};
	int fd;

	enter(where);
	fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	enter(HOME);
	ck_assert_int_ge(fd, 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

/* One connection from the guest to the server; `up`: the guest sends. MB/s. */
static double transfer(int family, bool up)
{
	struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons(4000)};
	struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons(4000)};
	struct sockaddr *a = family == AF_INET ? (void *)&a4 : (void *)&a6;
	socklen_t len = family == AF_INET ? sizeof(a4) : sizeof(a6);
	int listener = open_socket(SERVER, family), client = open_socket(GUEST, family), server;
	struct side sender, receiver;
	struct timespec from, to;
	pthread_t t[2];
	int one = 1;

	inet_pton(AF_INET, "10.2.0.2", &a4.sin_addr);
	inet_pton(AF_INET6, "fd02::2", &a6.sin6_addr);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	ck_assert(!bind(listener, a, len) && !listen(listener, 1));
	ck_assert_msg(!connect(client, a, len), "connect: %s", strerror(errno));
	server = accept(listener, NULL, NULL);
	ck_assert_int_ge(server, 0);
	sender = (struct side){.fd = up ? client : server};
	receiver = (struct side){.fd = up ? server : client};
	clock_gettime(CLOCK_MONOTONIC, &from);
	ck_assert(!pthread_create(&t[0], NULL, pour, &sender));
	ck_assert(!pthread_create(&t[1], NULL, drink, &receiver));
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	ck_assert_msg(sender.good && receiver.good, "what came is not what was sent");
	close(client);
	close(server);
	close(listener);
	return BYTES / 1e6 /
	       ((double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
}

static const struct shape shapes[] = {
	{"wide", {.gso = true, .rx_pages = 256}, 1},
	{"two queues", {.gso = true, .rx_pages = 256}, 2},
	{"no segmentation", {.rx_pages = 256}, 1},
	{"of old", {.no_sg = true, .no_csum = true, .rx_pages = 256}, 1},
};

START_TEST(bytes_arrive_through_a_route_in_frames_that_the_internet_takes)
{
	const struct shape *s = &shapes[_i / 2];
	int family = _i % 2 ? AF_INET6 : AF_INET, size = 8 << 20;
	struct timeval tick = {.tv_usec = 100000};
	struct host_net_stats st;
	struct wire wire = {0};
	double up, down;
	pthread_t t;

	begin(s);
	enter(SERVER);
	wire.fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	enter(HOME);
	setsockopt(wire.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	setsockopt(wire.fd, SOL_SOCKET, SO_RCVTIMEO, &tick, sizeof(tick));
	ck_assert(!pthread_create(&t, NULL, watch, &wire));
	up = transfer(family, true);
	down = transfer(family, false);
	__atomic_store_n(&wire.stop, true, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	close(wire.fd);
	rest();
	host_net_stats(card, &st);
	printf("# %s, IPv%d: %.0f MB/s up, %.0f down; %u super-frames and %u blank sums up, %u and "
	       "%u down; "
	       "wakeups a frame %.2f, calls a frame %.2f, events a frame %.2f\n",
	       s->name, family == AF_INET ? 4 : 6, up, down, super_up, blank_up, super_down,
	       blank_down, (double)st.wakeups / (double)(st.back.tx_frames + st.back.rx_frames),
	       (double)st.calls / (double)(st.back.tx_frames + st.back.rx_frames),
	       (double)st.back.notifies / (double)(st.back.tx_frames + st.back.rx_frames));
	ck_assert_uint_gt(wire.frames, 100);
	ck_assert_msg(wire.wrong == 0, "%u of %u frames have a wrong sum", wire.wrong, wire.frames);
	ck_assert_uint_le(wire.longest, 1514);
	ck_assert_uint_eq(st.back.tx_errors + st.back.rx_errors, 0);
	if (s->front.gso) {
		ck_assert_uint_gt(super_up, 100);
		ck_assert_uint_gt(super_down, 100);
		/* Whole on the ring: far fewer frames than the wire's. */
		ck_assert_uint_lt(st.back.tx_frames, BYTES / 1448);
	} else {
		ck_assert_uint_eq(super_down, 0);
		ck_assert_uint_le(longest_down, 1514);
	}
	ck_assert_uint_eq(blank_down != 0, !s->front.no_csum);
	finish();
}
END_TEST

START_TEST(a_guest_that_comes_back_with_less_is_served_with_less)
{
	unsigned i;

	for (i = 0; i < 3; i++) {
		const struct shape *s = &shapes[i == 1 ? 3 : 0];
		struct pv_netfront_config cfg = s->front;

		if (i == 0) {
			begin(s);
			(void)transfer(AF_INET, false);
			continue;
		}
		rest();
		ck_assert_uint_eq(super_down != 0, i == 1);
		pv_netfront_close(&front);
		for (unsigned k = 0; k < 20; k++) {
			host_net_step(card);
			pv_netfront_step(&front);
		}
		pv_netfront_destroy(&front);
		ck_assert(!pv_netfront_init(&front, &bus.front, &cfg, show, event, NULL));
		for (unsigned k = 0; k < 20 && front.state != 4; k++) {
			host_net_step(card);
			ck_assert_int_ge(pv_netfront_step(&front), 0);
		}
		host_net_step(card);
		frames_offload(&stack, cfg.no_csum ? 0 : PV_NETBACK_CAP_CSUM);
		for (unsigned k = 0; k < FLIGHT; k++)
			out[k].tx.status = 0;
		super_down = blank_down = 0;
		stop = false;
		ck_assert(!pthread_create(&guest, NULL, guest_loop, NULL));
		(void)transfer(AF_INET, false);
	}
	rest();
	ck_assert_uint_gt(super_down, 0);
	finish();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("tap");

	make_places();
	if (*skip) {
		printf("1..0 # SKIP %s\n", skip);
		return 0;
	}
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, bytes_arrive_through_a_route_in_frames_that_the_internet_takes, 0,
			    2 * sizeof(shapes) / sizeof(shapes[0]));
	tcase_add_test(tc, a_guest_that_comes_back_with_less_is_served_with_less);
	return run_case("tap", tc);
}
