/*
 * save: write the store down in Xen's migration format.
 *
 * Changes nothing. What a transaction has read is written as it saw it, so that whoever loads the
 * stream can tell whether it still holds; a transaction that is bound to fail is written as one
 * that saw no root.
 */
#include "impl.h"
#include "format.h"

struct out {
	struct pv_store *s;
	int (*sink)(void *ctx, const void *bytes, size_t n);
	void *ctx;
	uint32_t pad;
	int err;
};

static void put(struct out *o, const void *bytes, size_t n)
{
	if (!o->err && n)
		o->err = o->sink(o->ctx, bytes, n);
	if (o->err > 0)
		o->err = 0;
}

static void begin(struct out *o, uint32_t type, size_t len)
{
	struct fmt_record r = {type, (uint32_t)len};

	o->pad = (uint32_t)(-len & 7);
	put(o, &r, sizeof(r));
}

static void end(struct out *o)
{
	put(o, "\0\0\0\0\0\0\0", o->pad);
}

static void header(struct out *o, uint32_t version)
{
	uint8_t h[16] = {0};

	for (unsigned i = 0; i < 8; i++)
		h[i] = (uint8_t)(FMT_IDENT >> (56 - 8 * i));
	h[11] = (uint8_t)version;
	put(o, h, sizeof(h));
}

static void node(struct out *o, const struct pv_st_tx *tx, const char *path, size_t len,
		 const struct pv_xs_perm *perm, unsigned perms, const void *value, size_t value_len,
		 unsigned access)
{
	struct fmt_node n = {
		.conn = tx ? tx->conn->id : 0,
		.tx = tx ? tx->id : 0,
		.path_len = (uint16_t)(len + 1),
		.value_len = (uint16_t)value_len,
		.access = (uint16_t)access,
		.perms = (uint16_t)perms,
	};

	begin(o, FMT_NODE, sizeof(n) + perms * sizeof(struct fmt_perm) + n.path_len + value_len);
	put(o, &n, sizeof(n));
	for (unsigned i = 0; i < perms; i++) {
		struct fmt_perm p = {"nrwb"[perm[i].mode & 3], 0, perm[i].domid};

		put(o, &p, sizeof(p));
	}
	put(o, path, len);
	put(o, "", 1);
	put(o, value, value_len);
	end(o);
}

static void node_of(struct out *o, const struct pv_st_tx *tx, const char *path, size_t len,
		    const struct pv_st_node *n, unsigned access)
{
	if (n)
		node(o, tx, path, len, n->perm, n->perms, pv_st_node_value(n), n->value_len,
		     access);
	else
		node(o, tx, path, len, NULL, 0, NULL, 0, access);
}

static void transaction(struct out *o, const struct pv_st_tx *tx)
{
	struct fmt_transaction t = {tx->conn->id, tx->id};

	begin(o, FMT_TRANSACTION, sizeof(t));
	put(o, &t, sizeof(t));
	end(o);
	if (tx->doomed || (tx->base && pv_st_tx_spoiled(tx))) {
		node_of(o, tx, "/", 1, NULL, FMT_READ);
		return;
	}
	for (uint32_t i = 0; i < tx->accesses; i++) {
		const struct pv_st_access *a = &tx->access[i];
		struct pv_st_node *n = pv_st_find(tx->root, a->path, a->len);

		if (a->flags & PV_ST_REMOVED)
			node_of(o, tx, a->path, a->len, NULL, FMT_DELETED);
		if (!(a->flags & PV_ST_WRITTEN))
			node_of(o, tx, a->path, a->len, pv_st_find(tx->base, a->path, a->len),
				FMT_READ);
		else if (n)
			node_of(o, tx, a->path, a->len, n, FMT_WRITTEN);
	}
}

static void watch(struct out *o, const struct pv_store_conn *c, const struct pv_st_watch *w)
{
	struct fmt_watch_extended f = {c->id, (uint16_t)(w->len - w->prefix + 1),
				       (uint16_t)(w->token_len + 1), (uint16_t)w->depth, 0};
	size_t size = w->depth >= 0 ? sizeof(f) : sizeof(struct fmt_watch);

	begin(o, w->depth >= 0 ? FMT_WATCH_EXTENDED : FMT_WATCH, size + f.path_len + f.token_len);
	put(o, &f, size);
	/* Path and token lie one after the other, each with its NUL. */
	put(o, w->path + w->prefix, (size_t)f.path_len + f.token_len);
	end(o);
}

/* What is still owed to a watch, as the event that says "look again". */
static size_t owed(struct out *o, const struct pv_st_watch *w, bool write)
{
	struct pv_xsd_sockmsg h = {.type = PV_XS_WATCH_EVENT};

	h.len = (uint32_t)(w->len - w->prefix + 1 + w->token_len + 1);
	if (!w->missed || h.len > PV_ST_BODY_MAX)
		return 0;
	if (write) {
		put(o, &h, sizeof(h));
		put(o, w->path + w->prefix, h.len);
	}
	return sizeof(h) + h.len;
}

