/*
 * xenstore: the domain's store, served to people and to the guest (host/xenstore.h).
 *
 * Everything happens in loop callbacks under the owner's lock. The store's wake may come from any
 * thread that holds the lock, so it only leaves a mark and pokes the loop. A client that does not
 * read is never waited for: the store holds at most one reply and a bounded number of events for
 * it.
 */
#include "xenstore.h"
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 128

struct client {
	struct client *next;
	struct refhv_xenstore *x;
	struct pv_store_conn *conn;
	ev_io in, out;
	bool dirty; /* the store has something for it */
};

struct refhv_xenstore {
	struct ev_loop *loop;
	struct pv_store *store;
	pthread_mutex_t *lock;
	struct client *clients;
	unsigned n_clients;
	int listen_fd;
	ev_io accept;
	ev_async poke;
	ev_timer tick; /* runs while a domain pays for conflicts */
	struct pv_store_ring ring;
	bool ring_on;
};

static void lock(struct refhv_xenstore *x)
{
	if (x->lock)
		pthread_mutex_lock(x->lock);
}

static void unlock(struct refhv_xenstore *x)
{
	if (x->lock)
		pthread_mutex_unlock(x->lock);
}

void *refhv_xenstore_alloc(void *ctx, size_t n)
{
	return malloc(n);
}

void refhv_xenstore_free(void *ctx, void *p, size_t n)
{
	free(p);
}

static void client_end(struct client *c)
{
	struct refhv_xenstore *x = c->x;
	struct client **p = &x->clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	x->n_clients--;
	ev_io_stop(x->loop, &c->in);
	ev_io_stop(x->loop, &c->out);
	close(c->in.fd);
	pv_store_conn_del(c->conn);
	free(c);
	/* There may have been too many to listen for another. */
	if (x->listen_fd >= 0)
		ev_io_start(x->loop, &x->accept);
}

/* Send what there is; then listen if the store takes more. False: the client is gone. */
static bool client_flush(struct client *c)
{
	const void *bytes;
	size_t n;
	ssize_t sent;

	c->dirty = false;
	while ((n = pv_store_conn_output(c->conn, &bytes))) {
		sent = send(c->in.fd, bytes, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
			ev_io_start(c->x->loop, &c->out);
			break;
		}
		if (sent < 0) {
			client_end(c);
			return false;
		}
		pv_store_conn_sent(c->conn, (size_t)sent);
	}
	if (!n)
		ev_io_stop(c->x->loop, &c->out);
	if (pv_store_conn_room(c->conn))
		ev_io_start(c->x->loop, &c->in);
	else
		ev_io_stop(c->x->loop, &c->in);
	return true;
}

static void client_read(struct client *c)
{
	char buf[4096];
	size_t room = pv_store_conn_room(c->conn);
	ssize_t n;

	/* Never more than the store takes, so that nothing has to be kept here. */
	n = recv(c->in.fd, buf, room < sizeof(buf) ? room : sizeof(buf), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || pv_store_conn_input(c->conn, buf, (size_t)n) < 0)
		client_end(c);
	else
		client_flush(c);
}

static void settle(struct refhv_xenstore *x)
{
	struct client *c, *next;

	for (c = x->clients; c; c = next) {
		next = c->next;
		if (c->dirty)
			client_flush(c);
	}
	if (pv_store_deadline(x->store))
		ev_timer_start(x->loop, &x->tick);
	else
		ev_timer_stop(x->loop, &x->tick);
}

static void on_client(struct ev_loop *loop, ev_io *w, int events)
{
	struct client *c = w->data;
	struct refhv_xenstore *x = c->x;

	lock(x);
	if (events & EV_WRITE)
		client_flush(c);
	else if (pv_store_conn_room(c->conn))
		client_read(c);
	else
		client_flush(c);
	settle(x);
	unlock(x);
}

static void client_wake(void *ctx, struct pv_store_conn *conn)
{
	struct client *c = ctx;

	c->dirty = true;
	ev_async_send(c->x->loop, &c->x->poke);
}

static void ring_wake(void *ctx, struct pv_store_conn *conn)
{
	struct refhv_xenstore *x = ctx;

	ev_async_send(x->loop, &x->poke);
}

/* Somebody released the domain by hand. */
static void ring_gone(void *ctx, struct pv_store_conn *conn)
{
	((struct refhv_xenstore *)ctx)->ring_on = false;
}

