/*
 * httpgap: the longest silence an HTTP client sees.
 *
 * Asks one small page every millisecond over one keep-alive connection, until the time is up or a signal comes, and prints how many
 * answers came, how many requests failed, how often the connection had to be made anew, and the longest time between two answers.
 * A server that moves to another process without losing its connection shows failures 0, reconnects 0.
 *
 * Trusts nobody: a malformed answer counts as a failure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ANSWER_TIMEOUT_MS 10000
#define PERIOD_NS	  1000000ull

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	stop = 1;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int dial(const char *host, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	int fd, one = 1;

	if (inet_pton(AF_INET, host, &a.sin_addr) != 1)
		return -1;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Reads one answer. Returns 0 for a complete 200, -1 for anything else. */
static int answer(int fd)
{
	static char buf[65536];
	size_t have = 0, body;
	char *end, *len;
	struct pollfd p = {.fd = fd, .events = POLLIN};

	for (;;) {
		ssize_t n;

		if (poll(&p, 1, ANSWER_TIMEOUT_MS) <= 0)
			return -1;
		n = recv(fd, buf + have, sizeof buf - 1 - have, 0);
		if (n <= 0)
			return -1;
		have += (size_t)n;
		buf[have] = 0;
		end = strstr(buf, "\r\n\r\n");
		if (!end) {
			if (have == sizeof buf - 1)
				return -1;
			continue;
		}
		len = strcasestr(buf, "\r\ncontent-length:");
		if (!len || len > end)
			return -1;
		body = strtoul(len + 17, NULL, 10);
		if (body > sizeof buf / 2)
			return -1;
		if (have >= (size_t)(end + 4 - buf) + body)
			return strncmp(buf, "HTTP/1.1 200", 12) ? -1 : 0;
	}
}

int main(int argc, char **argv)
{
	uint64_t start, last, gap_max = 0, gap_at = 0, deadline, next;
	unsigned long answers = 0, failures = 0, reconnects = 0;
	struct sigaction sa = {.sa_handler = on_signal};
	char req[512];
	int fd, len;

	if (argc != 5) {
		fprintf(stderr, "usage: httpgap ADDRESS PORT PATH SECONDS\n");
		return 2;
	}
	len = snprintf(req, sizeof req, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", argv[3], argv[1]);
	if (len < 0 || (size_t)len >= sizeof req) {
		fprintf(stderr, "httpgap: the path is too long\n");
		return 2;
	}
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = dial(argv[1], (unsigned)atoi(argv[2]));
	if (fd < 0) {
		fprintf(stderr, "httpgap: %s:%s: %s\n", argv[1], argv[2], strerror(errno));
		return 1;
	}
	start = last = next = now_ns();
	deadline = start + (uint64_t)(atof(argv[4]) * 1e9);
	while (!stop && last < deadline) {
		struct timespec t;
		uint64_t now;

		if (send(fd, req, (size_t)len, MSG_NOSIGNAL) != len || answer(fd) < 0) {
			if (stop)
				break;
			failures++;
			close(fd);
			fd = dial(argv[1], (unsigned)atoi(argv[2]));
			if (fd < 0) {
				fprintf(stderr, "httpgap: the server is gone: %s\n",
					strerror(errno));
				return 1;
			}
			reconnects++;
			continue;
		}
		now = now_ns();
		answers++;
		if (now - last > gap_max) {
			gap_max = now - last;
			gap_at = now - start;
		}
		last = now;
		next += PERIOD_NS;
		if (next < now)
			next = now;
		t.tv_sec = (time_t)(next / 1000000000ull);
		t.tv_nsec = (long)(next % 1000000000ull);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	printf("answers %lu failures %lu reconnects %lu longest_gap_ms %.2f at_s %.2f\n", answers,
	       failures, reconnects, (double)gap_max / 1e6, (double)gap_at / 1e9);
	return failures ? 1 : 0;
}
