/*
 * watch: who is told of a change, and the queue of what each connection is told.
 *
 * A client hears only of nodes it may read (XSA-115). A queue is bounded: past the bound each watch
 * keeps one owed event for its own path, which says "look again", so that no change is ever
 * lost and nobody's memory grows by not reading (XSA-326).
 */
#include "impl.h"

static size_t watch_bytes(const struct pv_st_watch *w)
{
	return sizeof(*w) + w->len + 1u + w->token_len + 1u;
}

static const char *watch_token(const struct pv_st_watch *w)
{
	return w->path + w->len + 1;
}

static size_t event_bytes(const struct pv_st_event *e)
{
	return sizeof(*e) + e->len;
}

static void event_put(struct pv_store_conn *c, struct pv_st_event *e)
{
	e->next = NULL;
	e->seq = ++c->store->seq;
	*c->events_end = e;
	c->events_end = &e->next;
	c->n_events++;
	c->domain->bytes += event_bytes(e);
	if (e->watch)
		e->watch->pending++;
	pv_st_wake(c);
}

/* Free an event that is no longer linked. */
static void event_free(struct pv_store_conn *c, struct pv_st_event *e)
{
	if (e->watch)
		e->watch->pending--;
	c->n_events--;
	c->domain->bytes -= event_bytes(e);
	pv_st_free(c->store, e, event_bytes(e));
}

int pv_st_event_raw(struct pv_store_conn *c, const char *bytes, size_t len, bool tail)
{
	struct pv_st_event *e = pv_st_alloc(c->store, sizeof(*e) + len);

	if (!e)
		return -PV_ENOMEM;
	e->watch = NULL;
	e->len = (uint32_t)len;
	e->tail = tail;
	memcpy(e->bytes, bytes, len);
	event_put(c, e);
	return 0;
}

/* The same event waits already, and has not begun to leave. */
static bool waits(const struct pv_store_conn *c, const struct pv_st_watch *w, const char *body,
		  size_t len)
{
	const struct pv_st_event *e = c->events;
	size_t hdr = c->type == PV_STORE_CONN_INTERNAL ? 0 : sizeof(struct pv_xsd_sockmsg);

	if (!w->pending)
		return false;
	if (e && c->out == PV_ST_OUT_EVENT && c->out_off)
		e = e->next;
	for (; e; e = e->next)
		if (e->watch == w && e->len >= hdr + len && !memcmp(e->bytes + hdr, body, len) &&
		    !e->bytes[hdr + len])
			return true;
	return false;
}

static bool queue(struct pv_store_conn *c, struct pv_st_watch *w, const char *body, size_t len)
{
	struct pv_xsd_sockmsg hdr = {.type = PV_XS_WATCH_EVENT};
	bool wire = c->type != PV_STORE_CONN_INTERNAL;
	uint32_t limit = c->store->quota.events * (c->privileged ? 16 : 1);
	struct pv_st_event *e;
	size_t n = len + 1 + (wire ? w->token_len + 1u : 0);
	char *p;

	if (n > PV_ST_BODY_MAX)
		return true; /* cannot be said in one message: dropped (XSA-324) */
	if (wire && c->store->quota.events && c->n_events >= limit)
		return false;
	if (pv_st_memory_check(c, sizeof(*e) + sizeof(hdr) + n) < 0)
		return false;
	e = pv_st_alloc(c->store, sizeof(*e) + n + (wire ? sizeof(hdr) : 0));
	if (!e)
		return false;
	e->watch = w;
	e->len = (uint32_t)(n + (wire ? sizeof(hdr) : 0));
	e->tail = false;
	p = e->bytes;
	if (wire) {
		hdr.len = (uint32_t)n;
		memcpy(p, &hdr, sizeof(hdr));
		p += sizeof(hdr);
	}
	memcpy(p, body, len);
	p[len] = 0;
	if (wire)
		memcpy(p + len + 1, watch_token(w), w->token_len + 1u);
	event_put(c, e);
	return true;
}

/* path is canonical; the client gets it in the form in which it set the watch. */
static void event(struct pv_store_conn *c, struct pv_st_watch *w, const char *path, size_t len)
{
	size_t cut = w->prefix <= len ? w->prefix : 0;

	if (w->missed || waits(c, w, path + cut, len - cut))
		return;
	if (!queue(c, w, path + cut, len - cut)) {
		w->missed = true;
		c->n_missed++;
	}
}

