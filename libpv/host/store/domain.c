/*
 * domain: what the store knows of each domain, and what it is charged.
 *
 * Charges of a change under way are kept apart until it is complete, so that a failure in the
 * middle leaves the accounts as they were. A domain that goes takes its nodes and every permission
 * that names it with it, without needing memory for that (XSA-322, 417, 419).
 */
#include "impl.h"

static struct pv_st_domain **bucket(struct pv_store *s, uint16_t domid)
{
	return &s->domains[domid % PV_ST_DOMAIN_BUCKETS];
}

struct pv_st_domain *pv_st_domain(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = *bucket(s, domid);

	while (d && d->domid != domid)
		d = d->next;
	return d;
}

struct pv_st_domain *pv_st_domain_get(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	if (d)
		return d;
	d = pv_st_alloc(s, sizeof(*d));
	if (!d)
		return NULL;
	memset(d, 0, sizeof(*d));
	d->domid = domid;
	d->credit_ns = UINT64_MAX; /* cut to the allowance at first use */
	d->next = *bucket(s, domid);
	*bucket(s, domid) = d;
	return d;
}

void pv_st_domain_tidy(struct pv_store *s, struct pv_st_domain *d)
{
	struct pv_st_domain **p;

	if (!d->domid || d->introduced || d->conns || d->nodes || d->bytes || d->touched)
		return;
	for (p = bucket(s, d->domid); *p != d; p = &(*p)->next)
		;
	*p = d->next;
	pv_st_free(s, d, sizeof(*d));
}

void pv_st_charge(struct pv_store *s, uint16_t owner, int64_t bytes, int nodes)
{
	struct pv_st_domain *d = pv_st_domain(s, owner);

	if (!d)
		return; /* whoever changes a tree makes the account first; the audit would tell */
	if (!d->touched) {
		d->touched = true;
		d->next_touched = s->touched;
		s->touched = d;
	}
	d->d_bytes += bytes;
	d->d_nodes += nodes;
}

int pv_st_charges_check(struct pv_store *s)
{
	for (struct pv_st_domain *d = s->touched; d; d = d->next_touched) {
		if (!d->domid)
			continue;
		if (s->quota.nodes && d->d_nodes > 0 &&
		    (int64_t)d->nodes + d->d_nodes > (int64_t)s->quota.nodes)
			return -PV_ENOSPC;
		if (s->quota.memory && d->d_bytes > 0 &&
		    (int64_t)d->bytes + d->d_bytes > (int64_t)s->quota.memory)
			return -PV_ENOMEM;
	}
	return 0;
}

static void charges_end(struct pv_store *s, bool keep)
{
	struct pv_st_domain *d;

	while ((d = s->touched)) {
		s->touched = d->next_touched;
		d->touched = false;
		if (keep) {
			d->bytes += (uint64_t)d->d_bytes;
			d->nodes += (uint32_t)d->d_nodes;
			s->live_bytes += (uint64_t)d->d_bytes;
			s->nodes += (uint32_t)d->d_nodes;
		}
		d->d_bytes = d->d_nodes = 0;
		pv_st_domain_tidy(s, d);
	}
}

void pv_st_charges_keep(struct pv_store *s)
{
	charges_end(s, true);
}

void pv_st_charges_drop(struct pv_store *s)
{
	charges_end(s, false);
}

int pv_st_memory_check(const struct pv_store_conn *c, uint64_t n)
{
	uint32_t limit = c->store->quota.memory;

	if (c->privileged || !limit)
		return 0;
	return c->domain->bytes + n > limit ? -PV_ENOMEM : 0;
}

static uint64_t conflict_cost(const struct pv_store *s)
{
	return UINT64_C(1000000000) / s->quota.conflict_per_s;
}

static bool conflicts_limited(const struct pv_store *s)
{
	return s->cfg.now && s->quota.conflict_burst && s->quota.conflict_per_s;
}

static void conflict_refill(struct pv_store *s, struct pv_st_domain *d)
{
	uint64_t now = s->cfg.now(s->cfg.ctx), max = conflict_cost(s) * s->quota.conflict_burst;
	uint64_t passed = now > d->credit_at ? now - d->credit_at : 0;

	d->credit_ns =
		d->credit_ns >= max || passed >= max - d->credit_ns ? max : d->credit_ns + passed;
	d->credit_at = now;
}

void pv_st_conflict(struct pv_store *s, struct pv_st_domain *victim, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	/* A domain that only spoils its own transactions harms nobody; domain 0 is trusted. */
	if (!d || d == victim || !domid || !conflicts_limited(s))
		return;
	conflict_refill(s, d);
	if (d->credit_ns >= conflict_cost(s))
		d->credit_ns -= conflict_cost(s);
	d->paying = d->credit_ns < conflict_cost(s);
}

bool pv_st_paying(struct pv_store *s, struct pv_st_domain *d)
{
	if (d->paying) {
		conflict_refill(s, d);
		d->paying = d->credit_ns < conflict_cost(s);
	}
	return d->paying;
}

