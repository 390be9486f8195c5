/*
 * The guest's consoles: of the first, two sources, the PV ring and console_io, into one stream. The others are devices with a ring each.
 *
 * What is typed goes to the ring, or to console_io reads when the guest has not used the ring. Who reads the stream is the
 * business of console_readers.c.
 *
 * Trust: the guest's bytes are passed on unchanged and interpreted by nobody here.
 */
#include <pv/abi/errno.h>
#include <pv/ring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "domain/console.h"

/* console_io output, in the order in which vCPUs printed. */
static void take_pending(struct console *c)
{
	char buf[8192];
	size_t n, taken;

	for (taken = 0; taken < CONSOLE_PENDING; taken += n) {
		pthread_mutex_lock(&c->io_lock);
		n = c->pending_len < sizeof(buf) ? c->pending_len : sizeof(buf);
		if (n > console_room(c))
			n = console_room(c);
		memcpy(buf, c->pending, n);
		c->pending_len -= n;
		memmove(c->pending, c->pending + n, c->pending_len);
		pthread_cond_broadcast(&c->io_room);
		pthread_mutex_unlock(&c->io_lock);
		if (!n)
			return;
		console_print(c, buf, n);
	}
	/* The guest prints as fast as it is read: others get their turn first. */
	ev_async_send(c->d->loop, &c->io_news);
}