/* Queue what is owed as far as there is room again. */
void pv_st_repay(struct pv_store_conn *c)
{
	for (struct pv_st_watch *w = c->watches; w && c->n_missed; w = w->next)
		if (w->missed) {
			if (!queue(c, w, w->path + w->prefix, (size_t)w->len - w->prefix))
				return;
			w->missed = false;
			c->n_missed--;
		}
}

void pv_st_event_done(struct pv_store_conn *c)
{
	struct pv_st_event *e = c->events;

	c->events = e->next;
	if (!c->events)
		c->events_end = &c->events;
	event_free(c, e);
	pv_st_repay(c);
}

void pv_st_events_free(struct pv_store_conn *c)
{
	struct pv_st_event *e;

	while ((e = c->events)) {
		c->events = e->next;
		event_free(c, e);
	}
	c->events_end = &c->events;
}

static bool readable(const struct pv_store_conn *c, const struct pv_st_node *n)
{
	return n && (pv_st_allowed(c, n->perm, n->perms) & PV_XS_PERM_READ);
}

/* The watch lies below a node that is being removed: it is told if its own node goes. */
static void fire_below(struct pv_store_conn *c, struct pv_st_watch *w, size_t len,
		       struct pv_st_node *node, struct pv_st_node *parent)
{
	struct pv_st_node *n;

	/* The removed node takes the place of a root: what follows its path is looked up below it.
	 */
	n = pv_st_find(node, w->path + len, (size_t)w->len - len);
	if (n && (readable(c, n) || readable(c, node) || readable(c, parent)))
		event(c, w, w->path, w->len);
}

static void fire_one(struct pv_store_conn *c, struct pv_st_watch *w, const char *path, size_t len,
		     size_t first, struct pv_st_node *node, struct pv_st_node *parent, bool removed)
{
	size_t at = len;

	if (!pv_xs_path_within(path, len, w->path, w->len)) {
		if (removed && pv_xs_path_within(w->path, w->len, path, len))
			fire_below(c, w, len, node, parent);
		return;
	}
	if (w->depth >= 0 && pv_xs_path_depth(path, len, w->len) > (unsigned)w->depth) {
		/* Too deep to be told of, but a node on the way to it may be new and near enough.
		 */
		at = first > w->len ? first : w->len;
		if (first == len || pv_xs_path_depth(path, at, w->len) > (unsigned)w->depth)
			return;
	}
	if (readable(c, node) || (removed && readable(c, parent)))
		event(c, w, path, at);
}

void pv_st_fire(struct pv_store *s, const char *path, size_t len, size_t first,
		struct pv_st_node *node, struct pv_st_node *parent, bool removed)
{
	for (struct pv_store_conn *c = s->conns; c; c = c->next)
		for (struct pv_st_watch *w = c->watches; w; w = w->next)
			if (!c->dead)
				fire_one(c, w, path, len, first, node, parent, removed);
}

/* @introduceDomain and @releaseDomain; with a depth of 1 the domid follows the name, or may be part
 * of the watch. */
void pv_st_fire_special(struct pv_store *s, unsigned which, uint16_t domid)
{
	const struct pv_st_special *sp = &s->special[which];
	char path[40], *number = path + sp->len + 1;
	size_t len;

	memcpy(path, sp->name, sp->len);
	path[sp->len] = '/';
	len = sp->len + 1u + pv_xs_number_format(number, domid);
	for (struct pv_store_conn *c = s->conns; c; c = c->next)
		for (struct pv_st_watch *w = c->watches; w; w = w->next) {
			bool all = w->len == sp->len;

			if (c->dead || !pv_xs_path_within(path, len, w->path, w->len) ||
			    !(pv_st_allowed(c, sp->perm, sp->perms) & PV_XS_PERM_READ))
				continue;
			event(c, w, path, all && w->depth != 1 ? sp->len : len);
		}
}

static bool watch_is(const struct pv_st_watch *w, const char *path, size_t len, const char *token,
		     size_t token_len, void (*fn)(void *, const char *), void *arg)
{
	return w->len == len && !memcmp(w->path, path, len) && w->fn == fn && w->arg == arg &&
	       w->token_len == token_len && !memcmp(watch_token(w), token, token_len);
}

