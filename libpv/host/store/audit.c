/*
 * audit: count everything again and compare with the books.
 *
 * The scratch charges of the domains, which are zero between calls, hold the recount. Reads only
 * the store's own memory.
 */
#include "impl.h"

static bool node_sound(const struct pv_st_node *n)
{
	uint32_t names = 0;

	for (uint32_t i = 0; i < n->children; i++) {
		const struct pv_st_node *a = n->child[i], *b = i ? n->child[i - 1] : NULL;
		size_t least;
		int cmp;

		names += a->name_len + 1u;
		if (!a->refs)
			return false;
		if (!b)
			continue;
		least = a->name_len < b->name_len ? a->name_len : b->name_len;
		cmp = memcmp(pv_st_node_name(b), pv_st_node_name(a), least);
		if (cmp > 0 || (!cmp && b->name_len >= a->name_len))
			return false;
	}
	return names == n->names && n->children <= n->room && n->perms && n->perms <= n->perm_room;
}

static bool live_sound(struct pv_store *s)
{
	struct pv_st_node *n = pv_st_walk(s, s->root, "/", 1);
	size_t len;

	for (; n; n = pv_st_walk_next(s, &len)) {
		if (n->tx || !node_sound(n) || !pv_st_domain(s, pv_st_node_owner(n)))
			return false;
		pv_st_charge(s, pv_st_node_owner(n), (int64_t)pv_st_node_bytes(n), 1);
	}
	return true;
}

static bool tx_sound(struct pv_store *s, const struct pv_st_tx *tx, uint64_t *bytes)
{
	struct pv_st_node *n = tx->root ? pv_st_walk(s, tx->root, "/", 1) : NULL;
	uint64_t nodes = 0;
	size_t len;

	for (; n; n = pv_st_walk_next(s, &len)) {
		/* What the transaction wrote hangs only below what it wrote. */
		if (n->tx != tx) {
			pv_st_walk_skip(s);
			continue;
		}
		if (!node_sound(n))
			return false;
		nodes += pv_st_node_bytes(n);
	}
	*bytes += sizeof(*tx) + tx->room * sizeof(*tx->access);
	for (uint32_t i = 0; i < tx->accesses; i++)
		*bytes += tx->access[i].len + 1u;
	return nodes == tx->bytes;
}

struct recount {
	uint64_t all, tx_nodes;
	uint32_t snapshots;
};

static bool conn_sound(struct pv_store *s, const struct pv_store_conn *c, struct recount *r)
{
	uint64_t bytes = sizeof(*c), nodes = 0;
	uint32_t events = 0, missed = 0;

	for (const struct pv_st_watch *w = c->watches; w; w = w->next) {
		uint32_t pending = 0;

		for (const struct pv_st_event *e = c->events; e; e = e->next)
			pending += e->watch == w;
		if (pending != w->pending)
			return false;
		missed += w->missed;
		bytes += sizeof(*w) + w->len + w->token_len + 2u;
	}
	for (const struct pv_st_event *e = c->events; e; e = e->next, events++)
		bytes += sizeof(*e) + e->len;
	for (const struct pv_st_tx *tx = c->txs; tx; tx = tx->next) {
		if (!tx_sound(s, tx, &bytes))
			return false;
		nodes += tx->bytes;
		r->snapshots += tx->base != NULL;
	}
	r->all += bytes;
	r->tx_nodes += nodes;
	pv_st_charge(s, c->domain->domid, (int64_t)(bytes + nodes), 0);
	return events == c->n_events && missed == c->n_missed;
}

int pv_store_audit(struct pv_store *s)
{
	struct recount r = {.all = sizeof(*s)};
	bool sound = !s->touched && live_sound(s);
	uint32_t nodes = 0;

	for (struct pv_store_conn *c = s->conns; c && sound; c = c->next)
		sound = conn_sound(s, c, &r);
	for (unsigned i = 0; i < PV_ST_DOMAIN_BUCKETS; i++)
		for (struct pv_st_domain *d = s->domains[i]; d; d = d->next) {
			sound = sound && (int64_t)d->bytes == d->d_bytes && d->nodes == d->d_nodes;
			nodes += d->nodes;
			r.all += sizeof(*d);
		}
	for (unsigned i = 0; i < PV_ST_SPECIALS; i++)
		r.all += s->special[i].room * sizeof(struct pv_xs_perm);
	pv_st_charges_drop(s);
	sound = sound && nodes == s->nodes && r.tx_nodes == s->tx_bytes;
	sound = sound && r.all + s->node_bytes == s->bytes;
	/* Without snapshots nothing but the current tree is held. */
	if (!r.snapshots)
		sound = sound && s->node_bytes == s->live_bytes;
	return sound ? 0 : -PV_EIO;
}
