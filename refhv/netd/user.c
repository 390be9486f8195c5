/*
 * libslirp on our end of the pair.
 *
 * Trust: frames come from a guest, data from the network; both are hostile, and libslirp is what stands between.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "netd/netd.h"

#define BACKLOG 128

static ssize_t send_packet(const void *frame, size_t len, void *opaque)
{
	wire_send(opaque, frame, len);
	return (ssize_t)len;
}

void user_frame(struct netd *n, const void *frame, size_t len)
{
	slirp_input(n->slirp, frame, (int)len);
}

static void guest_error(const char *message, void *opaque)
{
	(void)message;
	(void)opaque;
}

static int64_t clock_get_ns(void *opaque)
{
	(void)opaque;
	return netd_now();
}

/* Timers serve router advertisements, and there is no IPv6 here. */
static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque)
{
	static char timer;

	(void)cb;
	(void)cb_opaque;
	(void)opaque;
	return &timer;
}

static void timer_free(void *timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void timer_mod(void *timer, int64_t when, void *opaque)
{
	(void)timer;
	(void)when;
	(void)opaque;
}

static void poll_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void notify(void *opaque)
{
	(void)opaque;
}

static short to_poll(int events)
{
	return (short)((events & SLIRP_POLL_IN ? POLLIN : 0) |
		       (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
		       (events & SLIRP_POLL_PRI ? POLLPRI : 0));
}

static int add_poll(int fd, int events, void *opaque)
{
	struct netd *n = opaque;

	control_add_poll(n, fd, to_poll(events));
	return (int)n->n_poll - 1;
}

static int get_revents(int index, void *opaque)
{
	struct netd *n = opaque;
	short r = n->poll[index].revents;

	return (r & POLLIN ? SLIRP_POLL_IN : 0) | (r & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (r & POLLPRI ? SLIRP_POLL_PRI : 0) | (r & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (r & POLLHUP ? SLIRP_POLL_HUP : 0);
}

void user_fill(struct netd *n, uint32_t *timeout_ms)
{
	slirp_pollfds_fill(n->slirp, timeout_ms, add_poll, n);
}

void user_poll(struct netd *n, bool failed)
{
	slirp_pollfds_poll(n->slirp, failed, get_revents, n);
}

void user_stop(struct netd *n)
{
	slirp_cleanup(n->slirp);
	n->slirp = NULL;
}

/* libslirp cannot tell which port it was given: take one that is free, and ask for that. */
static uint16_t free_port(const struct netd_forward *f)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(f->host_addr)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, f->udp ? SOCK_DGRAM : SOCK_STREAM, 0);
	uint16_t port = 0;

	if (fd >= 0 && !bind(fd, (struct sockaddr *)&a, len) &&
	    !getsockname(fd, (struct sockaddr *)&a, &len))
		port = ntohs(a.sin_port);
	if (fd >= 0)
		close(fd);
	return port;
}

static void add_forward(struct netd *n, struct netd_forward *f)
{
	struct in_addr host = {htonl(f->host_addr)}, guest = {htonl(f->guest_addr)};
	struct netd_forward wanted = *f;
	char text[80];

	for (unsigned tries = 0; tries < 8; tries++) {
		if (!wanted.host_port)
			f->host_port = free_port(f);
		if (!slirp_add_hostfwd(n->slirp, f->udp, host, f->host_port, guest, f->guest_port))
			return;
		if (wanted.host_port || errno != EADDRINUSE)
			break;
	}
	netd_forward_format(&wanted, text, sizeof(text));
	if (errno == EADDRINUSE)
		netd_fail(errno, "forward %s: port %u is in use", text, wanted.host_port);
	if (errno == EACCES)
		netd_fail(errno, "forward %s: port %u needs more rights; choose one above 1023",
			  text, wanted.host_port);
	netd_fail(errno ? errno : EINVAL, "forward %s: %s", text, strerror(errno ? errno : EINVAL));
}

/* libslirp listens with a queue of one, and clients that come together would wait a second for their next try. */
static void deepen_queues(void)
{
	for (int fd = 0; fd < 256; fd++) {
		int listens = 0, domain = 0;
		socklen_t len = sizeof(int);

		if (!getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) && listens &&
		    !getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) && domain == AF_INET)
			listen(fd, BACKLOG);
	}
}

void user_start(struct netd *n)
{
	static const SlirpCb callbacks = {
		.send_packet = send_packet,
		.guest_error = guest_error,
		.clock_get_ns = clock_get_ns,
		.timer_new = timer_new,
		.timer_free = timer_free,
		.timer_mod = timer_mod,
		.register_poll_fd = poll_fd,
		.unregister_poll_fd = poll_fd,
		.notify = notify,
	};
	SlirpConfig config = {
		.version = 1,
		.in_enabled = true,
		.vnetwork.s_addr = htonl(0x0a000200),
		.vnetmask.s_addr = htonl(0xffffff00),
		.vhost.s_addr = htonl(0x0a000202),
		.vdhcp_start.s_addr = htonl(0x0a00020f),
		.vnameserver.s_addr = htonl(0x0a000203),
		.if_mtu = n->mtu,
		.if_mru = n->mtu,
		/* What listens on the loopback counts on being asked from this machine only. */
		.disable_host_loopback = true,
	};

	n->slirp = slirp_new(&config, &callbacks, n);
	if (!n->slirp)
		netd_fail(ENOMEM, "libslirp does not start");
	for (unsigned i = 0; i < n->n_forwards; i++)
		add_forward(n, &n->forwards[i]);
	deepen_queues();
}