/* All that waits to leave, oldest first. Returns its length; written only if `write`. */
static size_t output(struct out *o, const struct pv_store_conn *c, bool write)
{
	const struct pv_st_event *e = c->events;
	size_t total = 0, off = c->out_off, n;
	bool reply = c->reply_len != 0;
	enum pv_st_out first = pv_st_conn_next(c);

	while (reply || e) {
		bool take_reply =
			reply && (!e || (first == PV_ST_OUT_NONE ? c->reply_seq < e->seq
								 : first == PV_ST_OUT_REPLY));

		n = (take_reply ? c->reply_len : e->len) - off;
		if (write)
			put(o, (take_reply ? c->reply_bytes : e->bytes) + off, n);
		total += n;
		off = 0;
		first = PV_ST_OUT_NONE;
		if (take_reply)
			reply = false;
		else
			e = e->next;
	}
	for (const struct pv_st_watch *w = c->watches; w; w = w->next)
		total += owed(o, w, write);
	return total;
}

static size_t begun(const struct pv_store_conn *c)
{
	if (c->out == PV_ST_OUT_REPLY && c->out_off)
		return c->reply_len - c->out_off;
	if (c->events && pv_st_conn_next(c) == PV_ST_OUT_EVENT && (c->out_off || c->events->tail))
		return c->events->len - c->out_off;
	return 0;
}

static void connection(struct out *o, const struct pv_store_conn *c)
{
	struct fmt_connection f = {
		.id = c->id,
		.type = c->type == PV_STORE_CONN_SOCKET,
		.in_len = (uint16_t)c->in_got,
		.out_resp_len = (uint16_t)begun(c),
		.out_len = (uint32_t)output(o, c, false),
	};

	if (f.type) {
		f.socket.fd = (uint32_t)c->fd;
	} else {
		f.ring.domid = c->domain->domid;
		f.ring.target = c->domain->has_target ? c->domain->target : FMT_NO_TARGET;
		f.ring.evtchn = c->evtchn;
	}
	begin(o, FMT_CONNECTION, sizeof(f) + f.in_len + f.out_len);
	put(o, &f, sizeof(f));
	put(o, c->in_bytes, f.in_len);
	output(o, c, true);
	end(o);
	for (const struct pv_st_watch *w = c->watches; w; w = w->next)
		watch(o, c, w);
}

/* Introduced, but with no ring whose record would say so. */
static void domain(struct out *o, const struct pv_st_domain *d)
{
	struct fmt_domain f = {.domid = d->domid};

	if (!d->domid || !d->introduced || pv_store_conn_find(o->s, PV_STORE_CONN_RING, d->domid))
		return;
	begin(o, FMT_DOMAIN, sizeof(f));
	put(o, &f, sizeof(f));
	end(o);
}

static bool saved(const struct pv_store_conn *c)
{
	return !c->dead && c->type != PV_STORE_CONN_INTERNAL;
}

int pv_store_save(struct pv_store *s, int (*sink)(void *ctx, const void *bytes, size_t n),
		  void *ctx)
{
	struct out o = {.s = s, .sink = sink, .ctx = ctx};
	struct pv_st_node *n = pv_st_walk(s, s->root, "/", 1);
	uint32_t version = 1;
	size_t len = 0;

	for (const struct pv_store_conn *c = s->conns; c; c = c->next)
		for (const struct pv_st_watch *w = c->watches; w && saved(c); w = w->next)
			if (w->depth >= 0)
				version = 2;
	header(&o, version);
	for (const struct pv_store_conn *c = s->conns; c; c = c->next)
		if (saved(c))
			connection(&o, c);
	for (unsigned i = 0; i < PV_ST_DOMAIN_BUCKETS; i++)
		for (const struct pv_st_domain *d = s->domains[i]; d; d = d->next)
			domain(&o, d);
	for (; n; n = pv_st_walk_next(s, &len))
		node_of(&o, NULL, len ? s->walk_path : "/", len ? len : 1, n, 0);
	for (unsigned i = 0; i < PV_ST_SPECIALS; i++)
		node(&o, NULL, s->special[i].name, s->special[i].len, s->special[i].perm,
		     s->special[i].perms, NULL, 0, 0);
	for (const struct pv_store_conn *c = s->conns; c; c = c->next)
		for (const struct pv_st_tx *tx = c->txs; tx && saved(c); tx = tx->next)
			transaction(&o, tx);
	begin(&o, FMT_END, 0);
	return o.err;
}
