/*
 * netd: claims about user networking as a process: it starts and says why not, forwards ports, keeps frames while no
 * domain is there, leaves when nobody needs it, is confined; and the web server answers through it, whole, while
 * domains take turns.
 *
 * netd PROGRAM: the daemon. Exit 77: this machine has no place for its files.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <pv/net.h>

#include "hosted.h"
#include "netd/client.h"
#include "web_big.h"
#include "web_rig.h"
#include "run.h"

#define BIG (24u << 20)

static const char *program;
static char folder[80], path[100], err[NETD_ERR_SIZE];
static struct netd_config config;
static int archive;

static void setup(void)
{
	snprintf(path, sizeof(path), "%s/%d.sock", folder, getpid());
	config = (struct netd_config){.socket_path = path, .program = program, .grace = 1};
}

static void add_forward(const char *text)
{
	ck_assert_int_eq(netd_forward_parse(text, &config.forwards[config.n_forwards++], err), 0);
}

static struct netd_link start(void)
{
	struct netd_link link;

	ck_assert_msg(!netd_start(&config, err), "%s", err);
	ck_assert_msg(!netd_attach(path, &link, err), "%s", err);
	return link;
}

static uint16_t port_of(const struct netd_link *link)
{
	struct netd_forward f[4];

	ck_assert_int_eq(netd_forwards(link->control, f, 4), (int)config.n_forwards);
	ck_assert_uint_ne(f[0].host_port, 0);
	return f[0].host_port;
}

/* The daemon is nobody's child: that it is gone shows in its socket. */
static bool gone_within(unsigned ms)
{
	for (unsigned i = 0; i < ms / 10; i++) {
		/* Only to look: an attach would keep it. */
		if (access(path, F_OK))
			return true;
		usleep(10000);
	}
	return false;
}

/* Does somebody listen on the socket? */
static bool serves(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), rc;

	strcpy(a.sun_path, path);
	rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
	close(fd);
	return !rc;
}

static int dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct timeval patience = {.tv_sec = 30};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_msg(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "connect: %s",
		      strerror(errno));
	return fd;
}

/* The server on the domain's end, in a thread: what a domain would be. */
struct domain {
	pthread_t thread;
	struct hosted_config hosted;
	int rc;
};

static void *run(void *arg)
{
	struct domain *d = arg;

	d->rc = hosted_run(&d->hosted);
	return NULL;
}

static void domain_start(struct domain *d, const struct netd_link *link)
{
	*d = (struct domain){.hosted = {.frames = link->frames,
					.archive = archive,
					.stop = eventfd(0, EFD_CLOEXEC),
					.mtu = link->mtu,
					.seed = 1,
					.quiet = 1}};
	ck_assert(!pthread_create(&d->thread, NULL, run, d));
}

static void domain_stop(struct domain *d)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(d->hosted.stop, &one, sizeof(one)), sizeof(one));
	pthread_join(d->thread, NULL);
	close(d->hosted.stop);
	ck_assert_int_eq(d->rc, 0);
}

static void fetch_whole(uint16_t port)
{
	big_fetch(dial(port), "GET /big HTTP/1.0\r\n\r\n", BIG);
}

START_TEST(forwards_are_read_and_written)
{
	static const char *const good[] = {"tcp:127.0.0.1:8080-:80",
					   "udp:0.0.0.0:53-10.0.2.15:5353", "tcp:127.0.0.1:0-:25"};
	static const char *const bad[] = {"",
					  "8080-:80",
					  "tcp:8080-:80",
					  "tcp::8080-80",
					  "tcp::8080",
					  "tcp::65536-:80",
					  "tcp::8080-:0",
					  "tcp:1.2.3:80-:80",
					  "tcp::80-:80x",
					  "tcp::-:80",
					  "icmp::80-:80",
					  "tcp:localhost:80-:80",
					  "tcp::-1-:80"};
	struct netd_forward f;
	char text[100];

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(netd_forward_parse(good[i], &f, err), 0);
		netd_forward_format(&f, text, sizeof(text));
		ck_assert_str_eq(text, good[i]);
	}
	ck_assert_int_eq(netd_forward_parse("tcp::8080-:80", &f, err), 0);
	ck_assert_uint_eq(f.host_addr, INADDR_LOOPBACK);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ck_assert_msg(netd_forward_parse(bad[i], &f, err) == -EINVAL, "%s", bad[i]);
		ck_assert_ptr_nonnull(strstr(err, bad[i]));
	}
}
END_TEST