static void take_ring(struct console *c)
{
	size_t taken = 0;
	char buf[2048];
	int n;

	while (c->ring_attached && console_room(c) >= sizeof(buf)) {
		if (taken >= CONSOLE_PENDING) {
			ev_async_send(c->d->loop, &c->io_news);
			return;
		}
		n = pv_conback_read(&c->ring, buf, sizeof(buf));
		/* Others are devices, whose bus tells it, as often as is good. */
		if (n == -PV_EPROTO && !c->index)
			domain_log(c->d,
				   "the guest broke its console ring: it is not read any more");
		if (n <= 0) {
			c->ring_attached = n == 0;
			return;
		}
		c->ring_used = true;
		taken += (size_t)n;
		console_print(c, buf, (size_t)n);
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

void console_serve(struct console *c)
{
	take_pending(c);
	take_ring(c);
	give_typed(c);
	console_clients_listen(c);
}

static void ring_kicked(struct ev_loop *loop, ev_io *w, int revents)
{
	struct console *c = w->data;
	uint64_t count;

	/* Binding kicks once by itself: only output, or a guest that has made room, counts as use. */
	if (read(w->fd, &count, sizeof(count)) == sizeof(count))
		console_serve(c);
}

static void io_ready(struct ev_loop *loop, ev_async *w, int revents)
{
	console_serve(w->data);
}

int console_io_write(struct console *c, const char *buf, uint32_t len)
{
	int rc = (int)len;

	pthread_mutex_lock(&c->io_lock);
	/* A guest that prints faster than its terminal reads waits here, this vCPU only. */
	while (CONSOLE_PENDING - c->pending_len < len && !c->closing && !c->pausing)
		pthread_cond_wait(&c->io_room, &c->io_lock);
	if (c->closing) {
		rc = -PV_EAGAIN;
	} else if (CONSOLE_PENDING - c->pending_len >= len) {
		memcpy(c->pending + c->pending_len, buf, len);
		c->pending_len += len;
	}
	pthread_mutex_unlock(&c->io_lock);
	ev_async_send(c->d->loop, &c->io_news);
	return rc;
}

void console_pausing(struct console *c, bool on)
{
	pthread_mutex_lock(&c->io_lock);
	c->pausing = on;
	pthread_cond_broadcast(&c->io_room);
	pthread_mutex_unlock(&c->io_lock);
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

	machine_mark_dirty(c->d, (uint64_t)((const char *)va - (const char *)c->d->space.ram), len);
}

/* The domain's lock is held: only the eventfd. */
static void ring_event(void *arg)
{
	struct console *c = arg;
	uint64_t one = 1;

	if (write(c->kick.fd, &one, sizeof(one)) < 0)
		return; /* full: whoever reads it wakes anyway */
}

static int start(struct domain *d, unsigned index, struct refhv_error *e)
{
	struct console *c = calloc(1, sizeof(*c));
	char role[24] = "console", log[32];
	const struct config_channel *channel = NULL;
	int terminal, fd;

	if (index >= d->config.consoles)
		channel = &d->config.channel[index - d->config.consoles];

	if (!c)
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	d->console[index] = c;
	c->d = d;
	c->index = index;
	c->channel = channel;
	c->tty = -1;
	pthread_mutex_init(&c->io_lock, NULL);
	pthread_cond_init(&c->io_room, NULL);
	if (index)
		snprintf(role, sizeof(role), "console%u", index);
	snprintf(log, sizeof(log), "%s-log", role);
	c->log = domain_fd(d, log, true);
	if (c->log >= 0) {
		off_t size = lseek(c->log, 0, SEEK_END);

		c->log_size = size > 0 ? (size_t)size : 0;
	}
	ev_async_init(&c->io_news, io_ready);
	c->io_news.data = c;
	ev_async_start(d->loop, &c->io_news);
	fd = domain_fd(d, role, true);
	if (fd >= 0 && channel && channel->connection == CONFIG_CHANNEL_PTY) {
		snprintf(role, sizeof(role), "console%u-tty", index);
		c->tty = domain_fd(d, role, true);
		console_client_add(c, fd, CONSOLE_KEPT);
	} else if (fd >= 0) {
		ev_io_init(&c->accept, console_accept, fd, EV_READ);
		c->accept.data = c;
		ev_io_start(d->loop, &c->accept);
	}
	terminal = index ? -1 : domain_fd(d, "terminal", true);
	if (terminal >= 0)
		console_client_add(c, terminal, CONSOLE_TERMINAL);
	return 0;
}

int console_start(struct domain *d, struct refhv_error *e)
{
	int rc = 0;

	for (unsigned i = 0; i < d->config.consoles + d->config.nchannels && !rc; i++)
		rc = start(d, i, e);
	return rc;
}

static void listen_to(struct console *c, int fd)
{
	ev_io_init(&c->kick, ring_kicked, fd, EV_READ);
	c->kick.data = c;
	ev_io_start(c->d->loop, &c->kick);
}

static int attach_first(struct console *c)
{
	struct domain *d = c->d;
	void *page = (char *)d->space.ram + (d->boot.console_gfn << 12);
	int rc;

	c->bus = (struct pv_back_bus){
		.size = sizeof(c->bus), .ctx = c, .dirty = bus_dirty, .notify = bus_notify};
	c->hp = (struct pv_host_port){.domid = 0, .kick = KICK_CONSOLE, .fn = ring_event, .arg = c};
	listen_to(c, d->impl->kick_fd(d->engine, KICK_CONSOLE));
	rc = pv_domain_evtchn_bind_host(d->pv, &c->hp, d->console_port);
	if (rc < 0)
		return rc;
	pv_conback_attach(&c->ring, &c->bus, page, 0);
	c->ring_attached = true;
	return 0;
}

static void broken(void *ctx, const char *kind, unsigned index, const char *reason)
{
	domain_log(ctx, "%s %u was stopped: %s", kind, index, reason);
}

/* Of a console that is a device: the frontend names its ring, or lets it go. */
static void front_changed(void *arg, const char *path)
{
	struct console *c = arg;

	c->ring_attached = pv_conback_step(&c->ring) == PV_BACK_CONNECTED;
	c->ring_used = c->ring_attached;
	console_serve(c);
}

static int attach_device(struct console *c)
{
	struct domain *d = c->d;
	struct host_bus_config cfg = {
		.domain = d->pv,
		.store = d->store,
		.domid = d->domid,
		.kind = "console",
		.index = c->index,
		.ram = d->space.ram,
		.ram_size = d->space.size,
		.ram_fd = d->space.fd,
		.kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC),
		.kick_index = PV_KICK_INDEX_NONE,
		.mark_dirty = machine_mark_dirty,
		.broken = broken,
		.ctx = d,
	};
	char path[100];
	int rc;

	if (cfg.kick < 0)
		return -PV_ENOMEM;
	host_bus_init(&c->device, &cfg);
	listen_to(c, cfg.kick);
	rc = pv_conback_init(&c->ring, &c->device.bus);
	if (rc >= 0 && !d->incoming)
		rc = nodes_console(d, c->index, c->channel);
	snprintf(path, sizeof(path), "%s/state", c->device.front);
	return rc < 0 ? rc : pv_store_watch(pv_store_self(d->store), path, 0, front_changed, c);
}

int console_attach(struct domain *d, struct refhv_error *e)
{
	for (unsigned i = 0; i < d->config.consoles + d->config.nchannels; i++) {
		int rc = i ? attach_device(d->console[i]) : attach_first(d->console[0]);

		if (rc < 0)
			return refhv_fail(e, REFHV_FAILED, NULL,
					  "cannot attach console %u: error %d", i, -rc);
	}
	return 0;
}

void console_drain(struct domain *d)
{
	for (unsigned i = 0; i < CONFIG_MAX_CONSOLES && d->console[i]; i++) {
		take_pending(d->console[i]);
		take_ring(d->console[i]);
	}
}

void console_stop(struct domain *d)
{
	uint64_t begun = clock_monotonic();
	struct console *c = d->console[0];

	if (!c)
		return;
	pthread_mutex_lock(&c->io_lock);
	c->closing = true;
	pthread_cond_broadcast(&c->io_room);
	pthread_mutex_unlock(&c->io_lock);
	do
		console_drain(d);
	while (console_terminal_waits(c) && clock_monotonic() - begun < 2000000000);
}

/* What the guest says of its end, as far as there is one yet. */
static void add_front(struct console *c, json_t *o)
{
	static const char *const keys[][2] = {
		{"state", "state"}, {"port", "event_channel"}, {"ring-ref", "ring_ref"}};
	const struct pv_back_bus *bus = &c->device.bus;
	char text[16];

	for (unsigned i = 0; bus->read_front && i < 3; i++)
		if (bus->read_front(bus->ctx, keys[i][0], text, sizeof(text)) > 0)
			json_object_set_new(o, keys[i][1], json_string(text));
	json_object_set_new(o, "backend", json_string(c->device.back));
}

void console_info(struct domain *d, json_t *info)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < d->config.nchannels; i++) {
		json_t *o = config_channel_to_json(&d->config.channel[i]), *tty;
		unsigned index = d->config.consoles + i;
		char role[24];

		snprintf(role, sizeof(role), "console%u", index);
		tty = json_object_get(d->ttys, role);
		if (tty)
			json_object_set(o, "path", tty);
		json_object_set_new(o, "devid", json_integer(index));
		add_front(d->console[index], o);
		json_array_append_new(list, o);
	}
	json_object_set_new(info, "channels", list);
}
