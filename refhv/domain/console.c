/*
 * The guest's console: two sources (the PV ring, console_io), many readers.
 *
 * Everything printed goes to console.log (bounded), to a short history for those who attach later, and to the clients of
 * console.sock. The terminal of `refhv run` misses nothing: while it does not read, the guest waits. Other clients
 * that do not read are cut off. What clients type goes to the ring, or to console_io reads when the guest has not used the ring.
 *
 * Trust: the guest's bytes are passed on unchanged and interpreted by nobody here. Clients are the domain's owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pv/abi/errno.h>
#include <pv/back/console.h>
#include <pv/ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "domain/domain.h"

enum {
	HISTORY = 16384,
	PENDING = 65536, /* console_io output on its way to the loop */
	CLIENT_OUT = 131072,
	TYPED = 4096,
	CLIENTS_MAX = 16,
	LOG_MAX = 1 << 20,
};

struct client {
	struct console *c;
	ev_io io;
	bool terminal;
	char *out;
	size_t out_len;
};

struct console {
	struct domain *d;
	ev_io accept, kick;
	ev_async io_news;
	struct client *client[CLIENTS_MAX];
	int log;
	size_t log_size;

	struct pv_back_bus bus;
	struct pv_host_port hp;
	struct pv_conback ring;
	bool ring_attached, ring_used;

	char history[HISTORY];
	size_t history_end; /* bytes ever printed */

	/* Shared with the vCPUs' threads, under io_lock. */
	pthread_mutex_t io_lock;
	pthread_cond_t io_room;
	char pending[PENDING];
	size_t pending_len;
	char typed[TYPED];
	size_t typed_len;
	bool closing;
};

static void serve(struct console *c);

/* The newest half of the log survives when it is full. */
static void bound_log(struct console *c)
{
	static const char cut[] = "\n[earlier output is not kept]\n";
	char *half = malloc(LOG_MAX / 2);
	ssize_t n = half ? pread(c->log, half, LOG_MAX / 2, (off_t)(c->log_size - LOG_MAX / 2)) : 0;

	c->log_size = 0;
	if (!ftruncate(c->log, 0) && n > 0 && write(c->log, cut, sizeof(cut) - 1) > 0 &&
	    write(c->log, half, (size_t)n) == n)
		c->log_size = (size_t)n + sizeof(cut) - 1;
	free(half);
}

static void log_bytes(struct console *c, const char *p, size_t n)
{
	ssize_t w;

	if (c->log < 0)
		return;
	if (c->log_size + n > LOG_MAX)
		bound_log(c);
	w = write(c->log, p, n);
	if (w > 0)
		c->log_size += (size_t)w;
}

static void client_drop(struct client *cl)
{
	struct console *c = cl->c;

	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i] == cl)
			c->client[i] = NULL;
	ev_io_stop(c->d->loop, &cl->io);
	close(cl->io.fd);
	free(cl->out);
	free(cl);
}

static void client_events(struct client *cl)
{
	int events = (cl->c->typed_len < TYPED ? EV_READ : 0) | (cl->out_len ? EV_WRITE : 0);

	if ((cl->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(cl->c->d->loop, &cl->io);
	ev_io_set(&cl->io, cl->io.fd, events);
	ev_io_start(cl->c->d->loop, &cl->io);
}

/* False when the client is gone. */
static bool client_flush(struct client *cl)
{
	while (cl->out_len) {
		ssize_t n = send(cl->io.fd, cl->out, cl->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			client_drop(cl);
			return false;
		}
		cl->out_len -= (size_t)n;
		memmove(cl->out, cl->out + n, cl->out_len);
	}
	client_events(cl);
	return true;
}

static void client_give(struct client *cl, const char *p, size_t n)
{
	if (cl->out_len + n > CLIENT_OUT) {
		client_drop(cl);
		return;
	}
	memcpy(cl->out + cl->out_len, p, n);
	cl->out_len += n;
	client_flush(cl);
}

/* How much may be taken from the guest now: the terminal has room for that much. */
static size_t room(const struct console *c)
{
	size_t least = CLIENT_OUT;

	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i] && c->client[i]->terminal &&
		    CLIENT_OUT - c->client[i]->out_len < least)
			least = CLIENT_OUT - c->client[i]->out_len;
	return least;
}

static void print(struct console *c, const char *p, size_t n)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i])
			client_give(c->client[i], p, n);
	log_bytes(c, p, n);
	for (size_t i = 0; i < n; i++)
		c->history[c->history_end++ % HISTORY] = p[i];
}

