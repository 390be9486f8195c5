/*
 * ring: the server's end of a guest's xenstore ring.
 *
 * The page is the guest's and may change at any time. Each index the guest owns is read once per
 * round and must be within one ring of ours (XSA-38); ours are kept here and only written to the
 * page.
 */
#include "impl.h"

#define RING PV_XENSTORE_RING_SIZE
/* Newer than the header we follow: a watch may have a depth (Xen master, io/xs_wire.h). */
#define FEATURE_WATCHDEPTH 4

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

void pv_store_ring_init(struct pv_store_ring *r, struct pv_store_conn *conn,
			struct pv_xenstore_domain_interface *page, void (*notify)(void *ctx),
			void *ctx)
{
	r->conn = conn;
	r->page = page;
	r->notify = notify;
	r->ctx = ctx;
	r->req_cons = load(&page->req_cons);
	r->rsp_prod = load(&page->rsp_prod);
	r->broken = false;
	store(&page->server_features, PV_XENSTORE_SERVER_FEATURE_RECONNECTION |
					      PV_XENSTORE_SERVER_FEATURE_ERROR |
					      FEATURE_WATCHDEPTH);
	store(&page->error, PV_XENSTORE_ERROR_NONE);
}

static int broke(struct pv_store_ring *r, uint32_t error)
{
	r->broken = true;
	store(&r->page->error, error);
	r->notify(r->ctx);
	return -PV_EBADMSG;
}

/* A guest that lost track starts anew: everything the connection had is gone, and the ring is
 * empty. */
static void reconnect(struct pv_store_ring *r)
{
	pv_store_conn_reset(r->conn);
	r->broken = false;
	r->req_cons = r->rsp_prod = 0;
	store(&r->page->req_cons, 0);
	store(&r->page->req_prod, 0);
	store(&r->page->rsp_cons, 0);
	store(&r->page->rsp_prod, 0);
	store(&r->page->error, PV_XENSTORE_ERROR_NONE);
	/* Pairs with the guest's read of connection: it finds the ring empty then. */
	store(&r->page->connection, PV_XENSTORE_CONNECTED);
	r->notify(r->ctx);
}

/* Bytes moved, or -PV_EBADMSG. */
static int take(struct pv_store_ring *r)
{
	/* Acquire: pairs with the guest's release of req_prod; the bytes are there. */
	uint32_t prod = load(&r->page->req_prod), have = prod - r->req_cons, moved = 0;

	if (have > RING)
		return broke(r, PV_XENSTORE_ERROR_RINGIDX);
	while (have) {
		uint32_t at = r->req_cons & (RING - 1), n = RING - at;
		int rc;

		if (n > have)
			n = have;
		rc = pv_store_conn_input(r->conn, r->page->req + at, n);
		if (rc < 0)
			return broke(r, PV_XENSTORE_ERROR_PROTO);
		if (!rc)
			break;
		r->req_cons += (uint32_t)rc;
		have -= (uint32_t)rc;
		moved += (uint32_t)rc;
	}
	/* Release: the bytes have been copied before the guest may write over them. */
	if (moved)
		store(&r->page->req_cons, r->req_cons);
	return (int)moved;
}

static int give(struct pv_store_ring *r)
{
	uint32_t cons = load(&r->page->rsp_cons), used = r->rsp_prod - cons, moved = 0;
	const void *bytes;
	size_t n;

	if (used > RING)
		return broke(r, PV_XENSTORE_ERROR_RINGIDX);
	while (used < RING && (n = pv_store_conn_output(r->conn, &bytes))) {
		uint32_t at = r->rsp_prod & (RING - 1), room = RING - at;

		if (room > RING - used)
			room = RING - used;
		if (room > n)
			room = (uint32_t)n;
		memcpy(r->page->rsp + at, bytes, room);
		pv_store_conn_sent(r->conn, room);
		r->rsp_prod += room;
		used += room;
		moved += room;
	}
	/* Release: pairs with the guest's acquire of rsp_prod. */
	if (moved)
		store(&r->page->rsp_prod, r->rsp_prod);
	return (int)moved;
}

int pv_store_ring_poll(struct pv_store_ring *r)
{
	bool moved = false;
	int in, out;

	if (load(&r->page->connection) == PV_XENSTORE_RECONNECT)
		reconnect(r);
	if (r->broken)
		return -PV_EBADMSG;
	/* A request makes a reply and a reply that has left makes room for a request. */
	do {
		in = take(r);
		out = in < 0 ? in : give(r);
		if (out < 0)
			return out;
		moved |= in || out;
	} while (in || out);
	if (moved)
		r->notify(r->ctx);
	return 0;
}
