/*
 * Console frontend: see pv/front/console.h.
 *
 * Trust: the backend is hostile; every index is checked before it is used.
 */
#include <pv/abi/io/console.h>
#include <pv/abi/io/xenbus.h>
#include <pv/front/console.h>
#include "../../libpv/common/bytes.h"
#include "../../libpv/common/keys.h"
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"

static struct pv_bytes out(const struct pv_confront *c)
{
	struct pv_xencons_interface *p = c->page;

	return (struct pv_bytes){p->out, sizeof(p->out), &p->out_cons, &p->out_prod};
}

static struct pv_bytes in(const struct pv_confront *c)
{
	struct pv_xencons_interface *p = c->page;

	return (struct pv_bytes){p->in, sizeof(p->in), &p->in_cons, &p->in_prod};
}

static bool broken(const struct pv_confront *c)
{
	return __atomic_load_n(&c->broken, __ATOMIC_RELAXED);
}

/* Reading and writing may both find out; the reason is the same. */
static void give_up(struct pv_confront *c)
{
	if (!__atomic_exchange_n(&c->broken, true, __ATOMIC_RELAXED) && c->bus && c->bus->broken)
		c->bus->broken(c->bus->ctx, "console index beyond the ring");
}

void pv_confront_attach(struct pv_confront *c, void *page, uint32_t port,
			void (*notify)(void *ctx, uint32_t port), void *ctx)
{
	memset(c, 0, sizeof(*c));
	c->page = page;
	c->port = port;
	c->notify = notify;
	c->ctx = ctx;
}

uint32_t pv_confront_write(struct pv_confront *c, const void *buf, uint32_t len)
{
	struct pv_bytes r;
	int n;

	if (!c->page || broken(c))
		return len;
	r = out(c);
	n = pv_bytes_write(&r, buf, len);
	if (n < 0) {
		give_up(c);
		return len;
	}
	if (n > 0)
		c->notify(c->ctx, c->port);
	return (uint32_t)n;
}

int pv_confront_read(struct pv_confront *c, void *buf, uint32_t len)
{
	struct pv_bytes r;
	int n;

	if (!c->page)
		return 0;
	if (broken(c))
		return -PV_EPROTO;
	r = in(c);
	n = pv_bytes_read(&r, buf, len);
	if (n < 0)
		give_up(c);
	if (n > 0)
		c->notify(c->ctx, c->port);
	return n;
}

bool pv_confront_drained(const struct pv_confront *c)
{
	struct pv_bytes r;

	if (!c->page || broken(c))
		return true;
	r = out(c);
	return pv_bytes_pending(&r) <= 0;
}

int pv_confront_init(struct pv_confront *c, const struct pv_front_bus *bus,
		     void (*event)(void *arg), void *arg)
{
	memset(c, 0, sizeof(*c));
	c->bus = bus;
	c->event = event;
	c->arg = arg;
	c->state = PV_XenbusStateInitialising;
	return 0;
}

static int publish(void *self, int state)
{
	struct pv_confront *c = self;
	const struct pv_front_bus *bus = c->bus;
	char ref[PV_VALUE_LEN], port[PV_VALUE_LEN];
	struct pv_front_key key[2];
	int rc;

	c->own = bus->pages_alloc(bus->ctx, 1);
	if (!c->own)
		return -PV_ENOMEM;
	rc = bus->gref_alloc(bus->ctx, &c->ref, 1);
	if (rc < 0)
		return rc;
	c->have_ref = true;
	bus->permit(bus->ctx, c->ref, c->own, false);
	rc = bus->evtchn_alloc(bus->ctx, c->event, c->arg, &c->port);
	if (rc < 0)
		return rc;
	c->have_port = true;
	key[0] = (struct pv_front_key){"ring-ref", pv_key_u64(ref, c->ref)};
	key[1] = (struct pv_front_key){"port", pv_key_u64(port, c->port)};
	return bus->publish(bus->ctx, key, 2, state);
}

static int connect(void *self)
{
	struct pv_confront *c = self;

	c->notify = c->bus->notify;
	c->ctx = c->bus->ctx;
	c->page = c->own;
	return 0;
}

static void disconnect(void *self)
{
	struct pv_confront *c = self;

	c->page = NULL;
	if (c->have_port)
		c->bus->evtchn_close(c->bus->ctx, c->port);
	pv_front_release_pages(c->bus, c->own, &c->ref, c->have_ref ? 1 : 0, 1);
	c->have_port = c->have_ref = false;
	c->own = NULL;
}

static struct pv_front_device device(struct pv_confront *c)
{
	return (struct pv_front_device){.bus = c->bus,
					.self = c,
					.published = PV_XenbusStateInitialised,
					.publish = publish,
					.connect = connect,
					.disconnect = disconnect};
}

int pv_confront_step(struct pv_confront *c)
{
	struct pv_front_device d = device(c);

	return pv_front_advance(&d, &c->state, &c->announced, broken(c));
}

int pv_confront_close(struct pv_confront *c)
{
	struct pv_front_device d = device(c);

	return pv_front_close(&d, &c->state);
}

void pv_confront_destroy(struct pv_confront *c)
{
	if (c->bus)
		disconnect(c);
	c->page = NULL;
}