/* console_io output, in the order in which vCPUs printed. */
static void take_pending(struct console *c)
{
	char buf[8192];
	size_t n;

	for (;;) {
		pthread_mutex_lock(&c->io_lock);
		n = c->pending_len < sizeof(buf) ? c->pending_len : sizeof(buf);
		if (n > room(c))
			n = room(c);
		memcpy(buf, c->pending, n);
		c->pending_len -= n;
		memmove(c->pending, c->pending + n, c->pending_len);
		pthread_cond_broadcast(&c->io_room);
		pthread_mutex_unlock(&c->io_lock);
		if (!n)
			return;
		print(c, buf, n);
	}
}

static void take_ring(struct console *c)
{
	char buf[2048];
	int n;

	while (c->ring_attached && room(c) >= sizeof(buf)) {
		n = pv_conback_read(&c->ring, buf, sizeof(buf));
		if (n == -PV_EPROTO)
			domain_log(c->d,
				   "the guest broke its console ring: it is not read any more");
		if (n <= 0) {
			c->ring_attached = n == 0;
			return;
		}
		c->ring_used = true;
		print(c, buf, (size_t)n);
	}
}

static void give_typed(struct console *c)
{
	int n = 0;

	if (!c->ring_attached || !c->ring_used)
		return;
	pthread_mutex_lock(&c->io_lock);
	if (c->typed_len)
		n = pv_conback_write(&c->ring, c->typed, (uint32_t)c->typed_len);
	if (n > 0) {
		c->typed_len -= (size_t)n;
		memmove(c->typed, c->typed + n, c->typed_len);
	}
	pthread_mutex_unlock(&c->io_lock);
}

static void serve(struct console *c)
{
	take_pending(c);
	take_ring(c);
	give_typed(c);
	for (unsigned i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i])
			client_events(c->client[i]);
}

static void client_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct client *cl = w->data;
	struct console *c = cl->c;
	ssize_t n;

	if ((revents & EV_WRITE) && !client_flush(cl))
		return;
	if (revents & EV_READ) {
		pthread_mutex_lock(&c->io_lock);
		n = recv(w->fd, c->typed + c->typed_len, TYPED - c->typed_len, MSG_DONTWAIT);
		if (n > 0)
			c->typed_len += (size_t)n;
		pthread_mutex_unlock(&c->io_lock);
		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			client_drop(cl);
			return;
		}
	}
	serve(c);
}

static void client_add(struct console *c, int fd, bool terminal)
{
	struct client *cl = calloc(1, sizeof(*cl));
	unsigned slot = 0;
	size_t kept;

	while (slot < CLIENTS_MAX && c->client[slot])
		slot++;
	if (cl)
		cl->out = malloc(CLIENT_OUT);
	if (!cl || !cl->out || slot == CLIENTS_MAX) {
		free(cl ? cl->out : NULL);
		free(cl);
		close(fd);
		return;
	}
	cl->c = c;
	cl->terminal = terminal;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ev_io_init(&cl->io, client_ready, fd, EV_READ);
	cl->io.data = cl;
	ev_io_start(c->d->loop, &cl->io);
	c->client[slot] = cl;
	kept = c->history_end < HISTORY ? c->history_end : HISTORY;
	for (size_t i = 0; i < kept; i++)
		cl->out[i] = c->history[(c->history_end - kept + i) % HISTORY];
	cl->out_len = kept;
	client_flush(cl);
}

static void accept_client(struct ev_loop *loop, ev_io *w, int revents)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		client_add(w->data, fd, false);
}

static void ring_kicked(struct ev_loop *loop, ev_io *w, int revents)
{
	struct console *c = w->data;
	uint64_t count;

	/* Binding kicks once by itself: only output, or a guest that has made room, counts as use. */
	if (read(w->fd, &count, sizeof(count)) == sizeof(count))
		serve(c);
}

static void io_ready(struct ev_loop *loop, ev_async *w, int revents)
{
	serve(w->data);
}

int console_io_write(struct console *c, const char *buf, uint32_t len)
{
	int rc = (int)len;

	pthread_mutex_lock(&c->io_lock);
	/* A guest that prints faster than its terminal reads waits here, this vCPU only. */
	while (PENDING - c->pending_len < len && !c->closing)
		pthread_cond_wait(&c->io_room, &c->io_lock);
	if (c->closing) {
		rc = -PV_EAGAIN;
	} else {
		memcpy(c->pending + c->pending_len, buf, len);
		c->pending_len += len;
	}
	pthread_mutex_unlock(&c->io_lock);
	ev_async_send(c->d->loop, &c->io_news);
	return rc;
}

