/*
 * conn: connections, and the bytes that go in and out.
 *
 * A connection holds at most one request and one reply, in buffers it is born with: nothing that a
 * client does to its transport makes memory grow. A client that breaks the protocol stays as a
 * connection that takes and gives nothing until its domain or transport goes (XSA-325).
 */
#include "impl.h"

void pv_store_conn_attach(struct pv_store_conn *c, const struct pv_store_conn_config *cfg)
{
	c->wake = cfg->wake;
	c->gone = cfg->size > offsetof(struct pv_store_conn_config, gone) ? cfg->gone : NULL;
	c->ctx = cfg->ctx;
}

int pv_store_conn_add(struct pv_store *s, const struct pv_store_conn_config *cfg,
		      struct pv_store_conn **conn)
{
	struct pv_st_domain *d = pv_st_domain(s, cfg->domid);
	struct pv_store_conn *c, **end;

	if ((!d || !d->introduced) && !cfg->privileged)
		return -PV_ENOENT;
	d = pv_st_domain_get(s, cfg->domid);
	c = d ? pv_st_alloc(s, sizeof(*c)) : NULL;
	if (!c) {
		if (d)
			pv_st_domain_tidy(s, d);
		return -PV_ENOMEM;
	}
	memset(c, 0, sizeof(*c));
	c->store = s;
	c->domain = d;
	pv_store_conn_attach(c, cfg);
	c->events_end = &c->events;
	c->evtchn = cfg->evtchn;
	c->fd = cfg->fd;
	c->id = ++s->next_conn;
	c->type = cfg->type;
	c->privileged = cfg->privileged;
	d->conns++;
	d->bytes += sizeof(*c);
	for (end = &s->conns; *end; end = &(*end)->next)
		;
	*end = c;
	*conn = c;
	return 0;
}

static void txs_free(struct pv_store_conn *c)
{
	struct pv_st_tx *tx;

	while ((tx = c->txs)) {
		c->txs = tx->next;
		pv_st_tx_free(tx);
	}
}

void pv_store_conn_reset(struct pv_store_conn *c)
{
	c->out = PV_ST_OUT_NONE;
	c->out_off = c->in_got = c->reply_len = 0;
	c->broken = false;
	pv_st_events_free(c);
	pv_st_watches_free(c);
	txs_free(c);
}

void pv_store_conn_del(struct pv_store_conn *c)
{
	struct pv_store *s = c->store;

	if (c->dead || c == s->self)
		return;
	pv_st_enter(s);
	pv_store_conn_reset(c);
	/* Freed when no callback can be on its way any more. */
	c->dead = true;
	s->reap = true;
	pv_st_leave(s);
}

void pv_st_conn_free(struct pv_store_conn *c)
{
	struct pv_store *s = c->store;
	struct pv_st_domain *d = c->domain;

	pv_store_conn_reset(c);
	d->conns--;
	d->bytes -= sizeof(*c);
	pv_st_free(s, c, sizeof(*c));
	pv_st_domain_tidy(s, d);
}

struct pv_store_conn *pv_store_conn_find(struct pv_store *s, unsigned type, uint16_t domid)
{
	for (struct pv_store_conn *c = s->conns; c; c = c->next)
		if (!c->dead && c->type == type && c->domain->domid == domid)
			return c;
	return NULL;
}

uint16_t pv_store_conn_domid(const struct pv_store_conn *c)
{
	return c->domain->domid;
}

void pv_st_wake(struct pv_store_conn *c)
{
	c->wake_due = true;
}

size_t pv_store_conn_room(const struct pv_store_conn *c)
{
	/* A reply that waits holds up the next request, and so does a domain's debt. */
	if (c->broken || c->dead || c->reply_len || pv_st_paying(c->store, c->domain))
		return 0;
	if (c->in_got < sizeof(c->in))
		return sizeof(c->in) - c->in_got;
	return sizeof(c->in) + c->in.len - c->in_got;
}

int pv_store_conn_input(struct pv_store_conn *c, const void *bytes, size_t n)
{
	const char *p = bytes;
	size_t taken = 0, room;
	bool broken;

	if (c->broken || c->dead)
		return -PV_EBADMSG;
	if (n > INT32_MAX)
		n = INT32_MAX;
	pv_st_enter(c->store);
	c->in_input = true;
	while (taken < n && (room = pv_store_conn_room(c))) {
		if (room > n - taken)
			room = n - taken;
		memcpy(c->in_bytes + c->in_got, p + taken, room);
		c->in_got += (uint32_t)room;
		taken += room;
		if (c->in_got < sizeof(c->in))
			continue;
		if (pv_xs_header_check(&c->in) < 0) {
			c->broken = true;
			break;
		}
		if (c->in_got == sizeof(c->in) + c->in.len) {
			c->in_got = 0;
			c->reply_seq = ++c->store->seq;
			pv_st_request(c);
		}
	}
	c->in_input = c->wake_due = false;
	broken = c->broken;
	pv_st_leave(c->store); /* a callback may end the connection */
	return broken ? -PV_EBADMSG : (int)taken;
}

/* What leaves next: the begun one, else the older of reply and event. */
enum pv_st_out pv_st_conn_next(const struct pv_store_conn *c)
{
	if (c->out != PV_ST_OUT_NONE)
		return c->out;
	if (c->reply_len && (!c->events || c->reply_seq < c->events->seq))
		return PV_ST_OUT_REPLY;
	return c->events ? PV_ST_OUT_EVENT : PV_ST_OUT_NONE;
}

size_t pv_store_conn_output(struct pv_store_conn *c, const void **bytes)
{
	if (c->broken || c->dead)
		return 0;
	c->out = pv_st_conn_next(c);
	switch (c->out) {
	case PV_ST_OUT_REPLY:
		*bytes = c->reply_bytes + c->out_off;
		return c->reply_len - c->out_off;
	case PV_ST_OUT_EVENT:
		*bytes = c->events->bytes + c->out_off;
		return c->events->len - c->out_off;
	}
	return 0;
}

void pv_store_conn_sent(struct pv_store_conn *c, size_t n)
{
	const void *bytes;
	size_t left = pv_store_conn_output(c, &bytes);

	if (n < left) {
		c->out_off += (uint32_t)n;
		return;
	}
	if (c->out == PV_ST_OUT_REPLY)
		c->reply_len = 0;
	else if (c->out == PV_ST_OUT_EVENT)
		pv_st_event_done(c);
	c->out = PV_ST_OUT_NONE;
	c->out_off = 0;
}