uint64_t pv_store_deadline(const struct pv_store *s)
{
	uint64_t first = 0;

	for (unsigned i = 0; i < PV_ST_DOMAIN_BUCKETS; i++)
		for (const struct pv_st_domain *d = s->domains[i]; d; d = d->next) {
			uint64_t at = d->credit_at + conflict_cost(s) - d->credit_ns;

			if (d->paying && (!first || at < first))
				first = at;
		}
	return first;
}

void pv_store_tick(struct pv_store *s)
{
	pv_st_enter(s);
	for (struct pv_store_conn *c = s->conns; c; c = c->next)
		if (c->domain->paying && !pv_st_paying(s, c->domain))
			for (struct pv_store_conn *o = s->conns; o; o = o->next)
				if (o->domain == c->domain)
					pv_st_wake(o);
	pv_st_leave(s);
}

struct pv_st_special *pv_st_special(struct pv_store *s, const char *path, size_t len)
{
	for (unsigned i = 0; i < PV_ST_SPECIALS; i++)
		if (s->special[i].len == len && !memcmp(s->special[i].name, path, len))
			return &s->special[i];
	return NULL;
}

int pv_store_domain_introduce(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain_get(s, domid);

	if (!d)
		return -PV_ENOMEM;
	if (d->introduced)
		return 0;
	pv_st_enter(s);
	d->introduced = true;
	pv_st_fire_special(s, 0, domid);
	pv_st_leave(s);
	return 0;
}

bool pv_store_domain_introduced(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	return d && d->introduced;
}

int pv_store_domain_shutdown(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	if (!d || !d->introduced)
		return -PV_ENOENT;
	if (d->shutdown)
		return 0;
	pv_st_enter(s);
	d->shutdown = true;
	pv_st_fire_special(s, 1, domid);
	pv_st_leave(s);
	return 0;
}

int pv_store_domain_resume(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	if (!d || !d->introduced)
		return -PV_ENOENT;
	d->shutdown = false;
	return 0;
}

int pv_store_domain_set_target(struct pv_store *s, uint16_t domid, uint16_t target)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	if (!d || !d->introduced || !pv_store_domain_introduced(s, target))
		return -PV_ENOENT;
	d->target = target;
	d->has_target = true;
	return 0;
}

static unsigned perms_without(struct pv_xs_perm *perm, unsigned perms, uint16_t domid)
{
	unsigned kept = 1;

	for (unsigned i = 1; i < perms; i++)
		if (perm[i].domid != domid)
			perm[kept++] = perm[i];
	return kept;
}

/* No transaction has a snapshot now, so each node has one reference and can be changed in place. */
static void purge(struct pv_store *s, uint16_t domid)
{
	struct pv_st_node *n = pv_st_walk(s, s->root, "/", 1);
	size_t len = 1;

	for (; n; n = pv_st_walk_next(s, &len)) {
		n->perms = (uint16_t)perms_without(n->perm, n->perms, domid);
		for (uint32_t i = 0; i < n->children;) {
			struct pv_st_node *child = n->child[i];
			size_t here = s->walk[s->walk_depth - 1].len;

			if (pv_st_node_owner(child) != domid) {
				i++;
				continue;
			}
			if (here + 1 + child->name_len < PV_ST_PATH_MAX) {
				memcpy(s->path, s->walk_path, here);
				s->path[here] = '/';
				memcpy(s->path + here + 1, pv_st_node_name(child),
				       child->name_len + 1u);
				pv_st_fire(s, s->path, here + 1 + child->name_len,
					   here + 1 + child->name_len, child, n, true);
			}
			n->children--;
			n->names -= child->name_len + 1u;
			memmove(n->child + i, n->child + i + 1,
				(n->children - i) * sizeof(n->child[0]));
			n->child_gen = ++s->gen;
			pv_st_node_put(s, child, true);
		}
	}
	for (unsigned i = 0; i < PV_ST_SPECIALS; i++) {
		struct pv_st_special *sp = &s->special[i];

		sp->perms = (uint16_t)perms_without(sp->perm, sp->perms, domid);
		if (sp->perm[0].domid == domid)
			sp->perm[0] = (struct pv_xs_perm){0};
	}
	pv_st_charges_keep(s);
}

int pv_store_domain_release(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain(s, domid);

	if (!domid)
		return -PV_EINVAL;
	if (!d || !d->introduced)
		return -PV_ENOENT;
	pv_st_enter(s);
	for (struct pv_store_conn *c = s->conns; c; c = c->next)
		if (c->domain == d && !c->dead) {
			if (c->gone)
				c->gone(c->ctx, c);
			pv_store_conn_del(c);
		}
	/* What an open transaction wrote may name the domain, too. */
	pv_st_tx_doom_all(s);
	d->introduced = d->shutdown = d->has_target = d->paying = false;
	for (unsigned i = 0; i < PV_ST_DOMAIN_BUCKETS; i++)
		for (struct pv_st_domain *o = s->domains[i]; o; o = o->next)
			if (o->has_target && o->target == domid)
				o->has_target = false;
	pv_st_charge(s, domid, 0, 0); /* so that the account is looked at in the end */
	purge(s, domid);
	pv_st_fire_special(s, 1, domid);
	pv_st_leave(s);
	return 0;
}