int console_io_read(struct console *c, char *buf, uint32_t len)
{
	size_t n;

	pthread_mutex_lock(&c->io_lock);
	n = c->typed_len < len ? c->typed_len : len;
	memcpy(buf, c->typed, n);
	c->typed_len -= n;
	memmove(c->typed, c->typed + n, c->typed_len);
	pthread_mutex_unlock(&c->io_lock);
	if (n)
		ev_async_send(c->d->loop, &c->io_news);
	return (int)n;
}

static void bus_notify(void *ctx, uint32_t port)
{
	struct console *c = ctx;

	pv_domain_evtchn_send(c->d->pv, &c->hp);
}

static void bus_dirty(void *ctx, const void *va, uint64_t len)
{
	struct console *c = ctx;

	machine_mark_dirty(c->d, (uint64_t)((const char *)va - (const char *)c->d->ram), len);
}

/* The domain's lock is held: only the eventfd. */
static void ring_event(void *arg)
{
	struct console *c = arg;
	uint64_t one = 1;

	if (write(c->kick.fd, &one, sizeof(one)) < 0)
		return; /* full: whoever reads it wakes anyway */
}

int console_start(struct domain *d, struct refhv_error *e)
{
	struct console *c = calloc(1, sizeof(*c));
	int terminal;

	if (!c)
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	d->console = c;
	c->d = d;
	pthread_mutex_init(&c->io_lock, NULL);
	pthread_cond_init(&c->io_room, NULL);
	c->log = domain_fd(d, "console-log", true);
	if (c->log >= 0) {
		off_t size = lseek(c->log, 0, SEEK_END);

		c->log_size = size > 0 ? (size_t)size : 0;
	}
	ev_async_init(&c->io_news, io_ready);
	c->io_news.data = c;
	ev_async_start(d->loop, &c->io_news);
	ev_io_init(&c->accept, accept_client, domain_fd(d, "console", true), EV_READ);
	c->accept.data = c;
	if (c->accept.fd >= 0)
		ev_io_start(d->loop, &c->accept);
	terminal = domain_fd(d, "terminal", true);
	if (terminal >= 0)
		client_add(c, terminal, true);
	return 0;
}

int console_attach(struct domain *d, struct refhv_error *e)
{
	struct console *c = d->console;
	void *page = (char *)d->ram + (d->boot.console_gfn << 12);
	int rc;

	c->bus = (struct pv_back_bus){
		.size = sizeof(c->bus), .ctx = c, .dirty = bus_dirty, .notify = bus_notify};
	ev_io_init(&c->kick, ring_kicked, d->impl->kick_fd(d->engine, KICK_CONSOLE), EV_READ);
	c->kick.data = c;
	c->hp = (struct pv_host_port){.domid = 0, .kick = KICK_CONSOLE, .fn = ring_event, .arg = c};
	rc = pv_domain_evtchn_bind_host(d->pv, &c->hp, d->console_port);
	if (rc < 0)
		return refhv_fail(e, REFHV_FAILED, NULL, "cannot attach the console ring: error %d",
				  -rc);
	pv_conback_attach(&c->ring, &c->bus, page, 0);
	c->ring_attached = true;
	ev_io_start(d->loop, &c->kick);
	return 0;
}

void console_drain(struct console *c)
{
	take_pending(c);
	take_ring(c);
}

/* A terminal that reads slowly still gets the guest's last words. */
static bool terminal_waits(struct console *c)
{
	for (unsigned i = 0; i < CLIENTS_MAX; i++) {
		struct client *cl = c->client[i];

		if (!cl || !cl->terminal || !cl->out_len)
			continue;
		poll(&(struct pollfd){.fd = cl->io.fd, .events = POLLOUT}, 1, 100);
		client_flush(cl);
		return true;
	}
	return false;
}

void console_stop(struct console *c)
{
	uint64_t start = clock_monotonic();

	pthread_mutex_lock(&c->io_lock);
	c->closing = true;
	pthread_cond_broadcast(&c->io_room);
	pthread_mutex_unlock(&c->io_lock);
	do
		console_drain(c);
	while (terminal_waits(c) && clock_monotonic() - start < 2000000000);
}
