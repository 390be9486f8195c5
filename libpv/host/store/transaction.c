/*
 * transaction: snapshots, the record of what each one depends on, and commit.
 *
 * A transaction works on a tree of its own that shares what it has not changed. At the end each
 * recorded path is compared between the snapshot and the current tree, node by node; if all agree,
 * its changes are built into a candidate of the current tree, which becomes current as a whole or
 * not at all.
 */
#include "impl.h"

int pv_st_tx_find(struct pv_store_conn *c, uint32_t id, struct pv_st_tx **tx)
{
	*tx = NULL;
	if (!id)
		return 0;
	for (*tx = c->txs; *tx && (*tx)->id != id; *tx = (*tx)->next)
		;
	return *tx ? 0 : -PV_ENOENT;
}

int pv_st_tx_start(struct pv_store_conn *c, uint32_t *id)
{
	struct pv_store *s = c->store;
	struct pv_st_tx *tx, *same, **end;

	if (!c->privileged && s->quota.transactions &&
	    c->domain->transactions >= s->quota.transactions)
		return -PV_ENOSPC;
	if (pv_st_memory_check(c, sizeof(*tx)) < 0)
		return -PV_ENOMEM;
	tx = pv_st_alloc(s, sizeof(*tx));
	if (!tx)
		return -PV_ENOMEM;
	memset(tx, 0, sizeof(*tx));
	do {
		c->next_tx = c->next_tx % INT32_MAX + 1;
		pv_st_tx_find(c, c->next_tx, &same);
	} while (same);
	tx->conn = c;
	tx->id = c->next_tx;
	tx->serial = ++s->tx_serial;
	pv_st_tx_snapshot(tx);
	for (end = &c->txs; *end; end = &(*end)->next)
		;
	*end = tx;
	c->domain->transactions++;
	c->domain->bytes += sizeof(*tx);
	*id = tx->id;
	return 0;
}

void pv_st_tx_snapshot(struct pv_st_tx *tx)
{
	if (!tx->base) {
		tx->base = tx->root = tx->conn->store->root;
		tx->base->refs += 2;
	}
}

static void forget(struct pv_st_tx *tx)
{
	struct pv_store *s = tx->conn->store;

	for (uint32_t i = 0; i < tx->accesses; i++) {
		tx->conn->domain->bytes -= tx->access[i].len + 1u;
		pv_st_free(s, tx->access[i].path, tx->access[i].len + 1u);
	}
	tx->conn->domain->bytes -= tx->room * sizeof(*tx->access);
	pv_st_free(s, tx->access, tx->room * sizeof(*tx->access));
	tx->access = NULL;
	tx->accesses = tx->room = 0;
	pv_st_node_put(s, tx->root, false);
	pv_st_node_put(s, tx->base, false);
	tx->root = tx->base = NULL;
}

void pv_st_tx_free(struct pv_st_tx *tx)
{
	struct pv_store_conn *c = tx->conn;

	forget(tx);
	c->domain->transactions--;
	c->domain->bytes -= sizeof(*tx);
	pv_st_free(c->store, tx, sizeof(*tx));
}

void pv_st_tx_doom(struct pv_st_tx *tx)
{
	forget(tx);
	tx->doomed = true;
}

void pv_st_tx_doom_all(struct pv_store *s)
{
	for (struct pv_store_conn *c = s->conns; c; c = c->next)
		for (struct pv_st_tx *tx = c->txs; tx; tx = tx->next)
			pv_st_tx_doom(tx);
}

void pv_st_tx_bound(struct pv_store *s)
{
	while (s->quota.snapshots &&
	       s->node_bytes - s->live_bytes - s->tx_bytes > s->quota.snapshots) {
		struct pv_st_tx *oldest = NULL;

		for (struct pv_store_conn *c = s->conns; c; c = c->next)
			for (struct pv_st_tx *tx = c->txs; tx; tx = tx->next)
				if (tx->base && tx->base != s->root &&
				    (!oldest || tx->serial < oldest->serial))
					oldest = tx;
		if (!oldest)
			return;
		pv_st_tx_doom(oldest);
	}
}

