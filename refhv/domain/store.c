/*
 * The domain's xenstore: the tree, the guest's ring, and the socket for people.
 */
#include <pv/abi/errno.h>
#include <stdio.h>
#include <unistd.h>
#include "domain/domain.h"

static uint64_t store_now(void *ctx)
{
	return clock_monotonic();
}

static int create(struct domain *d)
{
	struct pv_store_config cfg = {
		.size = sizeof(cfg),
		.ctx = d,
		.alloc = refhv_xenstore_alloc,
		.free = refhv_xenstore_free,
		.now = store_now,
	};

	return pv_store_create(&d->store, &cfg);
}

/* The clients of the source's socket are not ours. */
static void drop_sockets(struct pv_store *store)
{
	struct pv_store_conn *conn;

	while ((conn = pv_store_conn_find(store, PV_STORE_CONN_SOCKET, 0)))
		pv_store_conn_del(conn);
}

int store_load(struct domain *d, const struct image *im)
{
	int rc = pv_store_load(d->store, im->store, im->store_size);

	if (!rc)
		drop_sockets(d->store);
	return rc;
}

int store_start(struct domain *d, struct refhv_error *e)
{
	if (create(d) ||
	    (!d->incoming && (pv_store_domain_introduce(d->store, d->domid) || nodes_create(d))))
		return refhv_fail(e, REFHV_FAILED, NULL, "cannot fill the domain's xenstore");
	d->xs = refhv_xenstore_start(d->loop, d->store, domain_fd(d, "xenstore", true), NULL);
	if (!d->xs)
		return refhv_fail(e, REFHV_FAILED, NULL, "cannot serve the domain's xenstore");
	return 0;
}

/* The domain's lock is held: only the eventfd. */
static void store_event(void *arg)
{
	struct domain *d = arg;
	uint64_t one = 1;

	if (write(d->impl->kick_fd(d->engine, KICK_STORE), &one, sizeof(one)) < 0)
		return; /* full: whoever reads it wakes anyway */
}

static void kicked(struct ev_loop *loop, ev_io *w, int revents)
{
	struct domain *d = w->data;
	uint64_t count;

	if (read(w->fd, &count, sizeof(count)) == sizeof(count))
		refhv_xenstore_ring_kick(d->xs);
}

static void notify_guest(void *ctx)
{
	struct domain *d = ctx;

	machine_mark_dirty(d, d->boot.store_gfn << 12, 4096);
	pv_domain_evtchn_send(d->pv, &d->store_hp);
}

int store_attach(struct domain *d, struct refhv_error *e)
{
	void *page = (char *)d->space.ram + (d->boot.store_gfn << 12);
	int rc;

	d->store_hp =
		(struct pv_host_port){.domid = 0, .kick = KICK_STORE, .fn = store_event, .arg = d};
	rc = pv_domain_evtchn_bind_host(d->pv, &d->store_hp, d->store_port);
	if (rc >= 0)
		rc = refhv_xenstore_ring_attach(d->xs, d->domid, page, d->store_port, notify_guest,
						d);
	if (rc < 0)
		return refhv_fail(e, REFHV_FAILED, NULL,
				  "cannot attach the xenstore ring: error %d", -rc);
	ev_io_init(&d->store_kick, kicked, d->impl->kick_fd(d->engine, KICK_STORE), EV_READ);
	d->store_kick.data = d;
	ev_io_start(d->loop, &d->store_kick);
	return 0;
}