START_TEST(a_file_arrives_whole_at_any_mtu)
{
	static const unsigned mtus[] = {576, 1500, 9000, 16384, 65521};
	struct domain d;
	struct netd_link link;

	config.mtu = mtus[_i];
	add_forward("tcp::0-:80");
	link = start();
	ck_assert_uint_eq(link.mtu, mtus[_i]);
	domain_start(&d, &link);
	fetch_whole(port_of(&link));
	domain_stop(&d);
	ck_assert_int_eq(netd_quit(link.control), 0);
	ck_assert(gone_within(2000));
}
END_TEST

START_TEST(a_port_in_use_is_named)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char text[50];

	ck_assert(!bind(fd, (struct sockaddr *)&a, len) && !listen(fd, 1) &&
		  !getsockname(fd, (struct sockaddr *)&a, &len));
	snprintf(text, sizeof(text), "tcp::%u-:80", ntohs(a.sin_port));
	add_forward(text);
	ck_assert_int_eq(netd_start(&config, err), -EADDRINUSE);
	snprintf(text, sizeof(text), "port %u is in use", ntohs(a.sin_port));
	ck_assert_msg(strstr(err, text) != NULL, "%s", err);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_second_daemon_on_one_socket_is_refused)
{
	struct netd_link link = start();

	ck_assert_int_eq(netd_start(&config, err), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err, path));
	netd_quit(link.control);
	ck_assert(gone_within(2000));
}
END_TEST

START_TEST(a_socket_left_by_a_killed_daemon_is_taken_over)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);
	struct netd_link link = start(), next;
	struct ucred peer;

	ck_assert(!getsockopt(link.control, SOL_SOCKET, SO_PEERCRED, &peer,
			      &(socklen_t){sizeof(peer)}));
	ck_assert(!getpeername(link.control, (struct sockaddr *)&a, &len));
	/* The credentials are of the process that listened: the daemon itself. */
	ck_assert_int_gt(peer.pid, 1);
	kill(peer.pid, SIGKILL);
	/* Its end takes the kernel a moment; then nobody listens. */
	for (unsigned i = 0; i < 500 && serves(); i++)
		usleep(10000);
	next = start();
	netd_quit(next.control);
	ck_assert(gone_within(2000));
}
END_TEST

START_TEST(what_has_quit_has_left_its_port_and_its_path)
{
	struct netd_link link;
	uint16_t port;
	char text[50];

	add_forward("tcp::0-:80");
	link = start();
	port = port_of(&link);
	snprintf(text, sizeof(text), "tcp::%u-:80", port);
	config.n_forwards = 0;
	add_forward(text);
	for (unsigned i = 0; i < 20; i++) {
		/* With a client of the forward, who notices. */
		int client = dial(port);
		char byte;

		ck_assert_int_eq(netd_quit(link.control), 0);
		ck_assert_int_eq(access(path, F_OK), -1);
		ck_assert_int_le(recv(client, &byte, 1, 0), 0);
		close(link.control);
		close(link.frames);
		close(client);
		link = start();
	}
	ck_assert_int_eq(netd_quit(link.control), 0);
	ck_assert(gone_within(2000));
}
END_TEST

START_TEST(a_program_that_is_missing_is_named)
{
	config.program = "/nonexistent/refhv-netd";
	ck_assert_int_eq(netd_start(&config, err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err, "/nonexistent/refhv-netd"));
}
END_TEST

START_TEST(it_leaves_when_nobody_holds_it_and_stays_when_told)
{
	struct netd_link link = start();

	ck_assert_int_eq(netd_hold(link.control, 3), 0);
	close(link.control);
	close(link.frames);
	usleep(1800000);
	ck_assert_int_eq(netd_attach(path, &link, err), 0);
	close(link.control);
	close(link.frames);
	ck_assert(gone_within(8000));
}
END_TEST

START_TEST(frames_wait_while_domains_take_turns)
{
	struct netd_link first = start(), second;
	static uint8_t frame[1000], got[2000];
	unsigned seen = 0;
	/* A request for the router's address, many times: each is answered. */
	static const uint8_t arp[42] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0,  0, 0, 0,  9, 8, 6, 0, 1, 8, 0,  6, 4, 0,
		1,    2,    0,	  0,	0,    0,    9, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2};

	memcpy(frame, arp, sizeof(arp));
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(send(first.frames, frame, sizeof(arp), 0), sizeof(arp));
	ck_assert_int_eq(netd_attach(path, &second, err), 0);
	close(first.control);
	close(first.frames);
	for (;;) {
		struct pollfd p = {.fd = second.frames, .events = POLLIN};

		if (poll(&p, 1, seen < 100 ? 3000 : 100) <= 0)
			break;
		if (recv(second.frames, got, sizeof(got), 0) == 64 || got[12] == 8)
			seen++;
	}
	ck_assert_uint_eq(seen, 100);
	netd_quit(second.control);
	close(second.frames);
	ck_assert(gone_within(2000));
}
END_TEST

