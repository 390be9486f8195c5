/*
 * Console backend: see pv/back/console.h.
 *
 * Trust: the frontend is hostile; every index is checked before it is used, and nothing is kept
 * but the page.
 */
#include <pv/abi/io/console.h>
#include <pv/abi/io/xenbus.h>
#include <pv/back/console.h>
#include "../../libpv/common/bytes.h"
#include "../../libpv/common/mem.h"
#include "../common/handshake.h"

static struct pv_bytes out(const struct pv_conback *c)
{
	struct pv_xencons_interface *p = c->page;

	return (struct pv_bytes){p->out, sizeof(p->out), &p->out_cons, &p->out_prod};
}

static struct pv_bytes in(const struct pv_conback *c)
{
	struct pv_xencons_interface *p = c->page;

	return (struct pv_bytes){p->in, sizeof(p->in), &p->in_cons, &p->in_prod};
}

/* The result of an access: remembers a broken ring, tells the guest about progress. */
static int outcome(struct pv_conback *c, int n)
{
	if (n > 0) {
		if (c->bus->dirty)
			c->bus->dirty(c->bus->ctx, c->page, sizeof(struct pv_xencons_interface));
		c->bus->notify(c->bus->ctx, c->port);
	}
	if (n < 0 && !__atomic_exchange_n(&c->broken, true, __ATOMIC_RELAXED) && c->bus->broken)
		c->bus->broken(c->bus->ctx, "console index beyond the ring");
	return n;
}

static bool usable(const struct pv_conback *c)
{
	return c->page && !__atomic_load_n(&c->broken, __ATOMIC_RELAXED);
}

void pv_conback_attach(struct pv_conback *c, const struct pv_back_bus *bus, void *page,
		       uint32_t port)
{
	memset(c, 0, sizeof(*c));
	c->bus = bus;
	c->page = page;
	c->port = port;
}

int pv_conback_read(struct pv_conback *c, void *buf, uint32_t len)
{
	struct pv_bytes r;

	if (!usable(c))
		return 0;
	r = out(c);
	return outcome(c, pv_bytes_read(&r, buf, len));
}

int pv_conback_pending(const struct pv_conback *c)
{
	struct pv_bytes r;

	if (!usable(c))
		return 0;
	r = out(c);
	return pv_bytes_pending(&r);
}

int pv_conback_write(struct pv_conback *c, const void *buf, uint32_t len)
{
	struct pv_bytes r;

	if (!usable(c))
		return 0;
	r = in(c);
	return outcome(c, pv_bytes_write(&r, buf, len));
}

int pv_conback_init(struct pv_conback *c, const struct pv_back_bus *bus)
{
	memset(c, 0, sizeof(*c));
	c->bus = bus;
	c->state = PV_XenbusStateInitialising;
	return 0;
}

static int publish(void *self)
{
	return 0;
}

static int connect(void *self)
{
	struct pv_conback *c = self;
	uint64_t ref, port;
	uint32_t ring;
	void *page;
	int rc;

	if (pv_back_read_u64(c->bus, "ring-ref", UINT32_MAX, &ref) < 0 ||
	    pv_back_read_u64(c->bus, "port", UINT32_MAX, &port) < 0)
		return -PV_EPROTO;
	ring = (uint32_t)ref;
	if (c->bus->map_ring(c->bus->ctx, &ring, 1, &page) < 0)
		return -PV_EPROTO;
	rc = c->bus->bind(c->bus->ctx, (uint32_t)port);
	if (rc < 0) {
		c->bus->unmap_ring(c->bus->ctx, page, 1);
		return -PV_EPROTO;
	}
	c->port = (uint32_t)rc;
	c->broken = false;
	c->page = page;
	return 0;
}

static int disconnect(void *self)
{
	struct pv_conback *c = self;

	if (c->page) {
		c->bus->unbind(c->bus->ctx, c->port);
		c->bus->unmap_ring(c->bus->ctx, c->page, 1);
	}
	c->page = NULL;
	return 0;
}

int pv_conback_step(struct pv_conback *c)
{
	const struct pv_back_device d = {.bus = c->bus,
					 .self = c,
					 .publish = publish,
					 .connect = connect,
					 .disconnect = disconnect};

	return pv_back_advance(&d, &c->state, c->broken);
}

void pv_conback_destroy(struct pv_conback *c)
{
	disconnect(c);
}
