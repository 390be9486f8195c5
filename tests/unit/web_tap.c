/*
 * web_tap: the web guest's TCP against Linux's own, over a tap in a network namespace of the test's: downloads and mail,
 * with and without a wire that misbehaves, at small and large MTU. Skipped (77) where taps or namespaces are not allowed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <linux/if_tun.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hosted.h"
#include "web_big.h"
#include "web_rig.h"
#include "run.h"

#define BIG (100u << 20)

static int archive;

struct server {
	pthread_t thread;
	struct hosted_config config;
};

static void *run(void *arg)
{
	struct server *s = arg;

	hosted_run(&s->config);
	return NULL;
}

/* A tap with an address, up; -1 where that is not allowed. */
static int open_tap(unsigned mtu)
{
	struct ifreq r = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC),
	    s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(RIG_PEER)};
	int bad;

	strcpy(r.ifr_name, "webtap");
	bad = fd < 0 || s < 0 || ioctl(fd, TUNSETIFF, &r);
	memcpy(&r.ifr_addr, &a, sizeof(a));
	bad = bad || ioctl(s, SIOCSIFADDR, &r);
	a.sin_addr.s_addr = htonl(0xffffff00);
	memcpy(&r.ifr_netmask, &a, sizeof(a));
	bad = bad || ioctl(s, SIOCSIFNETMASK, &r);
	r.ifr_mtu = (int)mtu;
	bad = bad || ioctl(s, SIOCSIFMTU, &r);
	r.ifr_flags = IFF_UP | IFF_RUNNING;
	bad = bad || ioctl(s, SIOCSIFFLAGS, &r);
	close(s);
	if (bad && fd >= 0)
		close(fd);
	return bad ? -1 : fd;
}

static void start(struct server *s, unsigned mtu, unsigned mischief)
{
	*s = (struct server){.config = {.frames = open_tap(mtu),
					.archive = archive,
					.stop = eventfd(0, EFD_CLOEXEC),
					.mtu = mtu,
					.address = RIG_ADDRESS,
					.mask = 0xffffff00,
					.lose = mischief,
					.repeat = mischief,
					.delay = 2 * mischief,
					.seed = 42,
					.quiet = 1}};
	ck_assert_int_ge(s->config.frames, 0);
	ck_assert(!pthread_create(&s->thread, NULL, run, s));
}

static void stop(struct server *s)
{
	uint64_t one = 1;

	ck_assert_int_eq(write(s->config.stop, &one, sizeof(one)), sizeof(one));
	pthread_join(s->thread, NULL);
	close(s->config.stop);
	close(s->config.frames);
}

static int dial(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
				.sin_port = htons(port),
				.sin_addr.s_addr = htonl(RIG_ADDRESS)};
	struct timeval patience = {.tv_sec = 60};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ck_assert_msg(!connect(fd, (struct sockaddr *)&a, sizeof(a)), "connect: %s",
		      strerror(errno));
	return fd;
}

static void fetch(uint32_t len)
{
	char request[100];

	snprintf(request, sizeof(request),
		 "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\nRange: bytes=0-%u\r\n\r\n",
		 len - 1);
	big_fetch(dial(80), request, len);
}

START_TEST(a_hundred_megabytes_arrive_whole_in_linux)
{
	static const unsigned mtus[] = {1500, 16384, 65000};
	struct server s;

	start(&s, mtus[_i], 0);
	fetch(BIG);
	stop(&s);
}
END_TEST

START_TEST(a_file_arrives_whole_in_linux_over_a_bad_wire)
{
	static const unsigned mtus[] = {1500, 9000};
	struct server s;

	start(&s, mtus[_i], 10);
	fetch(4 << 20);
	stop(&s);
}
END_TEST

START_TEST(mail_from_linux_arrives_over_a_bad_wire)
{
	struct server s;
	char answer[1000] = "";
	size_t len = 0;
	ssize_t n;
	int fd;

	start(&s, 1500, 10);
	fd = dial(25);
	dprintf(fd, "EHLO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
	for (unsigned i = 0; i < 10000; i++)
		dprintf(fd, "line %u of a letter\r\n", i);
	dprintf(fd, ".\r\nQUIT\r\n");
	while (len < sizeof(answer) - 1 &&
	       (n = read(fd, answer + len, sizeof(answer) - 1 - len)) > 0)
		len += (size_t)n;
	close(fd);
	ck_assert_msg(strstr(answer,
			     "354 end with a dot on a line of its own\r\n250 ok\r\n221 bye\r\n") !=
			      NULL,
		      "%s", answer);
	stop(&s);
}
END_TEST

START_TEST(linux_opens_many_connections_one_after_the_other)
{
	struct server s;

	start(&s, 1500, 0);
	for (unsigned i = 0; i < 500; i++)
		fetch(1000 + i);
	stop(&s);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tap");
	int fd;

	if ((unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) ||
	    (fd = open_tap(1500)) < 0) {
		printf("1..0 # SKIP no tap in a namespace of our own: %s\n", strerror(errno));
		return 0;
	}
	close(fd);
	signal(SIGPIPE, SIG_IGN);
	archive = big_archive(BIG);
	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, a_hundred_megabytes_arrive_whole_in_linux, 0, 3);
	tcase_add_loop_test(t, a_file_arrives_whole_in_linux_over_a_bad_wire, 0, 2);
	tcase_add_test(t, mail_from_linux_arrives_over_a_bad_wire);
	tcase_add_test(t, linux_opens_many_connections_one_after_the_other);
	return run_case("web_tap", t);
}