/* One datagram of the guest's to 10.0.2.2, which is this machine to it. */
static void send_to_host(const struct netd_link *link, uint16_t port)
{
	uint8_t f[43] = {0x52, 0x55, 10, 0, 2, 2, 2, 0, 0, 0, 0, 9, 8, 0,
			 /* IPv4, UDP, 10.0.2.15 to 10.0.2.2 */
			 0x45, 0, 0, 29, 0, 1, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2,
			 /* from port 1000, 9 bytes in all, no checksum */
			 3, 0xe8, (uint8_t)(port >> 8), (uint8_t)port, 0, 9, 0, 0, 'x'};
	uint32_t sum = 0;

	for (unsigned i = 14; i < 34; i += 2)
		sum += (uint32_t)f[i] << 8 | f[i + 1];
	sum = ~((sum & 0xffff) + (sum >> 16));
	f[24] = (uint8_t)(sum >> 8);
	f[25] = (uint8_t)sum;
	ck_assert_int_eq(send(link->frames, f, sizeof(f), 0), sizeof(f));
}

START_TEST(what_listens_on_the_loopback_is_out_of_the_guests_reach)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	struct pollfd p = {.fd = socket(AF_INET, SOCK_DGRAM, 0), .events = POLLIN};
	struct netd_link link = start();

	ck_assert(!bind(p.fd, (struct sockaddr *)&a, len) &&
		  !getsockname(p.fd, (struct sockaddr *)&a, &len));
	send_to_host(&link, ntohs(a.sin_port));
	ck_assert_int_eq(poll(&p, 1, 500), 0);
	close(p.fd);
	netd_quit(link.control);
	ck_assert(gone_within(2000));
}
END_TEST

START_TEST(downloads_go_on_after_domains_took_turns)
{
	/* The server's state moves with the domain; here the thread goes on, and only its link to the daemon changes. */
	struct netd_link link, other;
	struct domain d;

	add_forward("tcp::0-:80");
	link = start();
	domain_start(&d, &link);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(netd_attach(path, &other, err), 0);
		ck_assert_int_eq(dup2(other.frames, link.frames), link.frames);
		close(other.frames);
		close(link.control);
		link.control = other.control;
		fetch_whole(port_of(&link));
	}
	domain_stop(&d);
	netd_quit(link.control);
	ck_assert(gone_within(2000));
}
END_TEST

static void status_of(pid_t pid, const char *key, char *value, size_t size)
{
	char name[40], line[200];
	FILE *f;

	snprintf(name, sizeof(name), "/proc/%d/status", pid);
	f = fopen(name, "r");
	*value = 0;
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)))
			snprintf(value, size, "%.*s", (int)strcspn(line + strlen(key), "\n"),
				 line + strlen(key));
	if (f)
		fclose(f);
}

START_TEST(it_is_confined)
{
	struct netd_link link = start();
	struct ucred peer;
	char value[100];

	ck_assert(!getsockopt(link.control, SOL_SOCKET, SO_PEERCRED, &peer,
			      &(socklen_t){sizeof(peer)}));
	status_of(peer.pid, "NoNewPrivs:", value, sizeof(value));
	ck_assert_str_eq(value, "\t1");
	status_of(peer.pid, "Seccomp:", value, sizeof(value));
	ck_assert_str_eq(value, "\t2");
	if (!geteuid()) {
		status_of(peer.pid, "CapEff:", value, sizeof(value));
		ck_assert_str_eq(value, "\t0000000000000000");
		status_of(peer.pid, "Uid:", value, sizeof(value));
		ck_assert_str_eq(value, "\t65534\t65534\t65534\t65534");
	}
	netd_quit(link.control);
	ck_assert(gone_within(2000));
}
END_TEST

/* The guest's end by hand: headers before frames, as client.h has them. */
struct peer {
	struct netd_link link;
	uint32_t seq, ack; /* ours; the next of theirs */
	uint8_t frame[70000];
	struct virtio_net_hdr *header;
	uint8_t *ether;
};

static const uint8_t guest_mac[6] = {2, 0, 0, 0, 0, 9};

