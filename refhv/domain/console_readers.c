/*
 * Who reads the guest's console: console.log (bounded), a short history for those who attach later, the clients of console.sock,
 * and the terminal of `refhv run`.
 *
 * The terminal misses nothing: while it does not read, the guest waits. Other clients that do not read are cut off. A channel (a console for
 * programs) has neither log nor history.
 *
 * Trust: the guest's bytes are passed on unchanged. Clients are the domain's owner.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "domain/console.h"

enum {
	CLIENT_OUT = 131072,
	LOG_MAX = 1 << 20,
};

struct console_client {
	struct console *c;
	ev_io io;
	enum console_client_kind kind;
	char *out;
	size_t out_len;
};

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

static void client_drop(struct console_client *cl)
{
	struct console *c = cl->c;

	for (unsigned i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->client[i] == cl)
			c->client[i] = NULL;
	ev_io_stop(c->d->loop, &cl->io);
	close(cl->io.fd);
	free(cl->out);
	free(cl);
}

static void client_events(struct console_client *cl)
{
	int events =
		(cl->c->typed_len < CONSOLE_TYPED ? EV_READ : 0) | (cl->out_len ? EV_WRITE : 0);

	if ((cl->io.events & (EV_READ | EV_WRITE)) == events)
		return;
	ev_io_stop(cl->c->d->loop, &cl->io);
	ev_io_set(&cl->io, cl->io.fd, events);
	ev_io_start(cl->c->d->loop, &cl->io);
}

/* False when the client is gone. */
static bool client_flush(struct console_client *cl)
{
	while (cl->out_len) {
		ssize_t n = write(cl->io.fd, cl->out, cl->out_len);

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

static void client_give(struct console_client *cl, const char *p, size_t n)
{
	size_t late = cl->out_len + n > CLIENT_OUT ? cl->out_len + n - CLIENT_OUT : 0;

	if (late && cl->kind != CONSOLE_KEPT) {
		client_drop(cl);
		return;
	}
	cl->out_len -= late;
	memmove(cl->out, cl->out + late, cl->out_len);
	memcpy(cl->out + cl->out_len, p, n);
	cl->out_len += n;
	client_flush(cl);
}

size_t console_room(const struct console *c)
{
	size_t least = CLIENT_OUT;

	for (unsigned i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->client[i] && c->client[i]->kind == CONSOLE_TERMINAL &&
		    CLIENT_OUT - c->client[i]->out_len < least)
			least = CLIENT_OUT - c->client[i]->out_len;
	return least;
}

void console_print(struct console *c, const char *p, size_t n)
{
	for (unsigned i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->client[i])
			client_give(c->client[i], p, n);
	log_bytes(c, p, n);
	for (size_t i = 0; i < n; i++)
		c->history[c->history_end++ % CONSOLE_HISTORY] = p[i];
}

void console_clients_listen(struct console *c)
{
	for (unsigned i = 0; i < CONSOLE_CLIENTS; i++)
		if (c->client[i])
			client_events(c->client[i]);
}

static void client_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct console_client *cl = w->data;
	struct console *c = cl->c;
	ssize_t n;

	if ((revents & EV_WRITE) && !client_flush(cl))
		return;
	if (revents & EV_READ) {
		pthread_mutex_lock(&c->io_lock);
		n = read(w->fd, c->typed + c->typed_len, CONSOLE_TYPED - c->typed_len);
		if (n > 0)
			c->typed_len += (size_t)n;
		pthread_mutex_unlock(&c->io_lock);
		if (!n || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			client_drop(cl);
			return;
		}
	}
	console_serve(c);
}

void console_client_add(struct console *c, int fd, enum console_client_kind kind)
{
	struct console_client *cl = calloc(1, sizeof(*cl));
	unsigned slot = 0;
	size_t kept;

	while (slot < CONSOLE_CLIENTS && c->client[slot])
		slot++;
	if (cl)
		cl->out = malloc(CLIENT_OUT);
	if (!cl || !cl->out || slot == CONSOLE_CLIENTS) {
		free(cl ? cl->out : NULL);
		free(cl);
		close(fd);
		return;
	}
	cl->c = c;
	cl->kind = kind;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	ev_io_init(&cl->io, client_ready, fd, EV_READ);
	cl->io.data = cl;
	ev_io_start(c->d->loop, &cl->io);
	c->client[slot] = cl;
	kept = c->channel ? 0 : c->history_end < CONSOLE_HISTORY ? c->history_end : CONSOLE_HISTORY;
	for (size_t i = 0; i < kept; i++)
		cl->out[i] = c->history[(c->history_end - kept + i) % CONSOLE_HISTORY];
	cl->out_len = kept;
	client_flush(cl);
}

void console_accept(struct ev_loop *loop, ev_io *w, int revents)
{
	int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		console_client_add(w->data, fd, CONSOLE_PASSING);
}

bool console_terminal_waits(struct console *c)
{
	for (unsigned i = 0; i < CONSOLE_CLIENTS; i++) {
		struct console_client *cl = c->client[i];

		if (!cl || cl->kind != CONSOLE_TERMINAL || !cl->out_len)
			continue;
		poll(&(struct pollfd){.fd = cl->io.fd, .events = POLLOUT}, 1, 100);
		client_flush(cl);
		return true;
	}
	return false;
}