/* Where the record of a path is, or would have to be: strings in order, so a parent comes first. */
static uint32_t access_index(const struct pv_st_tx *tx, const char *path, size_t len, bool *found)
{
	uint32_t lo = 0, hi = tx->accesses;

	*found = false;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct pv_st_access *a = &tx->access[mid];
		int cmp = memcmp(a->path, path, a->len < len ? a->len : len);

		if (!cmp && a->len == len) {
			*found = true;
			return mid;
		}
		if (cmp < 0 || (!cmp && a->len < len))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

int pv_st_tx_access(struct pv_st_tx *tx, const char *path, size_t len, unsigned flags)
{
	struct pv_store_conn *c = tx->conn;
	struct pv_store *s = c->store;
	struct pv_st_access *grown;
	bool found;
	uint32_t i = access_index(tx, path, len, &found), room = tx->room ? tx->room * 2 : 4;
	char *copy;

	if (found) {
		tx->access[i].flags |= (uint8_t)flags;
		return 0;
	}
	if (!c->privileged && s->quota.transaction_nodes &&
	    tx->accesses >= s->quota.transaction_nodes)
		return -PV_ENOSPC;
	if (pv_st_memory_check(
		    c, len + 1 + (tx->accesses == tx->room ? room * sizeof(*grown) : 0)) < 0)
		return -PV_ENOMEM;
	copy = pv_st_alloc(s, len + 1);
	if (!copy)
		return -PV_ENOMEM;
	if (tx->accesses == tx->room) {
		grown = pv_st_alloc(s, room * sizeof(*grown));
		if (!grown) {
			pv_st_free(s, copy, len + 1);
			return -PV_ENOMEM;
		}
		if (tx->accesses)
			memcpy(grown, tx->access, tx->accesses * sizeof(*grown));
		pv_st_free(s, tx->access, tx->room * sizeof(*grown));
		c->domain->bytes += (room - tx->room) * sizeof(*grown);
		tx->access = grown;
		tx->room = room;
	}
	memcpy(copy, path, len);
	copy[len] = 0;
	memmove(tx->access + i + 1, tx->access + i, (tx->accesses - i) * sizeof(*tx->access));
	tx->access[i] = (struct pv_st_access){copy, (uint16_t)len, (uint8_t)flags};
	tx->accesses++;
	c->domain->bytes += len + 1;
	return 0;
}

static bool spoiled(const struct pv_st_access *a, const struct pv_st_node *then,
		    const struct pv_st_node *now)
{
	if (then == now)
		return false;
	if (!then || !now)
		return true;
	return ((a->flags & PV_ST_CONTENT) && then->gen != now->gen) ||
	       ((a->flags & PV_ST_CHILDREN) && then->child_gen != now->child_gen);
}

const struct pv_st_access *pv_st_tx_spoiled(const struct pv_st_tx *tx)
{
	struct pv_store *s = tx->conn->store;

	for (uint32_t i = 0; i < tx->accesses; i++) {
		const struct pv_st_access *a = &tx->access[i];

		if (spoiled(a, pv_st_find(tx->base, a->path, a->len),
			    pv_st_find(s->root, a->path, a->len)))
			return a;
	}
	return NULL;
}

/* Bring one record's final state into the candidate. */
static int apply(struct pv_st_tree *t, const struct pv_st_tx *tx, const struct pv_st_access *a)
{
	struct pv_st_node *want = pv_st_find(tx->root, a->path, a->len);
	struct pv_st_node *have = pv_st_find(*t->root, a->path, a->len);
	struct pv_st_node *base = pv_st_find(tx->base, a->path, a->len), *up;
	size_t parent = pv_xs_path_parent(a->path, a->len);

	if (!want || (have && base && want->gen == base->gen))
		return 0;
	/* The account of a node's owner has to exist before it is charged. */
	if (!pv_st_domain_get(t->store, pv_st_node_owner(want)))
		return -PV_ENOMEM;
	if (have)
		return pv_st_replace(t, a->path, a->len, want->perm, want->perms,
				     pv_st_node_value(want), want->value_len);
	up = pv_st_find(*t->root, a->path, parent);
	if (!up)
		return -PV_EAGAIN;
	if (pv_st_node_too_big(tx->conn, up->perms, up->names + a->len - parent, up->value_len))
		return -PV_ENOSPC;
	return pv_st_create(t, a->path, a->len, want->perm, want->perms, pv_st_node_value(want),
			    want->value_len);
}

static int build(struct pv_st_tree *t, const struct pv_st_tx *tx)
{
	int rc = 0;

	for (uint32_t i = 0; i < tx->accesses && !rc; i++) {
		const struct pv_st_access *a = &tx->access[i];

		if ((a->flags & PV_ST_REMOVED) && pv_st_find(*t->root, a->path, a->len))
			rc = pv_st_remove(t, a->path, a->len, NULL);
	}
	for (uint32_t i = 0; i < tx->accesses && !rc; i++)
		if (tx->access[i].flags & PV_ST_WRITTEN)
			rc = apply(t, tx, &tx->access[i]);
	if (!rc && !tx->conn->privileged)
		rc = pv_st_charges_check(t->store);
	return rc;
}

/* Each change once: a removed tree at its top, a node that is new or different at its path. */
static void fire(struct pv_store *s, const struct pv_st_tx *tx, struct pv_st_node *before)
{
	const struct pv_st_access *top = NULL;

	for (uint32_t i = 0; i < tx->accesses; i++) {
		const struct pv_st_access *a = &tx->access[i];
		struct pv_st_node *was = pv_st_find(before, a->path, a->len);
		struct pv_st_node *is = pv_st_find(s->root, a->path, a->len);

		if (!(a->flags & PV_ST_WRITTEN))
			continue;
		if (is && (!was || is->gen != was->gen)) {
			pv_st_fire(s, a->path, a->len, a->len, is, NULL, false);
		} else if (was && !is) {
			if (top && pv_xs_path_within(a->path, a->len, top->path, top->len))
				continue;
			top = a;
			pv_st_fire(s, a->path, a->len, a->len, was,
				   pv_st_find(before, a->path, pv_xs_path_parent(a->path, a->len)),
				   true);
		}
	}
}

static void blame(struct pv_store *s, const struct pv_st_tx *tx, const struct pv_st_access *a)
{
	size_t got;

	pv_st_conflict(s, tx->conn->domain,
		       pv_st_find_nearest(s->root, a->path, a->len, &got)->writer);
}

static int commit(struct pv_store_conn *c, struct pv_st_tx *tx)
{
	struct pv_store *s = c->store;
	struct pv_st_node *candidate = s->root, *before = s->root;
	struct pv_st_tree t = {s, &candidate, NULL, c->domain->domid};
	const struct pv_st_access *a;
	int rc;

	if (tx->doomed)
		return -PV_EAGAIN;
	a = pv_st_tx_spoiled(tx);
	if (a) {
		blame(s, tx, a);
		return -PV_EAGAIN;
	}
	before->refs++;
	rc = build(&t, tx);
	if (rc < 0) {
		pv_st_node_put(s, candidate, false);
		pv_st_charges_drop(s);
		return rc;
	}
	s->root = candidate;
	pv_st_charges_keep(s);
	fire(s, tx, before);
	pv_st_node_put(s, before, false);
	return 0;
}

int pv_st_tx_end(struct pv_store_conn *c, uint32_t id, bool keep)
{
	struct pv_st_tx *tx, **p;
	int rc = pv_st_tx_find(c, id, &tx);

	if (rc < 0 || !tx)
		return -PV_ENOENT;
	rc = keep ? commit(c, tx) : 0;
	for (p = &c->txs; *p != tx; p = &(*p)->next)
		;
	*p = tx->next;
	pv_st_tx_free(tx);
	pv_st_tx_bound(c->store);
	return rc;
}
