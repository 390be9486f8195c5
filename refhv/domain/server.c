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
#include "domain/device.h"
#include "domain/domain.h"
#include "launch/launch.h"

enum { CLIENTS_MAX = 32, FDS_MAX = 9 };

struct peer {
	struct control_server *s;
	ev_io io;
	bool waits; /* for the guest's end */
	bool moves; /* asked for the move that is under way */
	/* Waits for a device to be connected, or to be gone. NULL: for none. */
	const char *device;
	unsigned devid;
	bool device_gone;
	int fd[FDS_MAX]; /* the last descriptors that came, for the next request */
	unsigned nfds;
	char *in;
	size_t in_len, in_size;
};

struct control_server {
	struct domain *d;
	ev_io accept;
	struct peer *peer[CLIENTS_MAX];
};

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

/* Answers are small beside a socket's buffer: a peer that lets them pile up is dropped. */
static bool answer(struct peer *p, json_t *msg)
{
	char *text = json_dumps(msg, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	bool ok;

	json_decref(msg);
	if (text)
		text[len++] = '\n';
	ok = text && send(p->io.fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)len;
	free(text);
	if (!ok)
		peer_drop(p);
	return ok;
}

static json_t *success(json_t *result)
{
	json_t *o = json_pack("{s:b}", "ok", 1);

	if (result)
		json_object_set_new(o, "result", result);
	return o;
}

static json_t *failure(const struct refhv_error *e)
{
	return json_pack("{s:b, s:o}", "ok", 0, "error", launch_error_to_json(e));
}

/* With "wait", the answer is that of "wait": asked for before the guest can react. */
static json_t *do_shutdown(struct peer *p, const json_t *request, bool *later,
			   struct refhv_error *e)
{
	struct domain *d = p->s->d;
	const char *reason = json_string_value(json_object_get(request, "reason"));
	bool understood;

	if (!reason || (strcmp(reason, "poweroff") && strcmp(reason, "reboot") &&
			strcmp(reason, "suspend") && strcmp(reason, "halt"))) {
		refhv_fail(e, REFHV_USAGE, "use poweroff or reboot",
			   "unknown reason for a shutdown");
		return NULL;
	}
	understood = nodes_understands(d, reason);
	if (life_shutdown(d, reason, e))
		return NULL;
	if (json_is_true(json_object_get(request, "wait"))) {
		p->waits = *later = true;
		return NULL;
	}
	return success(json_pack("{s:b}", "understood", (int)understood));
}

static int take_fd(struct peer *p, struct refhv_error *e)
{
	if (!p->nfds)
		return refhv_fail(e, REFHV_USAGE, NULL, "the request needs a descriptor");
	return p->fd[--p->nfds];
}

static void wait_for_device(struct peer *p, const char *kind, unsigned devid, bool gone)
{
	p->device = kind;
	p->devid = devid;
	p->device_gone = gone;
}

static json_t *do_attach(struct peer *p, const json_t *request, bool *later, struct refhv_error *e)
{
	const char *kind = json_object_get(request, "disk") ? "vbd" : "vif";
	unsigned n = p->nfds, devid = 0;

	p->nfds = 0;
	if (hotplug_attach(p->s->d, request, p->fd, n, &devid, e))
		return NULL;
	if (json_is_true(json_object_get(request, "wait")) &&
	    !hotplug_connected(p->s->d, kind, devid)) {
		wait_for_device(p, kind, devid, false);
		*later = true;
		return NULL;
	}
	return success(json_pack("{s:i}", "devid", (int)devid));
}

static json_t *do_detach(struct peer *p, const json_t *request, bool *later, struct refhv_error *e)
{
	const char *word = json_string_value(json_object_get(request, "kind"));
	const char *kind = word && !strcmp(word, "disk") ? "vbd" : "vif";
	unsigned devid = (unsigned)json_integer_value(json_object_get(request, "devid"));

	if (hotplug_detach(p->s->d, kind, devid, json_is_true(json_object_get(request, "force")),
			   e))
		return NULL;
	if (hotplug_connected(p->s->d, kind, devid)) {
		wait_for_device(p, kind, devid, true);
		*later = true;
		return NULL;
	}
	return success(json_pack("{s:i}", "devid", (int)devid));
}

static json_t *do_resize(struct peer *p, const json_t *request, struct refhv_error *e)
{
	unsigned devid = (unsigned)json_integer_value(json_object_get(request, "devid"));
	struct device *dev = device_find(p->s->d, "vbd", devid);
	int64_t sectors = dev ? device_disk_resized(dev) : 0;

	if (dev && sectors >= 0)
		return success(json_pack("{s:I}", "sectors", (json_int_t)sectors));
	if (dev)
		refhv_fail(e, REFHV_FAILED, NULL, "the size cannot be read: %s",
			   strerror((int)-sectors));
	else
		refhv_fail(e, REFHV_USAGE, "see refhv block-list", "there is no disk %u", devid);
	return NULL;
}

/* 0 is in nobody's range. */
static uint64_t number(const json_t *request, const char *key)
{
	json_int_t n = json_integer_value(json_object_get(request, key));

	return n > 0 && n <= UINT32_MAX ? (uint64_t)n : 0;
}

/* The answer to a request, or NULL with *e; *later when it comes another time. */
static json_t *perform(struct peer *p, const json_t *request, bool *later, struct refhv_error *e)
{
	struct domain *d = p->s->d;
	const char *cmd = json_string_value(json_object_get(request, "cmd"));
	bool ended = d->state == DOMAIN_SHUTDOWN || d->state == DOMAIN_CRASHED;

	if (!cmd) {
		refhv_fail(e, REFHV_USAGE, NULL, "a request is a JSON object with a cmd");
		return NULL;
	}
	if (!strcmp(cmd, "info"))
		return success(life_info(d));
	if (!strcmp(cmd, "pause"))
		return life_pause(d, e) ? NULL : success(NULL);
	if (!strcmp(cmd, "unpause"))
		return life_unpause(d, e) ? NULL : success(NULL);
	if (!strcmp(cmd, "shutdown"))
		return do_shutdown(p, request, later, e);
	if (!strcmp(cmd, "memory"))
		return life_memory(d, number(request, "kib"), e) ? NULL : success(NULL);
	if (!strcmp(cmd, "max-memory"))
		return life_max_memory(d, number(request, "kib"), e) ? NULL : success(NULL);
	if (!strcmp(cmd, "vcpus"))
		return life_vcpus(d, (unsigned)number(request, "n"), e) ? NULL : success(NULL);
	if (!strcmp(cmd, "sysrq"))
		return life_sysrq(d, json_string_value(json_object_get(request, "letter")), e)
			       ? NULL
			       : success(NULL);
	if (!strcmp(cmd, "attach"))
		return do_attach(p, request, later, e);
	if (!strcmp(cmd, "detach"))
		return do_detach(p, request, later, e);
	if (!strcmp(cmd, "resize"))
		return do_resize(p, request, e);
	if (!strcmp(cmd, "migrate") || !strcmp(cmd, "save")) {
		bool run_on = json_is_true(json_object_get(request, "go_on"));
		int fd = take_fd(p, e), rc = fd;

		if (fd >= 0)
			rc = *cmd == 's' ? move_save(d, fd, run_on, e)
					 : move_start(d, fd, request, e);
		p->moves = *later = rc >= 0;
		return NULL;
	}
	if (!strcmp(cmd, "wait") && ended)
		return success(json_pack("{s:s, s:s}", "reason", life_state_word(d), "action",
					 "preserve"));
	if (!strcmp(cmd, "wait")) {
		p->waits = *later = true;
		return NULL;
	}
	refhv_fail(e, REFHV_USAGE, NULL, "unknown request \"%.40s\"", cmd);
	return NULL;
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
		if (answer(p, success(NULL)))
			life_destroy(d, "destroyed", "by command");
		return false;
	}
	if (cmd && !strcmp(cmd, "saved")) {
		p->moves = false;
		reply = move_saved(d, &end, &e) ? NULL : success(NULL);
	} else {
		reply = perform(p, o, &later, &e);
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
		answer(p, success(json_pack("{s:s, s:s}", "reason", reason, "action", action)));
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
		answer(p, success(json_pack("{s:i, s:b}", "devid", (int)devid, "gone", (int)gone)));
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
		answer(p, e ? failure(e) : success(json_incref(result)));
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
