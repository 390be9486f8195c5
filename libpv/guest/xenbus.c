/*
 * Xenbus in a guest: the store's ring and event channel, and struct pv_front_bus for each device.
 *
 * The store is trusted, backends are not: nothing of theirs is interpreted here but paths that the
 * toolstack wrote and a state that is a number.
 */
#include "internal.h"
#include <pv/guest_bus.h>

static void xs_notify(void *ctx)
{
	struct pv_bus *b = ctx;

	pv_evtchn_send(b->pv, b->pv->store_port);
}

static int xs_wait(void *ctx, uint64_t deadline_ns)
{
	struct pv_bus *b = ctx;

	return pv_wait(b->pv, b, deadline_ns);
}

static void xs_wake(void *ctx)
{
	struct pv_bus *b = ctx;

	pv_wake(b->pv, b);
}

static unsigned long xs_lock(void *ctx)
{
	struct pv_bus *b = ctx;

	return pv_lock(b->pv);
}

static void xs_unlock(void *ctx, unsigned long flags)
{
	struct pv_bus *b = ctx;

	pv_unlock(b->pv, flags);
}

static uint64_t xs_now(void *ctx)
{
	struct pv_bus *b = ctx;

	return pv_now(b->pv);
}

static void store_event(void *arg, uint32_t port)
{
	struct pv_bus *b = arg;

	if (pv_xs_event(&b->xs))
		__atomic_store_n(&b->due, true, __ATOMIC_RELEASE);
	pv_wake(b->pv, b);
}

int pv_bus_init(struct pv_bus *b, struct pv *pv)
{
	struct pv_xs_transport t = {
		.page = pv->store_ring,
		.ctx = b,
		.notify = xs_notify,
		.wait = xs_wait,
		.wake = xs_wake,
		.lock = xs_lock,
		.unlock = xs_unlock,
		.now = xs_now,
	};

	if (!pv->store_ring)
		return -PV_ENODEV;
	memset(b, 0, sizeof(*b));
	b->pv = pv;
	pv_xs_init(&b->xs, &t);
	return pv_evtchn_handle(pv, pv->store_port, store_event, b);
}

unsigned pv_bus_work(struct pv_bus *b)
{
	/* Also what came in as a by-product of a blocking call, which raises no event of its own.
	 */
	__atomic_store_n(&b->due, false, __ATOMIC_RELAXED);
	return pv_xs_dispatch(&b->xs);
}

/* dir/key into out; the length, or -PV_E2BIG. */
static int join(char *out, size_t size, const char *dir, const char *key)
{
	const char *part[] = {dir, "/", key};
	size_t n = 0;
	unsigned i;

	for (i = 0; i < 3; i++) {
		const char *s = part[i];

		while (*s) {
			if (n + 1 >= size)
				return -PV_E2BIG;
			out[n++] = *s++;
		}
	}
	out[n] = 0;
	return (int)n;
}

static int parse_number(const char *s)
{
	uint32_t v = 0;

	if (!*s)
		return -PV_EINVAL;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || v > INT32_MAX / 10 - 1)
			return -PV_EINVAL;
		v = v * 10 + (uint32_t)(*s - '0');
	}
	return (int)v;
}

int pv_bus_find(struct pv_bus *b, const char *type, unsigned index)
{
	char dir[PV_BUS_PATH], names[256];
	int n, at, id;

	n = join(dir, sizeof(dir), "device", type);
	if (n < 0)
		return n;
	n = pv_xs_directory(&b->xs, 0, dir, names, sizeof(names));
	if (n < 0)
		return n;
	for (at = 0; at < n; at++) {
		id = parse_number(&names[at]);
		while (at < n && names[at])
			at++;
		if (id >= 0 && index-- == 0)
			return id;
	}
	return -PV_ENOENT;
}

/* ---- struct pv_front_bus ---- */

static struct pv *device_pv(void *ctx)
{
	struct pv_bus_device *d = ctx;

	return d->bus->pv;
}

static void *front_pages_alloc(void *ctx, unsigned n)
{
	struct pv *pv = device_pv(ctx);

	return pv->os.pages_alloc(pv->os.ctx, n);
}

