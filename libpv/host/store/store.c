/*
 * store: making and ending a store, callbacks, and the books.
 *
 * Every byte the store holds is counted where it is allocated; pv_store_audit() counts again from
 * what is reachable and compares.
 */
#include "impl.h"

void *pv_st_alloc(struct pv_store *s, size_t n)
{
	void *p = n ? s->cfg.alloc(s->cfg.ctx, n) : NULL;

	if (p)
		s->bytes += n;
	return p;
}

void pv_st_free(struct pv_store *s, void *p, size_t n)
{
	if (!p || !n)
		return;
	s->bytes -= n;
	s->cfg.free(s->cfg.ctx, p, n);
}

void pv_st_enter(struct pv_store *s)
{
	s->depth++;
}

static void deliver(struct pv_store_conn *c)
{
	struct pv_st_event *e = c->events;
	void (*fn)(void *, const char *) = e->watch->fn;
	void *arg = e->watch->arg;

	/* Off the queue first: the callback may unwatch, and then nothing may point at the watch.
	 */
	e->watch->pending--;
	e->watch = NULL;
	c->out = PV_ST_OUT_EVENT;
	fn(arg, e->bytes);
	if (c->events == e) {
		c->out = PV_ST_OUT_NONE;
		pv_st_event_done(c);
	}
}

static void reap(struct pv_store *s)
{
	struct pv_store_conn **p = &s->conns, *c;

	s->reap = false;
	while ((c = *p)) {
		if (!c->dead) {
			p = &c->next;
			continue;
		}
		*p = c->next;
		pv_st_conn_free(c);
	}
}

static void callbacks(struct pv_store *s)
{
	bool again;

	s->running = true;
	do {
		again = false;
		for (struct pv_store_conn *c = s->conns; c; c = c->next) {
			/* Owed for want of memory, not because of a full queue that will drain. */
			if (c->n_missed && !c->events && !c->dead)
				pv_st_repay(c);
			while (!c->dead && c->type == PV_STORE_CONN_INTERNAL && c->events) {
				deliver(c);
				again = true;
			}
			if (c->dead || !c->wake_due || c->in_input)
				continue;
			c->wake_due = false;
			if (c->wake) {
				c->wake(c->ctx, c);
				again = true;
			}
		}
	} while (again);
	s->running = false;
	if (s->reap)
		reap(s);
}

void pv_st_leave(struct pv_store *s)
{
	if (!--s->depth && !s->running)
		callbacks(s);
}

void pv_store_quota_default(struct pv_store_quota *q)
{
	/* Xen's, tools/xenstored/domain.c; the last four are our own. */
	*q = (struct pv_store_quota){
		.nodes = 1000,
		.node_size = 2048,
		.node_perms = 5,
		.path_max = 2048,
		.watches = 128,
		.transactions = 10,
		.transaction_nodes = 1024,
		.memory = 2560 * 1024,
		.events = 64,
		.snapshots = 8 * 1024 * 1024,
		.conflict_burst = 10,
		.conflict_per_s = 20,
	};
}

static int populate(struct pv_store *s)
{
	static const char *const paths[] = {"/local/domain", "/tool", "/vm"};
	static const char *const special[PV_ST_SPECIALS] = {"@introduceDomain", "@releaseDomain"};
	static const uint16_t special_len[PV_ST_SPECIALS] = {16, 14};
	static const uint16_t path_len[] = {13, 5, 3};
	/* Everybody may look, as in Xen's store: "/" is r0. */
	const struct pv_xs_perm perm = {.mode = PV_XS_PERM_READ};
	struct pv_st_tree t = {s, &s->root, NULL, 0};
	int rc = 0;

	for (unsigned i = 0; i < PV_ST_SPECIALS; i++) {
		s->special[i].name = special[i];
		s->special[i].len = special_len[i];
		s->special[i].perm = pv_st_alloc(s, sizeof(perm));
		if (!s->special[i].perm)
			return -PV_ENOMEM;
		s->special[i].perms = s->special[i].room = 1;
		s->special[i].perm[0] = (struct pv_xs_perm){0};
	}
	s->root = pv_st_node_new(&t, "", 0, &perm, 1, NULL, 0);
	if (!s->root)
		return -PV_ENOMEM;
	pv_st_charge(s, 0, (int64_t)pv_st_node_bytes(s->root), 1);
	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]) && !rc; i++)
		rc = pv_st_create(&t, paths[i], path_len[i], &perm, 1, NULL, 0);
	pv_st_charges_keep(s);
	return rc;
}

int pv_store_create(struct pv_store **store, const struct pv_store_config *cfg)
{
	struct pv_store_conn_config self = {
		.size = sizeof(self), .privileged = true, .type = PV_STORE_CONN_INTERNAL, .fd = -1};
	struct pv_st_domain *d;
	struct pv_store *s;
	int rc = -PV_ENOMEM;

	*store = NULL;
	if (cfg->size < offsetof(struct pv_store_config, now) || !cfg->alloc || !cfg->free)
		return -PV_EINVAL;
	s = cfg->alloc(cfg->ctx, sizeof(*s));
	if (!s)
		return -PV_ENOMEM;
	memset(s, 0, sizeof(*s));
	memcpy(&s->cfg, cfg, cfg->size < sizeof(s->cfg) ? cfg->size : sizeof(s->cfg));
	if (s->cfg.quota)
		s->quota = *s->cfg.quota;
	else
		pv_store_quota_default(&s->quota);
	s->cfg.quota = NULL;
	s->bytes = sizeof(*s);
	d = pv_st_domain_get(s, 0);
	if (d) {
		d->introduced = true;
		rc = populate(s);
	}
	if (!rc)
		rc = pv_store_conn_add(s, &self, &s->self);
	if (rc < 0) {
		pv_store_destroy(s);
		return rc;
	}
	*store = s;
	return 0;
}

void pv_store_destroy(struct pv_store *s)
{
	struct pv_store_conn *c;
	struct pv_st_domain *d;

	if (!s)
		return;
	while ((c = s->conns)) {
		s->conns = c->next;
		pv_st_conn_free(c);
	}
	pv_st_node_put(s, s->root, false);
	for (unsigned i = 0; i < PV_ST_SPECIALS; i++)
		pv_st_free(s, s->special[i].perm, s->special[i].room * sizeof(struct pv_xs_perm));
	for (unsigned i = 0; i < PV_ST_DOMAIN_BUCKETS; i++)
		while ((d = s->domains[i])) {
			s->domains[i] = d->next;
			pv_st_free(s, d, sizeof(*d));
		}
	s->cfg.free(s->cfg.ctx, s, sizeof(*s));
}

struct pv_store_conn *pv_store_self(struct pv_store *s)
{
	return s->self;
}

void pv_store_stats(const struct pv_store *s, struct pv_store_stats *st)
{
	memset(st, 0, sizeof(*st));
	st->bytes = s->bytes;
	st->node_bytes = s->node_bytes;
	st->live_bytes = s->live_bytes;
	st->tx_bytes = s->tx_bytes;
	st->nodes = s->nodes;
	for (unsigned i = 0; i < PV_ST_DOMAIN_BUCKETS; i++)
		for (const struct pv_st_domain *d = s->domains[i]; d; d = d->next) {
			st->domains++;
			st->watches += d->watches;
			st->transactions += d->transactions;
			st->connections += d->conns;
		}
}

int pv_store_domain_usage(struct pv_store *s, uint16_t domid, uint32_t *nodes, uint64_t *bytes)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	if (!d)
		return -PV_ENOENT;
	*nodes = d->nodes;
	*bytes = d->bytes;
	return 0;
}
