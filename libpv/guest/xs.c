/*
 * xs: the guest's end of the xenstore ring.
 *
 * Messages go out one writer at a time; what comes in is taken by whoever looks first and handed to
 * the request it answers, by id. The store's indices and lengths are checked before use, and a
 * store that breaks them breaks the client only. State changes under the lock; notify, wait and
 * wake without.
 */
#include "xs_impl.h"

#define RING PV_XENSTORE_RING_SIZE

static uint32_t load(const uint32_t *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

static void store(uint32_t *p, uint32_t v)
{
	__atomic_store_n(p, v, __ATOMIC_RELEASE);
}

static void attach(struct pv_xs *xs)
{
	xs->req_prod = load(&xs->t.page->req_prod);
	xs->rsp_cons = load(&xs->t.page->rsp_cons);
	xs->rx_got = 0;
	xs->rx_req = NULL;
	xs->broken = false;
}

void pv_xs_init(struct pv_xs *xs, const struct pv_xs_transport *t)
{
	memset(xs, 0, sizeof(*xs));
	xs->t = *t;
	attach(xs);
}

static void finish(struct pv_xs *xs, struct pv_xs_request *req, int err)
{
	struct pv_xs_request **p = &xs->pending;

	while (*p && *p != req)
		p = &(*p)->next;
	if (*p)
		*p = req->next;
	if (xs->rx_req == req)
		xs->rx_req = NULL; /* the rest of its answer is dropped */
	req->err = err;
	req->done = true;
}

static void broke(struct pv_xs *xs)
{
	xs->broken = true;
	while (xs->pending)
		finish(xs, xs->pending, -PV_EIO);
}

static void message_begins(struct pv_xs *xs)
{
	struct pv_xs_request *req = xs->pending;

	if (pv_xs_header_check(&xs->rx_hdr) < 0) {
		broke(xs);
		return;
	}
	while (req && req->id != xs->rx_hdr.req_id)
		req = req->next;
	xs->rx_req = xs->rx_hdr.type == PV_XS_WATCH_EVENT ? NULL : req;
}

static void message_ends(struct pv_xs *xs)
{
	const struct pv_xsd_sockmsg *h = &xs->rx_hdr;
	struct pv_xs_request *req = xs->rx_req;

	xs->rx_got = 0;
	if (h->type == PV_XS_WATCH_EVENT) {
		pv_xs_watch_event(xs);
		return;
	}
	if (!req)
		return;
	req->len = h->len;
	if (h->type == PV_XS_ERROR)
		finish(xs, req, pv_xs_error_number(xs->body, h->len));
	else if (h->type != req->type)
		finish(xs, req, -PV_EIO);
	else
		finish(xs, req, h->len > req->size ? -PV_E2BIG : 0);
}

/* Take n bytes at most of what came in: header, then body to where it belongs. Returns how many. */
static uint32_t take_some(struct pv_xs *xs, const char *bytes, uint32_t n)
{
	uint32_t at, want, keep;
	char *to;

	if (xs->rx_got < sizeof(xs->rx_hdr)) {
		want = (uint32_t)sizeof(xs->rx_hdr) - xs->rx_got;
		n = n < want ? n : want;
		memcpy((char *)&xs->rx_hdr + xs->rx_got, bytes, n);
		xs->rx_got += n;
		if (xs->rx_got == sizeof(xs->rx_hdr))
			message_begins(xs);
	} else {
		at = xs->rx_got - (uint32_t)sizeof(xs->rx_hdr);
		want = xs->rx_hdr.len - at;
		n = n < want ? n : want;
		keep = n;
		if (xs->rx_hdr.type == PV_XS_WATCH_EVENT || xs->rx_hdr.type == PV_XS_ERROR) {
			to = xs->body;
		} else {
			to = xs->rx_req ? xs->rx_req->buf : NULL;
			if (!to || at >= xs->rx_req->size)
				keep = 0;
			else if (keep > xs->rx_req->size - at)
				keep = (uint32_t)(xs->rx_req->size - at);
		}
		if (keep)
			memcpy(to + at, bytes, keep);
		xs->rx_got += n;
	}
	if (!xs->broken && xs->rx_got == sizeof(xs->rx_hdr) + xs->rx_hdr.len)
		message_ends(xs);
	return n;
}

/* Everything that is in the ring. Returns whether anything was. */
static bool take(struct pv_xs *xs)
{
	/* Acquire: pairs with the store's release of rsp_prod. */
	uint32_t have = load(&xs->t.page->rsp_prod) - xs->rsp_cons;
	bool any = false;

	if (xs->broken || load(&xs->t.page->connection) != PV_XENSTORE_CONNECTED)
		return false;
	if (have > RING) {
		broke(xs);
		return false;
	}
	while (have && !xs->broken) {
		uint32_t at = xs->rsp_cons & (RING - 1), n = RING - at;

		n = take_some(xs, xs->t.page->rsp + at, n < have ? n : have);
		xs->rsp_cons += n;
		have -= n;
		any = true;
	}
	/* Release: the bytes have been copied before the store may write over them. */
	if (any)
		store(&xs->t.page->rsp_cons, xs->rsp_cons);
	return any;
}

/* As much of bytes as there is room for. */
static size_t put(struct pv_xs *xs, const char *bytes, size_t len)
{
	uint32_t used = xs->req_prod - load(&xs->t.page->req_cons);
	size_t done = 0;

	if (used > RING) {
		broke(xs);
		return 0;
	}
	while (done < len && used < RING) {
		uint32_t at = xs->req_prod & (RING - 1), n = RING - at;

		if (n > RING - used)
			n = RING - used;
		if (n > len - done)
			n = (uint32_t)(len - done);
		memcpy(xs->t.page->req + at, bytes + done, n);
		xs->req_prod += n;
		used += n;
		done += n;
	}
	/* Release: pairs with the store's acquire of req_prod. */
	if (done)
		store(&xs->t.page->req_prod, xs->req_prod);
	return done;
}

/*
 * Let go of the lock, tell the store, let others look, and sleep if there is nothing to look at.
 * The store is told whenever bytes were taken, since it may wait for room.
 */
static int pause(struct pv_xs *xs, unsigned long *flags, bool notify, uint64_t deadline)
{
	bool took = take(xs);
	int rc = 0;

	pv_xs_unlock(xs, *flags);
	if (took && xs->t.wake)
		xs->t.wake(xs->t.ctx);
	if (notify || took)
		xs->t.notify(xs->t.ctx);
	if (!took)
		rc = xs->t.wait(xs->t.ctx, deadline);
	if (!rc && deadline && xs->t.now && xs->t.now(xs->t.ctx) >= deadline)
		rc = -PV_ETIMEDOUT;
	*flags = pv_xs_lock(xs);
	return rc;
}

static int send(struct pv_xs *xs, unsigned long *flags, struct pv_xs_request *req,
		uint64_t deadline, const struct pv_xs_part *part, unsigned parts, bool begun)
{
	const char *bytes;
	size_t len, n;
	int rc = 0;

	for (unsigned i = 0; i < parts && !req->done; i++) {
		bytes = part[i].bytes;
		len = part[i].len;
		while (len && !req->done) {
			n = xs->broken ? 0 : put(xs, bytes, len);
			bytes += n;
			len -= n;
			begun |= n > 0;
			if (len && !req->done)
				rc = pause(xs, flags, n > 0, deadline);
			if (rc < 0 && len) {
				/* Half a message is out, and nothing can follow it. */
				if (begun)
					broke(xs);
				return rc;
			}
		}
	}
	return 0;
}

int pv_xs_call(struct pv_xs *xs, uint32_t type, uint32_t tx, const struct pv_xs_part *part,
	       unsigned parts, char *buf, size_t size)
{
	struct pv_xs_request req = {.buf = buf, .size = size, .type = type};
	struct pv_xsd_sockmsg hdr = {.type = type, .tx_id = tx};
	struct pv_xs_part head = {&hdr, sizeof(hdr)};
	uint64_t deadline = 0;
	unsigned long flags;
	size_t len = 0;
	int rc = 0;

	for (unsigned i = 0; i < parts; i++)
		len += part[i].len;
	if (len > PV_XENSTORE_PAYLOAD_MAX)
		return -PV_E2BIG;
	if (xs->timeout_ns && xs->t.now)
		deadline = xs->t.now(xs->t.ctx) + xs->timeout_ns;
	hdr.len = (uint32_t)len;

	flags = pv_xs_lock(xs);
	while (!rc && !xs->broken && xs->tx_busy)
		rc = pause(xs, &flags, false, deadline);
	if (rc < 0 || xs->broken) {
		pv_xs_unlock(xs, flags);
		return rc < 0 ? rc : -PV_EIO;
	}
	xs->tx_busy = true;
	req.id = hdr.req_id = ++xs->next_id;
	req.next = xs->pending;
	xs->pending = &req;
	rc = send(xs, &flags, &req, deadline, &head, 1, false);
	if (!rc && !req.done)
		rc = send(xs, &flags, &req, deadline, part, parts, true);
	xs->tx_busy = false;
	if (!rc && !req.done)
		take(xs);
	for (bool notify = true; !rc && !req.done; notify = false)
		rc = pause(xs, &flags, notify, deadline);
	if (req.done)
		rc = req.err;
	else
		finish(xs, &req, rc);
	pv_xs_unlock(xs, flags);
	/* Those who wait for their turn to write, and the store if it waits for room. */
	if (xs->t.wake)
		xs->t.wake(xs->t.ctx);
	return rc < 0 ? rc : (int)req.len;
}

bool pv_xs_event(struct pv_xs *xs)
{
	unsigned long flags = pv_xs_lock(xs);
	bool took = take(xs), due = false;

	for (struct pv_xs_watch *w = xs->watches; w; w = w->next)
		due |= w->pending;
	pv_xs_unlock(xs, flags);
	if (took) {
		if (xs->t.wake)
			xs->t.wake(xs->t.ctx);
		xs->t.notify(xs->t.ctx);
	}
	return due;
}

int pv_xs_resume(struct pv_xs *xs, struct pv_xenstore_domain_interface *page)
{
	unsigned long flags = pv_xs_lock(xs);

	while (xs->pending)
		finish(xs, xs->pending, -PV_EAGAIN);
	xs->t.page = page;
	attach(xs);
	pv_xs_unlock(xs, flags);
	if (xs->t.wake)
		xs->t.wake(xs->t.ctx);
	return pv_xs_watch_again(xs);
}