static void front_pages_free(void *ctx, void *va, unsigned n)
{
	struct pv *pv = device_pv(ctx);

	pv->os.pages_free(pv->os.ctx, va, n);
}

static void retry_deferred(struct pv_bus *b)
{
	unsigned i = 0;

	while (i < b->nr_deferred) {
		if (pv_gnttab_end(b->pv, b->deferred[i]))
			i++;
		else
			b->deferred[i] = b->deferred[--b->nr_deferred];
	}
}

static void front_gref_free(void *ctx, const uint32_t *ref, unsigned n)
{
	struct pv_bus_device *d = ctx;
	struct pv_bus *b = d->bus;
	unsigned i;

	retry_deferred(b);
	for (i = 0; i < n; i++)
		/* With no room to remember it the number stays taken: lost, but never reused. */
		if (pv_gnttab_end(b->pv, ref[i]) == -PV_EBUSY && b->nr_deferred < PV_BUS_DEFERRED)
			b->deferred[b->nr_deferred++] = ref[i];
}

static int front_gref_alloc(void *ctx, uint32_t *ref, unsigned n)
{
	struct pv_bus_device *d = ctx;
	unsigned i;

	retry_deferred(d->bus);
	for (i = 0; i < n; i++) {
		int64_t r = pv_gnttab_alloc(d->bus->pv);

		if (r < 0) {
			front_gref_free(ctx, ref, i);
			return (int)r;
		}
		ref[i] = (uint32_t)r;
	}
	return 0;
}

static void front_permit(void *ctx, uint32_t ref, const void *va, bool readonly)
{
	struct pv_bus_device *d = ctx;
	struct pv *pv = d->bus->pv;
	const void *page = (const void *)((uintptr_t)va & ~(uintptr_t)(PV_PAGE_SIZE - 1));

	pv_gnttab_permit(pv, ref, d->backend, pv->os.va_to_gfn(pv->os.ctx, page),
			 readonly ? PV_GRANT_RO : PV_GRANT_RW);
}

static int front_revoke(void *ctx, uint32_t ref)
{
	return pv_gnttab_revoke(device_pv(ctx), ref);
}

static void channel_event(void *arg, uint32_t port)
{
	struct pv_bus_channel *c = arg;

	if (c->fn)
		c->fn(c->arg);
}

static int front_evtchn_alloc(void *ctx, void (*fn)(void *arg), void *arg, uint32_t *port)
{
	struct pv_bus_device *d = ctx;
	unsigned i;
	int rc;

	for (i = 0; i < PV_BUS_CHANNELS && d->channel[i].port; i++)
		;
	if (i == PV_BUS_CHANNELS)
		return -PV_ENOSPC;
	d->channel[i].fn = fn;
	d->channel[i].arg = arg;
	rc = pv_evtchn_alloc_unbound(d->bus->pv, d->backend, channel_event, &d->channel[i]);
	if (rc < 0)
		return rc;
	d->channel[i].port = (uint32_t)rc;
	*port = (uint32_t)rc;
	return 0;
}

static void front_evtchn_close(void *ctx, uint32_t port)
{
	struct pv_bus_device *d = ctx;
	unsigned i;

	pv_evtchn_close(d->bus->pv, port);
	for (i = 0; i < PV_BUS_CHANNELS; i++)
		if (d->channel[i].port == port)
			d->channel[i].port = 0;
}

static void front_notify(void *ctx, uint32_t port)
{
	pv_evtchn_send(device_pv(ctx), port);
}

static int read_key(struct pv_bus_device *d, const char *dir, const char *key, char *buf,
		    uint32_t len)
{
	char path[PV_BUS_PATH + 64];
	int rc = join(path, sizeof(path), dir, key);

	return rc < 0 ? rc : pv_xs_read(&d->bus->xs, 0, path, buf, len);
}

static int front_read_own(void *ctx, const char *key, char *buf, uint32_t len)
{
	struct pv_bus_device *d = ctx;

	return read_key(d, d->own, key, buf, len);
}

static int front_read_peer(void *ctx, const char *key, char *buf, uint32_t len)
{
	struct pv_bus_device *d = ctx;

	return read_key(d, d->peer, key, buf, len);
}

struct publication {
	struct pv_bus_device *d;
	const struct pv_front_key *key;
	unsigned n;
	int state;
};