static void say(struct peer *p, uint8_t caps)
{
	uint8_t word[NETD_OFFLOADS_SIZE] = {0};

	word[NETD_OFFLOADS_SIZE - 1] = caps;
	ck_assert_int_eq(send(p->link.frames, word, sizeof(word), 0), sizeof(word));
}

/* The next frame of this type (0x0806, 0x0800); its length. */
static uint32_t hear(struct peer *p, unsigned type)
{
	struct pollfd poll_in = {.fd = p->link.frames, .events = POLLIN};

	for (;;) {
		ssize_t n;

		ck_assert_msg(poll(&poll_in, 1, 5000) == 1, "no frame");
		n = recv(p->link.frames, p->frame, sizeof(p->frame), 0);
		ck_assert_int_gt(n, (ssize_t)sizeof(*p->header) + 14);
		if ((unsigned)(p->ether[12] << 8 | p->ether[13]) == type)
			return (uint32_t)n - (uint32_t)sizeof(*p->header);
	}
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void answer_arp(struct peer *p)
{
	uint8_t out[10 + 42] = {0}, *e = out + 10;

	hear(p, 0x0806);
	memcpy(e, p->ether + 6, 6);
	memcpy(e + 6, guest_mac, 6);
	memcpy(e + 12, p->ether + 12, 8);
	e[21] = 2;
	memcpy(e + 22, guest_mac, 6);
	memcpy(e + 28, p->ether + 38, 4);
	memcpy(e + 32, p->ether + 22, 10);
	ck_assert_int_eq(send(p->link.frames, out, sizeof(out), 0), sizeof(out));
}

/* An answer to the segment in p->frame: SYN with 1460 bytes, or a plain one. Its sum is left blank. */
static void answer_tcp(struct peer *p, bool syn)
{
	struct virtio_net_hdr h = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM, .csum_start = 34, .csum_offset = 16};
	uint8_t out[10 + 58] = {0}, *e = out + 10, *tcp = e + 34;
	uint32_t len = syn ? 58 : 54;
	uint16_t sum;

	memcpy(out, &h, sizeof(h));
	memcpy(e, p->ether + 6, 6);
	memcpy(e + 6, guest_mac, 6);
	e[12] = 8;
	e[14] = 0x45;
	e[17] = (uint8_t)(len - 14);
	e[22] = 64;
	e[23] = 6;
	memcpy(e + 26, p->ether + 30, 4);
	memcpy(e + 30, p->ether + 26, 4);
	sum = (uint16_t)~pv_csum_add(0, e + 14, 20);
	e[24] = (uint8_t)(sum >> 8);
	e[25] = (uint8_t)sum;
	memcpy(tcp, p->ether + 36, 2);
	memcpy(tcp + 2, p->ether + 34, 2);
	put32(tcp + 4, p->seq);
	put32(tcp + 8, p->ack);
	tcp[12] = syn ? 0x60 : 0x50;
	tcp[13] = syn ? 0x12 : 0x10;
	tcp[14] = tcp[15] = 0xff;
	if (syn)
		memcpy(tcp + 20, "\2\4\5\xb4", 4);
	ck_assert_int_eq(send(p->link.frames, out, 10 + len, 0), (int)(10 + len));
	p->seq += syn;
}

/* The next segment with data: its length; takes it up. */
static uint32_t hear_data(struct peer *p)
{
	uint32_t len, data;

	do {
		len = hear(p, 0x0800);
		data = len - 34 - (uint32_t)(p->ether[46] >> 4) * 4;
	} while (!data || get32(p->ether + 38) != p->ack);
	for (uint32_t i = 0; i < data; i++)
		ck_assert_uint_eq(p->ether[len - data + i], 0x77);
	p->ack += data;
	return len;
}

static bool summed(const struct peer *p, uint32_t len)
{
	struct pv_net_headers h;

	return !pv_net_find(p->ether, len, &h) &&
	       pv_csum_add((uint32_t)h.pseudo + 6 + h.len, p->ether + h.at, h.len) == 0xffff;
}

