/*
 * The unix socket of refhv-netd. Requests are packets: "attach" ("attach vnet" where packets
 * of the pair begin with a header), "hold SECONDS", "forwards", "quit". Answers begin with
 * "ok" or "error ERRNO". Only the user who started us (and root) is heard; what he sends is parsed with bounds.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "netd/netd.h"

#define SECOND 1000000000ll

void control_add_poll(struct netd *n, int fd, short events)
{
	/* More sockets than places: those left out wait for their turn, as if nothing had happened on them. */
	if (n->n_poll == NETD_POLL_MAX)
		n->n_poll--;
	n->poll[n->n_poll++] = (struct pollfd){.fd = fd, .events = events};
}

void control_listen(struct netd *n)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int probe;

	if (strlen(n->socket_path) >= sizeof(a.sun_path))
		netd_fail(ENAMETOOLONG, "%s: the path is longer than a socket's may be (%zu bytes)",
			  n->socket_path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, n->socket_path);
	probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	n->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (probe < 0 || n->listener < 0)
		netd_fail(errno, "socket: %s", strerror(errno));
	if (!connect(probe, (struct sockaddr *)&a, sizeof(a)))
		netd_fail(EADDRINUSE, "%s: a daemon serves this already", n->socket_path);
	if (errno == ECONNREFUSED)
		unlink(n->socket_path); /* left by one that was killed */
	close(probe);
	umask(0077);
	if (bind(n->listener, (struct sockaddr *)&a, sizeof(a)) || listen(n->listener, NETD_USERS))
		netd_fail(errno, "%s: %s", n->socket_path, strerror(errno));
}

void control_fill(struct netd *n)
{
	control_add_poll(n, n->listener, n->n_users < NETD_USERS ? POLLIN : 0);
	for (unsigned i = 0; i < n->n_users; i++)
		control_add_poll(n, n->users[i], POLLIN);
}

static void welcome(struct netd *n)
{
	int fd = accept4(n->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (fd < 0)
		return;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) ||
	    (peer.uid != n->owner && peer.uid != 0)) {
		close(fd);
		return;
	}
	n->users[n->n_users++] = fd;
}

static void answer(int fd, const char *text, int passed)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} ancillary = {.head = {.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS,
				.cmsg_len = CMSG_LEN(sizeof(int))}};
	struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	if (passed >= 0) {
		memcpy(CMSG_DATA(&ancillary.head), &passed, sizeof(int));
		m.msg_control = &ancillary;
		m.msg_controllen = sizeof(ancillary);
	}
	/* A user who does not read his answers has to do without. */
	sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void serve(struct netd *n, int fd, const char *request)
{
	char text[64 + NETD_FORWARDS_MAX * 80];
	unsigned seconds;
	int len;

	if (!strcmp(request, n->vnet ? "attach vnet" : "attach")) {
		snprintf(text, sizeof(text), "ok %u%s", n->mtu, n->vnet ? " vnet" : "");
		answer(fd, text, n->domain_frames);
	} else if (sscanf(request, "hold %u", &seconds) == 1 && seconds <= 7 * 86400) {
		int64_t until = netd_now() + seconds * SECOND;

		if (until > n->leave_at)
			n->leave_at = until;
		answer(fd, "ok", -1);
	} else if (!strcmp(request, "forwards")) {
		len = snprintf(text, sizeof(text), "ok\n");
		for (unsigned i = 0; i < n->n_forwards; i++) {
			len += netd_forward_format(&n->forwards[i], text + len,
						   sizeof(text) - (size_t)len);
			len += snprintf(text + len, sizeof(text) - (size_t)len, "\n");
		}
		answer(fd, text, -1);
	} else if (!strcmp(request, "stats")) {
		snprintf(text, sizeof(text), "ok frames_in=%llu frames_out=%llu waited=%llu",
			 (unsigned long long)n->frames_in, (unsigned long long)n->frames_out,
			 (unsigned long long)n->waited);
		answer(fd, text, -1);
	} else if (!strcmp(request, "quit")) {
		/* Who hears the answer may take the ports and the path at once. */
		if (!n->quit) {
			user_stop(n);
			close(n->listener);
			confine_call_janitor(n);
		}
		n->quit = true;
		answer(fd, "ok", -1);
	} else {
		snprintf(text, sizeof(text), "error %d unknown request", EINVAL);
		answer(fd, text, -1);
	}
}

void control_poll(struct netd *n, unsigned at)
{
	unsigned known = n->n_users, kept = 0;

	for (unsigned i = 0; i < known; i++) {
		short events = n->poll[at + 1 + i].revents;
		char request[128];
		ssize_t len = -1;

		if (events) {
			len = recv(n->users[i], request, sizeof(request) - 1, MSG_DONTWAIT);
			if (len == 0 || (len < 0 && errno != EAGAIN && errno != EINTR)) {
				close(n->users[i]);
				continue;
			}
		}
		if (len > 0) {
			request[len] = 0;
			serve(n, n->users[i], request);
		}
		n->users[kept++] = n->users[i];
	}
	n->n_users = kept;
	if (known && !kept) {
		int64_t until = netd_now() + n->grace * SECOND;

		if (until > n->leave_at)
			n->leave_at = until;
	}
	if (!n->quit && n->poll[at].revents & POLLIN)
		welcome(n);
}