static void on_poke(struct ev_loop *loop, ev_async *w, int events)
{
	struct refhv_xenstore *x = w->data;

	lock(x);
	if (x->ring_on)
		pv_store_ring_poll(&x->ring);
	settle(x);
	unlock(x);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
	struct refhv_xenstore *x = w->data;

	lock(x);
	pv_store_tick(x->store);
	settle(x);
	unlock(x);
}

static int client_add(struct refhv_xenstore *x, int fd)
{
	struct pv_store_conn_config cfg = {
		.size = sizeof(cfg),
		.privileged = true,
		.type = PV_STORE_CONN_SOCKET,
		.fd = fd,
		.wake = client_wake,
	};
	struct client *c = calloc(1, sizeof(*c));

	cfg.ctx = c;
	if (!c || pv_store_conn_add(x->store, &cfg, &c->conn) < 0) {
		free(c);
		return -1;
	}
	c->x = x;
	c->next = x->clients;
	x->clients = c;
	x->n_clients++;
	ev_io_init(&c->in, on_client, fd, EV_READ);
	ev_io_init(&c->out, on_client, fd, EV_WRITE);
	c->in.data = c->out.data = c;
	ev_io_start(x->loop, &c->in);
	return 0;
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
	struct refhv_xenstore *x = w->data;
	int fd;

	if (x->n_clients >= CLIENTS_MAX) {
		ev_io_stop(loop, &x->accept); /* they wait in the backlog until one leaves */
		return;
	}
	fd = accept4(x->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	lock(x);
	if (client_add(x, fd) < 0)
		close(fd);
	unlock(x);
}

struct refhv_xenstore *refhv_xenstore_start(struct ev_loop *loop, struct pv_store *store,
					    int listen_fd, pthread_mutex_t *mutex)
{
	struct refhv_xenstore *x = calloc(1, sizeof(*x));
	struct pv_store_conn *left;

	if (!x)
		return NULL;
	/* Clients of the process that the store comes from stayed there. */
	while ((left = pv_store_conn_find(store, PV_STORE_CONN_SOCKET, 0)))
		pv_store_conn_del(left);
	x->loop = loop;
	x->store = store;
	x->lock = mutex;
	x->listen_fd = listen_fd;
	ev_io_init(&x->accept, on_accept, listen_fd, EV_READ);
	ev_async_init(&x->poke, on_poke);
	ev_timer_init(&x->tick, on_tick, 0.05, 0.05);
	x->accept.data = x->poke.data = x->tick.data = x;
	if (listen_fd >= 0)
		ev_io_start(loop, &x->accept);
	ev_async_start(loop, &x->poke);
	return x;
}

static void ring_detach(struct refhv_xenstore *x)
{
	lock(x);
	if (x->ring_on)
		pv_store_conn_attach(x->ring.conn,
				     &(struct pv_store_conn_config){
					     .size = sizeof(struct pv_store_conn_config)});
	x->ring_on = false;
	unlock(x);
}

void refhv_xenstore_stop(struct refhv_xenstore *x)
{
	if (!x)
		return;
	lock(x);
	while (x->clients)
		client_end(x->clients);
	ring_detach(x);
	unlock(x);
	ev_io_stop(x->loop, &x->accept);
	ev_async_stop(x->loop, &x->poke);
	ev_timer_stop(x->loop, &x->tick);
	if (x->listen_fd >= 0)
		close(x->listen_fd);
	free(x);
}

int refhv_xenstore_ring_attach(struct refhv_xenstore *x, uint16_t domid,
			       struct pv_xenstore_domain_interface *page, uint32_t guest_port,
			       void (*notify)(void *ctx), void *ctx)
{
	struct pv_store_conn_config cfg = {
		.size = sizeof(cfg),
		.domid = domid,
		.type = PV_STORE_CONN_RING,
		.evtchn = guest_port,
		.fd = -1,
		.wake = ring_wake,
		.ctx = x,
		.gone = ring_gone,
	};
	struct pv_store_conn *conn;
	int rc = 0;

	lock(x);
	conn = pv_store_conn_find(x->store, PV_STORE_CONN_RING, domid);
	if (conn) {
		pv_store_conn_attach(conn, &cfg);
	} else {
		rc = pv_store_domain_introduce(x->store, domid);
		if (rc >= 0)
			rc = pv_store_conn_add(x->store, &cfg, &conn);
	}
	if (rc >= 0) {
		pv_store_ring_init(&x->ring, conn, page, notify, ctx);
		x->ring_on = true;
	}
	unlock(x);
	refhv_xenstore_ring_kick(x);
	return rc < 0 ? rc : 0;
}

void refhv_xenstore_ring_kick(struct refhv_xenstore *x)
{
	ev_async_send(x->loop, &x->poke);
}
