/*
 * netload: TCP at full speed one way or the other, and requests with answers on open connections.
 *
 *     netload serve PORT
 *     netload to|from|ask HOST PORT COUNT [CONNECTIONS]
 *
 * The one that asks says what is to be done, does the timing, and prints one line: MiB a second (`to` and `from`, COUNT MiB
 * on each connection) or requests a second with the median and the 99th of 100 round trips in microseconds (`ask`, COUNT
 * of one byte each on each connection). Serves each connection with a process, until it is killed. For a bench
 * among friends: it trusts the other end.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MIB	(1ull << 20)
#define PATIENT 60 /* seconds */
#define MOST	16 /* connections */

struct order {
	char what; /* 't', 'f' or 'a' */
	uint64_t count;
};

static char buf[128 << 10];

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void set_up(int fd)
{
	struct timeval patience = {.tv_sec = PATIENT};
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static void give(int fd, uint64_t bytes)
{
	while (bytes) {
		size_t n = bytes < sizeof(buf) ? (size_t)bytes : sizeof(buf);
		ssize_t done = send(fd, buf, n, MSG_NOSIGNAL);

		if (done <= 0)
			fail("send");
		bytes -= (uint64_t)done;
	}
}

static void take(int fd, uint64_t bytes)
{
	while (bytes) {
		size_t n = bytes < sizeof(buf) ? (size_t)bytes : sizeof(buf);
		ssize_t done = recv(fd, buf, n, 0);

		if (done <= 0)
			fail("recv");
		bytes -= (uint64_t)done;
	}
}

static void serve_one(int fd)
{
	struct order order;

	set_up(fd);
	if (recv(fd, &order, sizeof(order), MSG_WAITALL) != sizeof(order))
		exit(1);
	if (order.what == 'f')
		give(fd, order.count);
	else if (order.what == 't')
		take(fd, order.count);
	else
		while (order.count--) {
			take(fd, 1);
			give(fd, 1);
		}
	/* The last word is ours: all of it has come, or has been taken. */
	give(fd, 1);
	take(fd, 1);
	exit(0);
}

static void serve(uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	signal(SIGCHLD, SIG_IGN);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, MOST))
		fail("port");
	for (;;) {
		int peer = accept(fd, NULL, NULL);

		if (peer < 0)
			continue;
		if (!fork())
			serve_one(peer);
		close(peer);
	}
}

static void ask(int fd, uint64_t count, float *us)
{
	for (uint64_t i = 0; i < count; i++) {
		double began = now();

		give(fd, 1);
		take(fd, 1);
		us[i] = (float)((now() - began) * 1e6);
	}
}

/* One connection's work, in a process of its own: waits for `go` to close, so that all begin together. */
static void work(const struct sockaddr_in *a, const struct order *order, int ready, int go,
		 float *us)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	set_up(fd);
	if (connect(fd, (const struct sockaddr *)a, sizeof(*a)))
		fail("connect");
	if (write(ready, "r", 1) != 1 || read(go, buf, 1) != 0)
		fail("start");
	if (send(fd, order, sizeof(*order), MSG_NOSIGNAL) != sizeof(*order))
		fail("send");
	if (order->what == 'f')
		take(fd, order->count);
	else if (order->what == 't')
		give(fd, order->count);
	else
		ask(fd, order->count, us);
	take(fd, 1);
	give(fd, 1);
	exit(0);
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static int run(const struct sockaddr_in *a, const struct order *order, unsigned connections)
{
	uint64_t asked = order->what == 'a' ? order->count * connections : 1;
	float *us = mmap(NULL, asked * sizeof(*us), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int ready[2], go[2], status, bad = 0;
	double began, took;

	if (us == MAP_FAILED || pipe(ready) || pipe(go))
		fail("start");
	for (unsigned i = 0; i < connections; i++)
		if (!fork()) {
			close(go[1]);
			work(a, order, ready[1], go[0],
			     us + (order->what == 'a' ? i * order->count : 0));
		}
	close(ready[1]);
	for (unsigned i = 0; i < connections; i++)
		if (read(ready[0], buf, 1) != 1)
			return 1;
	began = now();
	close(go[1]);
	while (wait(&status) > 0)
		bad |= status;
	took = now() - began;
	if (bad)
		return 1;
	if (order->what != 'a') {
		printf("%.2f\n", (double)(order->count * connections) / (double)MIB / took);
		return 0;
	}
	qsort(us, asked, sizeof(*us), by_value);
	printf("%.1f %.0f %.0f\n", (double)asked / took, us[asked / 2], us[asked * 99 / 100]);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct order order = {0};
	unsigned connections = argc == 6 ? (unsigned)atoi(argv[5]) : 1;

	if (argc == 3 && !strcmp(argv[1], "serve"))
		serve((uint16_t)atoi(argv[2]));
	if (argc < 5 || argc > 6 || !inet_pton(AF_INET, argv[2], &a.sin_addr) || !connections ||
	    connections > MOST) {
		fprintf(stderr, "usage: netload serve PORT\n       netload to|from|ask HOST PORT "
				"COUNT [CONNECTIONS]\n");
		return 2;
	}
	a.sin_port = htons((uint16_t)atoi(argv[3]));
	order.what = argv[1][0];
	order.count = strtoull(argv[4], NULL, 10) * (order.what == 'a' ? 1 : MIB);
	return run(&a, &order, connections);
}