static int publish_in(void *arg, struct pv_xs *xs, uint32_t tx)
{
	struct publication *p = arg;
	char path[PV_BUS_PATH + 64];
	unsigned i;
	int rc;

	for (i = 0; i < p->n; i++) {
		rc = join(path, sizeof(path), p->d->own, p->key[i].key);
		if (rc >= 0)
			rc = pv_xs_write_string(xs, tx, path, p->key[i].value);
		if (rc < 0)
			return rc;
	}
	rc = join(path, sizeof(path), p->d->own, "state");
	return rc < 0 ? rc : pv_xs_printf(xs, tx, path, "%d", p->state);
}

static int front_publish(void *ctx, const struct pv_front_key *keys, unsigned n, int state)
{
	struct pv_bus_device *d = ctx;
	struct publication p = {d, keys, n, state};

	return pv_xs_transaction(&d->bus->xs, publish_in, &p);
}

static int front_peer_state(void *ctx)
{
	struct pv_bus_device *d = ctx;
	char text[16];
	int rc;

	/* Cleared before the read: a change during it makes the value stale again. */
	if (__atomic_exchange_n(&d->stale, false, __ATOMIC_ACQ_REL)) {
		rc = front_read_peer(d, "state", text, sizeof(text));
		rc = rc < 0 ? 0 : parse_number(text);
		d->state = rc < 0 ? 0 : rc;
	}
	return d->state;
}

static void front_broken(void *ctx, const char *reason)
{
	pv_log(device_pv(ctx), PV_LOG_ERROR, reason);
}

static void state_changed(void *arg, struct pv_xs_watch *watch, const char *path)
{
	struct pv_bus_device *d = arg;

	__atomic_store_n(&d->stale, true, __ATOMIC_RELEASE);
	if (d->changed)
		d->changed(d->arg);
}

int pv_bus_open(struct pv_bus *b, struct pv_bus_device *d, const char *type, unsigned id,
		void (*changed)(void *arg), void *arg)
{
	char dir[PV_BUS_PATH], digits[12], text[16];
	unsigned at = sizeof(digits);
	int rc;

	memset(d, 0, sizeof(*d));
	d->bus = b;
	d->changed = changed;
	d->arg = arg;
	d->stale = true;
	digits[--at] = 0;
	do {
		digits[--at] = (char)('0' + id % 10);
		id /= 10;
	} while (id);
	rc = join(dir, sizeof(dir), "device", type);
	if (rc >= 0)
		rc = join(d->own, sizeof(d->own), dir, &digits[at]);
	if (rc >= 0)
		rc = front_read_own(d, "backend", d->peer, sizeof(d->peer));
	if (rc >= 0)
		rc = front_read_own(d, "backend-id", text, sizeof(text));
	if (rc >= 0)
		rc = parse_number(text);
	if (rc < 0)
		return rc;
	if (rc >= PV_DOMID_FIRST_RESERVED)
		return -PV_EINVAL;
	d->backend = (uint16_t)rc;
	d->front = (struct pv_front_bus){
		.size = sizeof(d->front),
		.ctx = d,
		.pages_alloc = front_pages_alloc,
		.pages_free = front_pages_free,
		.gref_alloc = front_gref_alloc,
		.gref_free = front_gref_free,
		.permit = front_permit,
		.revoke = front_revoke,
		.evtchn_alloc = front_evtchn_alloc,
		.evtchn_close = front_evtchn_close,
		.notify = front_notify,
		.read_own = front_read_own,
		.read_peer = front_read_peer,
		.publish = front_publish,
		.peer_state = front_peer_state,
		.broken = front_broken,
	};
	rc = join(d->watched, sizeof(d->watched), d->peer, "state");
	if (rc < 0)
		return rc;
	d->watch.fn = state_changed;
	d->watch.arg = d;
	d->watch.path = d->watched;
	return pv_xs_watch(&b->xs, &d->watch);
}

void pv_bus_close(struct pv_bus_device *d)
{
	unsigned i;

	pv_xs_unwatch(&d->bus->xs, &d->watch);
	for (i = 0; i < PV_BUS_CHANNELS; i++)
		if (d->channel[i].port)
			front_evtchn_close(d, d->channel[i].port);
}