static bool special_known(struct pv_store *s, const char *path, size_t len, int depth)
{
	size_t up = pv_xs_path_parent(path, len);
	uint64_t domid;

	if (pv_st_special(s, path, len))
		return depth == PV_STORE_DEPTH_ALL || depth == 0 || depth == 1;
	return up > 1 && pv_st_special(s, path, up) &&
	       !pv_xs_number_parse(&domid, path + up + 1, len - up - 1, UINT16_MAX);
}

int pv_st_watch_add(struct pv_store_conn *c, const char *path, size_t len, const char *token,
		    size_t token_len, int depth, void (*fn)(void *, const char *), void *arg)
{
	struct pv_store *s = c->store;
	struct pv_st_watch *w, **end;
	int n = pv_st_resolve(c, path, len);

	if (n < 0)
		return n;
	if (s->path[0] == '@' && !special_known(s, s->path, (size_t)n, depth))
		return -PV_EINVAL;
	for (end = &c->watches; *end; end = &(*end)->next)
		if (watch_is(*end, s->path, (size_t)n, token, token_len, fn, arg))
			return -PV_EEXIST;
	if (!c->privileged && s->quota.watches && c->domain->watches >= s->quota.watches)
		return -PV_E2BIG;
	if (pv_st_memory_check(c, sizeof(*w) + (size_t)n + token_len + 2) < 0)
		return -PV_ENOMEM;
	w = pv_st_alloc(s, sizeof(*w) + (size_t)n + token_len + 2);
	if (!w)
		return -PV_ENOMEM;
	memset(w, 0, sizeof(*w));
	w->fn = fn;
	w->arg = arg;
	w->depth = depth;
	w->len = (uint16_t)n;
	w->token_len = (uint16_t)token_len;
	w->prefix = (uint16_t)((size_t)n - len);
	memcpy(w->path, s->path, w->len + 1u);
	memcpy(w->path + w->len + 1, token, token_len);
	w->path[w->len + 1 + token_len] = 0;
	*end = w;
	c->domain->watches++;
	c->domain->bytes += watch_bytes(w);
	return 0;
}

int pv_st_watch_set(struct pv_store_conn *c, const char *path, size_t len, const char *token,
		    size_t token_len, int depth, void (*fn)(void *, const char *), void *arg)
{
	struct pv_st_watch *w;
	int rc = pv_st_watch_add(c, path, len, token, token_len, depth, fn, arg);

	if (rc < 0)
		return rc;
	for (w = c->watches; w->next; w = w->next)
		;
	/* The first one is owed whatever the node is: it says that the watch is set. */
	event(c, w, w->path, w->len);
	return 0;
}

static void watch_free(struct pv_store_conn *c, struct pv_st_watch *w)
{
	c->n_missed -= w->missed;
	c->domain->watches--;
	c->domain->bytes -= watch_bytes(w);
	pv_st_free(c->store, w, watch_bytes(w));
}

/* Events of the watch that have not begun to leave go with it. */
static void forget_events(struct pv_store_conn *c, struct pv_st_watch *w)
{
	struct pv_st_event **p = &c->events, *e = c->events;

	if (e && e->watch == w && c->out == PV_ST_OUT_EVENT) {
		w->pending--;
		e->watch = NULL;
	}
	while ((e = *p)) {
		if (e->watch != w) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		event_free(c, e);
	}
	c->events_end = p;
}

int pv_st_watch_del(struct pv_store_conn *c, const char *path, size_t len, const char *token,
		    size_t token_len, void (*fn)(void *, const char *), void *arg)
{
	struct pv_st_watch **p, *w;
	int n = pv_st_resolve(c, path, len);

	if (n < 0)
		return n;
	for (p = &c->watches; (w = *p); p = &w->next)
		if (watch_is(w, c->store->path, (size_t)n, token, token_len, fn, arg)) {
			forget_events(c, w);
			*p = w->next;
			watch_free(c, w);
			pv_st_repay(c);
			return 0;
		}
	return -PV_ENOENT;
}

void pv_st_watches_free(struct pv_store_conn *c)
{
	struct pv_st_watch *w;

	while ((w = c->watches)) {
		forget_events(c, w);
		c->watches = w->next;
		watch_free(c, w);
	}
}
