/*
 * refhv-netd: user networking for one vif, as a confined process of its own. See client.h for what it offers and how
 * long it lives. It is started by refhv, with a pipe on which it says once whether it is ready.
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "netd/netd.h"

#define SECOND	      1000000000ll
#define SOCKET_BUFFER (4 << 20)

static int report_fd = -1;

int64_t netd_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * SECOND + t.tv_nsec;
}

void netd_fail(int error, const char *format, ...)
{
	char text[NETD_ERR_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (report_fd >= 0)
		dprintf(report_fd, "error %d %s\n", error, text);
	else
		fprintf(stderr, "refhv-netd: %s\n", text);
	exit(1);
}

static unsigned number(const char *name, const char *text, unsigned min, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || end == text || v < min || v > max)
		netd_fail(EINVAL, "%s %s: not a number from %u to %u", name, text, min, max);
	return (unsigned)v;
}

static void parse(struct netd *n, int argc, char **argv)
{
	static const struct option options[] = {
		{"socket", required_argument, NULL, 's'},
		{"mtu", required_argument, NULL, 'm'},
		{"grace", required_argument, NULL, 'g'},
		{"forward", required_argument, NULL, 'f'},
		{"report", required_argument, NULL, 'r'},
		{"vnet", no_argument, NULL, 'v'},
		{NULL, 0, NULL, 0},
	};
	char err[NETD_ERR_SIZE];
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 's': n->socket_path = optarg; break;
		case 'm': n->mtu = number("--mtu", optarg, NETD_MTU_MIN, NETD_MTU_MAX); break;
		case 'g': n->grace = number("--grace", optarg, 0, 86400); break;
		case 'r': report_fd = (int)number("--report", optarg, 0, 1023); break;
		case 'v': n->vnet = true; break;
		case 'f':
			if (n->n_forwards == NETD_FORWARDS_MAX)
				netd_fail(E2BIG, "more than %u forwards", NETD_FORWARDS_MAX);
			if (netd_forward_parse(optarg, &n->forwards[n->n_forwards++], err))
				netd_fail(EINVAL, "%s", err);
			break;
		default: netd_fail(EINVAL, "unknown option");
		}
	}
	if (!n->socket_path || optind != argc)
		netd_fail(EINVAL, "usage: refhv-netd --socket PATH [--mtu N] [--grace SECONDS] "
				  "[--vnet] [--forward SPEC]...");
}

static void make_pair(struct netd *n)
{
	int pair[2], size = SOCKET_BUFFER;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		netd_fail(errno, "socketpair: %s", strerror(errno));
	for (int i = 0; i < 2; i++)
		if (setsockopt(pair[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
			setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	n->frames = pair[0];
	n->domain_frames = pair[1];
}

/*
 * While nobody is attached libslirp stands still: its clocks do not run against a domain that is being saved or
 * moved, and what the network sends waits in the kernel.
 */
static void step(struct netd *n)
{
	bool running = n->n_users && wire_drain(n);
	uint32_t timeout = UINT32_MAX;
	unsigned control;
	int rc, wait;

	n->n_poll = 0;
	if (n->n_users)
		control_add_poll(n, n->frames, running ? POLLIN : POLLOUT);
	control = n->n_poll;
	control_fill(n);
	if (running)
		user_fill(n, &timeout);
	wait = timeout > 60000 ? 60000 : (int)timeout;
	if (!n->n_users) {
		int64_t left = (n->leave_at - netd_now()) / 1000000 + 1;

		if (left <= 0) {
			n->quit = true;
			return;
		}
		wait = left < wait ? (int)left : wait;
	}
	rc = poll(n->poll, n->n_poll, wait);
	if (rc < 0 && errno != EINTR)
		netd_fail(errno, "poll: %s", strerror(errno));
	if (running) {
		user_poll(n, rc < 0);
		if (rc > 0 && n->poll[0].revents & POLLIN && !n->waiting)
			wire_input(n);
		wire_flush(n);
	}
	if (rc > 0)
		control_poll(n, control);
}

int main(int argc, char **argv)
{
	static struct netd n = {.mtu = NETD_MTU_DEFAULT, .grace = NETD_GRACE_DEFAULT};

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	parse(&n, argc, argv);
	n.owner = geteuid();
	n.poll = calloc(NETD_POLL_MAX, sizeof(*n.poll));
	if (!n.poll)
		netd_fail(ENOMEM, "no memory");
	make_pair(&n);
	wire_start(&n);
	user_start(&n);
	control_listen(&n);
	confine_leave_janitor(&n);
	confine(&n);
	n.leave_at = netd_now() + (n.grace > 5 ? n.grace : 5) * SECOND; /* time to attach */
	if (report_fd >= 0) {
		dprintf(report_fd, "ok\n");
		close(report_fd);
		report_fd = -1;
	}
	while (!n.quit)
		step(&n);
	return 0;
}