START_TEST(a_guest_that_takes_super_frames_gets_them_until_it_takes_none)
{
	static struct peer p;
	static char data[120000];
	uint32_t len, large = 0;
	int fd;

	config.vnet = true;
	add_forward("tcp::0-:80");
	p.link = start();
	p.header = (void *)p.frame;
	p.ether = p.frame + sizeof(*p.header);
	ck_assert(p.link.vnet);
	say(&p, 15);
	fd = dial(port_of(&p.link));
	answer_arp(&p);
	do
		hear(&p, 0x0800);
	while (p.ether[23] != 6 || !(p.ether[47] & 2));
	p.ack = get32(p.ether + 38) + 1;
	p.seq = 1000;
	answer_tcp(&p, true);
	memset(data, 0x77, sizeof(data));
	while (large < 3) {
		/* As much as it takes: there is always more. */
		ck_assert(send(fd, data, sizeof(data), MSG_DONTWAIT) > 0 || errno == EAGAIN);
		len = hear_data(&p);
		answer_tcp(&p, false);
		if (len <= 1514)
			continue;
		large++;
		ck_assert_uint_le(len, 54 + NETD_MTU_DEFAULT - 40);
		ck_assert_uint_eq(p.header->gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
		/* What it has said itself. */
		ck_assert_uint_eq(p.header->gso_size, 1460);
		ck_assert_uint_eq(p.header->flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		ck_assert_uint_eq(p.header->csum_start, 34);
		ck_assert_uint_eq(p.header->hdr_len, 54);
	}
	/* Another kernel has taken over, and takes none: the connection goes on in small ones. */
	say(&p, 0);
	usleep(50000);
	for (unsigned small = 0; small < 10;) {
		ck_assert(send(fd, data, sizeof(data), MSG_DONTWAIT) > 0 || errno == EAGAIN);
		len = hear_data(&p);
		answer_tcp(&p, false);
		if (len > 1514)
			continue; /* it was under way */
		small++;
		ck_assert_uint_eq(p.header->gso_type, VIRTIO_NET_HDR_GSO_NONE);
		ck_assert(summed(&p, len));
	}
	close(fd);
	netd_quit(p.link.control);
}
END_TEST

START_TEST(who_does_not_know_of_headers_is_refused_where_there_are_some)
{
	struct netd_link link;
	char answer[64];

	config.vnet = true;
	link = start();
	ck_assert_int_eq(send(link.control, "attach", 6, 0), 6);
	ck_assert_int_gt(recv(link.control, answer, sizeof(answer), 0), 5);
	ck_assert_int_eq(memcmp(answer, "error", 5), 0);
	netd_quit(link.control);
}
END_TEST

START_TEST(requests_that_make_no_sense_are_refused)
{
	static const char *const bad[] = {"hold", "hold 99999999", "nonsense", "attach me",
					  "quit now"};
	struct netd_link link = start();

	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char answer[100] = "";

		ck_assert_int_gt(send(link.control, bad[i], strlen(bad[i]), 0), 0);
		ck_assert_int_gt(recv(link.control, answer, sizeof(answer) - 1, 0), 0);
		ck_assert_msg(!strncmp(answer, "error ", 6), "%s: %s", bad[i], answer);
	}
	netd_quit(link.control);
	ck_assert(gone_within(2000));
}
END_TEST

int main(int argc, char **argv)
{
	TCase *t = tcase_create("netd");
	int failed;

	if (argc < 2)
		return 2;
	program = argv[1];
	snprintf(folder, sizeof(folder), "/tmp/netd-XXXXXX");
	if (!mkdtemp(folder))
		return 77;
	signal(SIGPIPE, SIG_IGN);
	archive = big_archive(BIG);
	tcase_set_timeout(t, 120);
	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, forwards_are_read_and_written);
	tcase_add_loop_test(t, a_file_arrives_whole_at_any_mtu, 0, 5);
	tcase_add_test(t, a_port_in_use_is_named);
	tcase_add_test(t, a_second_daemon_on_one_socket_is_refused);
	tcase_add_test(t, a_socket_left_by_a_killed_daemon_is_taken_over);
	tcase_add_test(t, what_has_quit_has_left_its_port_and_its_path);
	tcase_add_test(t, a_program_that_is_missing_is_named);
	tcase_add_test(t, it_leaves_when_nobody_holds_it_and_stays_when_told);
	tcase_add_test(t, frames_wait_while_domains_take_turns);
	tcase_add_test(t, what_listens_on_the_loopback_is_out_of_the_guests_reach);
	tcase_add_test(t, downloads_go_on_after_domains_took_turns);
	tcase_add_test(t, it_is_confined);
	tcase_add_test(t, a_guest_that_takes_super_frames_gets_them_until_it_takes_none);
	tcase_add_test(t, who_does_not_know_of_headers_is_refused_where_there_are_some);
	tcase_add_test(t, requests_that_make_no_sense_are_refused);
	failed = run_case("netd", t);
	rmdir(folder);
	return failed;
}
