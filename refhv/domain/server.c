/*
 * The control socket's end in the domain process; the protocol is in control/control.h.
 *
 * Clients are the domain's owner (the folder is 0700), but what they send is checked like anybody's, and one that sends
 * nothing, or too much, or never reads, harms only itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "control/control.h"
#include "domain/server.h"
#include "launch/launch.h"

static void close_fds(struct peer *p)
{
	while (p->nfds)
		close(p->fd[--p->nfds]);
}

static void peer_drop(struct peer *p)
{
	struct domain *d = p->s->d;
	bool moves = p->moves;

	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (p->s->peer[i] == p)
			p->s->peer[i] = NULL;
	ev_io_stop(p->s->d->loop, &p->io);
	close(p->io.fd);
	close_fds(p);
	free(p->in);
	free(p);
	/* Who asked for a move and goes away calls it off. */
	if (moves)
		move_cancel(d);
}

/* Answers are small beside a socket's buffer: a peer that lets them pile up is not served. */
static bool say(struct peer *p, json_t *msg)
{
	char *text = json_dumps(msg, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	bool ok;

	json_decref(msg);
	if (text)
		text[len++] = '\n';
	ok = text && send(p->io.fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
	free(text);
	return ok;
}

/* To its own request: false when the peer is gone. */
static bool answer(struct peer *p, json_t *msg)
{
	bool ok = say(p, msg);

	if (!ok)
		peer_drop(p);
	return ok;
}

/* In the middle of somebody's request, perhaps of its own: the loop finds the end that this makes. */
static void tell_later(struct peer *p, json_t *msg)
{
	if (!say(p, msg))
		shutdown(p->io.fd, SHUT_RDWR);
}

static json_t *failure(const struct refhv_error *e)
{
	return json_pack("{s:b, s:o}", "ok", 0, "error", launch_error_to_json(e));
}

/* One line. False when the peer is gone. */
static bool request(struct peer *p, const char *line, size_t len)
{
	struct domain *d = p->s->d;
	json_t *o = json_loadb(line, len, 0, NULL);
	const char *cmd = json_string_value(json_object_get(o, "cmd"));
	struct refhv_error e = {.exit = REFHV_FAILED};
	bool later = false, alive = true, end = false;
	json_t *reply;

	if (cmd && !strcmp(cmd, "destroy")) {
		json_decref(o);
		/* First the answer: the end closes every connection. */
		if (answer(p, server_success(NULL)))
			life_destroy(d, "destroyed", "by command");
		return false;
	}
	if (cmd && !strcmp(cmd, "saved")) {
		p->moves = false;
		reply = move_saved(d, &end, &e) ? NULL : server_success(NULL);
	} else {
		reply = server_perform(p, o, &later, &e);
	}
	json_decref(o);
	if (!later)
		alive = answer(p, reply ? reply : failure(&e));
	if (end)
		life_moved(d, "saved to a file");
	return alive && !end;
}

/* Bytes, and descriptors if some come with them; the newest count. */
static ssize_t receive(struct peer *p)
{
	union {
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec v = {p->in + p->in_len, p->in_size - p->in_len};
	struct msghdr m = {.msg_iov = &v,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	ssize_t n = recvmsg(p->io.fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len <= CMSG_LEN(sizeof(p->fd))) {
		close_fds(p);
		p->nfds = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(p->fd, CMSG_DATA(c), p->nfds * sizeof(int));
	}
	return n;
}

static void peer_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct peer *p = w->data;
	char *nl;
	ssize_t n;

	if (p->in_len == p->in_size) {
		size_t size = p->in_size ? p->in_size * 2 : 4096;
		char *more = size <= CONTROL_MAX_LINE ? realloc(p->in, size) : NULL;

		if (!more) {
			peer_drop(p);
			return;
		}
		p->in = more;
		p->in_size = size;
	}
	n = receive(p);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		peer_drop(p);
		return;
	}
	p->in_len += (size_t)n;
	while ((nl = memchr(p->in, '\n', p->in_len))) {
		if (!request(p, p->in, (size_t)(nl - p->in)))
			return;
		p->in_len -= (size_t)(nl + 1 - p->in);
		memmove(p->in, nl + 1, p->in_len);
	}
}

static void accept_peer(struct ev_loop *loop, ev_io *w, int revents)
{
	struct control_server *s = w->data;
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct peer *p = fd >= 0 ? calloc(1, sizeof(*p)) : NULL;
	unsigned slot = 0;

	while (slot < CLIENTS_MAX && s->peer[slot])
		slot++;
	if (!p || slot == CLIENTS_MAX) {
		free(p);
		if (fd >= 0)
			close(fd);
		return;
	}
	p->s = s;
	ev_io_init(&p->io, peer_ready, fd, EV_READ);
	p->io.data = p;
	ev_io_start(loop, &p->io);
	s->peer[slot] = p;
}

int server_start(struct domain *d, struct refhv_error *e)
{
	struct control_server *s = calloc(1, sizeof(*s));

	if (!s)
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	s->d = d;
	d->control = s;
	ev_io_init(&s->accept, accept_peer, domain_fd(d, "control", true), EV_READ);
	s->accept.data = s;
	ev_io_start(d->loop, &s->accept);
	return 0;
}

void server_tell_end(struct domain *d, const char *reason, const char *action)
{
	for (unsigned i = 0; d->control && i < CLIENTS_MAX; i++) {
		struct peer *p = d->control->peer[i];

		if (!p || !p->waits)
			continue;
		p->waits = false;
		tell_later(p, server_success(
				      json_pack("{s:s, s:s}", "reason", reason, "action", action)));
	}
}

void server_tell_device(struct domain *d, const char *kind, unsigned devid, bool gone)
{
	for (unsigned i = 0; d->control && i < CLIENTS_MAX; i++) {
		struct peer *p = d->control->peer[i];

		if (!p || !p->device || strcmp(p->device, kind) || p->devid != devid)
			continue;
		/* Who waits for a device that was taken away waits no longer. */
		if (!gone && p->device_gone)
			continue;
		p->device = NULL;
		tell_later(p, server_success(json_pack("{s:i, s:b}", "devid", (int)devid, "gone",
						       (int)gone)));
	}
}

void server_tell_moved(struct domain *d, json_t *result, const struct refhv_error *e)
{
	for (unsigned i = 0; d->control && i < CLIENTS_MAX; i++) {
		struct peer *p = d->control->peer[i];

		if (!p || !p->moves)
			continue;
		/* A file has still to find its place: see "saved". */
		p->moves = d->move != NULL;
		tell_later(p, e ? failure(e) : server_success(json_incref(result)));
	}
	json_decref(result);
}

void server_stop(struct domain *d)
{
	struct control_server *s = d->control;

	ev_io_stop(d->loop, &s->accept);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (s->peer[i])
			peer_drop(s->peer[i]);
}
