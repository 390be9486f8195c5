/*
 * access: who may do what, and the operations on nodes with all their checks.
 *
 * Wire requests and direct calls meet here. Paths are in s->path, canonical. An operation either
 * happens completely, its events queued, or fails and changes nothing.
 */
#include "impl.h"

static bool speaks_for(const struct pv_store_conn *c, uint16_t domid)
{
	return c->domain->domid == domid || (c->domain->has_target && c->domain->target == domid);
}

#define PERM_ALL   (PV_XS_PERM_READ | PV_XS_PERM_WRITE)
#define PERM_OWNER 4

unsigned pv_st_allowed(const struct pv_store_conn *c, const struct pv_xs_perm *perm, unsigned perms)
{
	if (c->privileged || speaks_for(c, perm[0].domid))
		return PERM_ALL | PERM_OWNER;
	for (unsigned i = 1; i < perms; i++)
		if (speaks_for(c, perm[i].domid))
			return perm[i].mode;
	return perm[0].mode;
}

int pv_st_resolve(struct pv_store_conn *c, const char *path, size_t len)
{
	struct pv_store *s = c->store;
	int n = pv_xs_path_resolve(s->path, sizeof(s->path), c->domain->domid, path, len);

	if (n < 0)
		return n;
	if (!c->privileged && s->quota.path_max && (uint32_t)n >= s->quota.path_max)
		return -PV_EINVAL;
	return n;
}

/*
 * Find the node if the connection may do `want` with it. A client that could not have seen whether
 * the node exists is told EACCES, not ENOENT: the nearest existing ancestor decides.
 */
int pv_st_op_get(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len, unsigned flags,
		 unsigned want, struct pv_st_node **node)
{
	struct pv_store *s = c->store;
	struct pv_st_node *n;
	size_t got;
	int rc;

	if (s->path[0] == '@')
		return -PV_EINVAL;
	if (tx) {
		pv_st_tx_snapshot(tx);
		rc = pv_st_tx_access(tx, s->path, len, flags);
		if (rc < 0)
			return rc;
	}
	n = pv_st_find_nearest(tx ? tx->root : s->root, s->path, len, &got);
	if (!(pv_st_allowed(c, n->perm, n->perms) & want))
		return -PV_EACCES;
	if (got != len)
		return -PV_ENOENT;
	*node = n;
	return 0;
}

static struct pv_st_tree tree_of(struct pv_store_conn *c, struct pv_st_tx *tx)
{
	return (struct pv_st_tree){c->store, tx ? &tx->root : &c->store->root, tx,
				   c->domain->domid};
}

/* As stock xenstored counts: its record of a node has 24 bytes of header and 8 for each permission.
 */
bool pv_st_node_too_big(const struct pv_store_conn *c, unsigned perms, size_t names, size_t value)
{
	uint32_t limit = c->store->quota.node_size;

	return !c->privileged && limit && 24 + 8 * (size_t)perms + names + value > limit;
}

/* Create s->path, which does not exist. */
static int create(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len, const void *value,
		  size_t n)
{
	struct pv_store *s = c->store;
	struct pv_st_tree t = tree_of(c, tx);
	struct pv_xs_perm perm[8], *perms = perm;
	struct pv_st_domain *owner;
	struct pv_st_node *near;
	size_t got, first, missing = 0;
	unsigned n_perms;
	int rc;

	near = pv_st_find_nearest(*t.root, s->path, len, &got);
	for (size_t i = got == 1 ? 0 : got; i < len; i++)
		missing += s->path[i] == '/';
	for (first = got + 1; first < len && s->path[first] != '/'; first++)
		;
	n_perms = near->perms;
	if (pv_st_node_too_big(c, n_perms, near->names + first - got + (got == 1),
			       near->value_len) ||
	    pv_st_node_too_big(c, n_perms, 0, n))
		return -PV_ENOSPC;
	/* The names of the parents that are created on the way are names of children as well. */
	if (missing > 1 && pv_st_node_too_big(c, n_perms, len - got, 0))
		return -PV_ENOSPC;
	rc = pv_st_memory_check(c, missing * (sizeof(*near) + n_perms * sizeof(perm[0]) +
					      3 * sizeof(near->child[0])) +
					   (len - got) + n);
	if (rc < 0)
		return rc;
	if (!c->privileged && s->quota.nodes && c->domain->nodes + missing > s->quota.nodes)
		return -PV_ENOSPC;
	if (tx) {
		/* Every node that comes into being, and the one whose list of children changes,
		 * belongs to the record. */
		rc = pv_st_tx_access(tx, s->path, got, PV_ST_CONTENT);
		for (size_t end = len; end > got && !rc; end = pv_xs_path_parent(s->path, end))
			rc = pv_st_tx_access(tx, s->path, end, PV_ST_EXISTS | PV_ST_WRITTEN);
		if (rc < 0)
			return rc;
		near = pv_st_find(tx->root, s->path, got);
	}
	if (n_perms > sizeof(perm) / sizeof(perm[0])) {
		perms = pv_st_alloc(s, n_perms * sizeof(perm[0]));
		if (!perms)
			return -PV_ENOMEM;
	}
	memcpy(perms, near->perm, n_perms * sizeof(perm[0]));
	if (!c->privileged)
		perms[0].domid = c->domain->domid;
	owner = pv_st_domain_get(s, perms[0].domid);
	rc = owner ? pv_st_create(&t, s->path, len, perms, n_perms, value, n) : -PV_ENOMEM;
	if (perms != perm)
		pv_st_free(s, perms, n_perms * sizeof(perm[0]));
	if (rc < 0) {
		if (owner)
			pv_st_domain_tidy(s, owner);
		return rc;
	}
	if (!tx) {
		pv_st_charges_keep(s);
		pv_st_fire(s, s->path, len, first, pv_st_find(s->root, s->path, len), NULL, false);
		pv_st_tx_bound(s);
	}
	return 0;
}

static int replace(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len,
		   const struct pv_xs_perm *perm, unsigned perms, const void *value, size_t n)
{
	struct pv_store *s = c->store;
	struct pv_st_tree t = tree_of(c, tx);
	struct pv_st_domain *owner;
	int rc;

	if (tx) {
		rc = pv_st_tx_access(tx, s->path, len, PV_ST_CONTENT | PV_ST_WRITTEN);
		if (rc < 0)
			return rc;
	}
	owner = pv_st_domain_get(s, perm[0].domid);
	rc = owner ? pv_st_replace(&t, s->path, len, perm, perms, value, n) : -PV_ENOMEM;
	if (owner && rc < 0)
		pv_st_domain_tidy(s, owner);
	if (rc < 0 || tx)
		return rc;
	pv_st_charges_keep(s);
	pv_st_fire(s, s->path, len, len, pv_st_find(s->root, s->path, len), NULL, false);
	pv_st_tx_bound(s);
	return 0;
}

int pv_st_op_write(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len, const void *value,
		   size_t n)
{
	struct pv_store *s = c->store;
	struct pv_xs_perm perm[8], *perms = perm;
	struct pv_st_node *node;
	unsigned n_perms;
	int rc;

	if (n > PV_ST_BODY_MAX)
		return -PV_EINVAL;
	rc = pv_st_op_get(c, tx, len, PV_ST_CONTENT, PV_XS_PERM_WRITE, &node);
	if (rc == -PV_ENOENT)
		return create(c, tx, len, value, n);
	if (rc < 0)
		return rc;
	n_perms = node->perms;
	if (pv_st_node_too_big(c, n_perms, node->names, n))
		return -PV_ENOSPC;
	rc = pv_st_memory_check(c, n > node->value_len || tx ? pv_st_node_bytes(node) + n : 0);
	if (rc < 0)
		return rc;
	/* A copy: the node goes while its successor is made. */
	if (n_perms > sizeof(perm) / sizeof(perm[0])) {
		perms = pv_st_alloc(s, n_perms * sizeof(perm[0]));
		if (!perms)
			return -PV_ENOMEM;
	}
	memcpy(perms, node->perm, n_perms * sizeof(perm[0]));
	rc = replace(c, tx, len, perms, n_perms, value, n);
	if (perms != perm)
		pv_st_free(s, perms, n_perms * sizeof(perm[0]));
	return rc;
}

int pv_st_op_mkdir(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len)
{
	struct pv_st_node *node;
	int rc = pv_st_op_get(c, tx, len, PV_ST_EXISTS, PV_XS_PERM_WRITE, &node);

	return rc == -PV_ENOENT ? create(c, tx, len, NULL, 0) : rc;
}

/* Nothing can fail any more: tell the watchers, or mark the record of the transaction. */
static void removing(struct pv_st_tree *t, const char *path, size_t len)
{
	struct pv_store *s = t->store;
	struct pv_st_node *n = pv_st_find(*t->root, path, len);
	size_t at = len;

	if (!t->tx) {
		pv_st_fire(s, path, len, len, n,
			   pv_st_find(*t->root, path, pv_xs_path_parent(path, len)), true);
		return;
	}
	for (n = pv_st_walk(s, n, path, len); n; n = pv_st_walk_next(s, &at))
		pv_st_tx_access(t->tx, s->walk_path, at, PV_ST_WRITTEN | PV_ST_REMOVED);
}

int pv_st_op_rm(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len)
{
	struct pv_store *s = c->store;
	struct pv_st_tree t = tree_of(c, tx);
	struct pv_st_node *node;
	size_t up = pv_xs_path_parent(s->path, len), at = len;
	int rc;

	if (len == 1)
		return -PV_EINVAL;
	rc = pv_st_op_get(c, tx, len, PV_ST_CONTENT, PV_XS_PERM_WRITE, &node);
	if (rc == -PV_ENOENT)
		return pv_st_find(*t.root, s->path, up) ? 0 : rc;
	if (rc < 0)
		return rc;
	if (tx) {
		/* What others add below meanwhile must not vanish unseen: each node that goes is on
		 * record. */
		for (struct pv_st_node *n = pv_st_walk(s, node, s->path, len); n && !rc;
		     n = pv_st_walk_next(s, &at))
			rc = pv_st_tx_access(tx, s->walk_path, at, PV_ST_CONTENT | PV_ST_CHILDREN);
		if (!rc)
			rc = pv_st_memory_check(c, (pv_xs_path_depth(s->path, len, 1) + 1) *
							   sizeof(struct pv_st_node));
		if (rc < 0)
			return rc;
	}
	rc = pv_st_remove(&t, s->path, len, removing);
	if (rc < 0)
		return rc;
	if (!tx) {
		pv_st_charges_keep(s);
		pv_st_tx_bound(s);
	}
	return 0;
}

static int set_special(struct pv_store_conn *c, struct pv_st_special *sp,
		       const struct pv_xs_perm *perm, unsigned perms)
{
	struct pv_xs_perm *copy;

	if (!c->privileged)
		return -PV_EACCES;
	copy = pv_st_alloc(c->store, perms * sizeof(*perm));
	if (!copy)
		return -PV_ENOMEM;
	memcpy(copy, perm, perms * sizeof(*perm));
	pv_st_free(c->store, sp->perm, sp->room * sizeof(*perm));
	sp->perm = copy;
	sp->perms = sp->room = (uint16_t)perms;
	return 0;
}

int pv_st_op_set_perms(struct pv_store_conn *c, struct pv_st_tx *tx, size_t len,
		       const struct pv_xs_perm *perm, unsigned perms)
{
	struct pv_store *s = c->store;
	char value[256], *copy = value;
	struct pv_st_node *node;
	size_t n;
	int rc;

	if (!perms || perms > PV_ST_BODY_MAX / 3)
		return -PV_EINVAL;
	if (s->path[0] == '@') {
		struct pv_st_special *sp = pv_st_special(s, s->path, len);

		return sp ? set_special(c, sp, perm, perms) : -PV_EINVAL;
	}
	rc = pv_st_op_get(c, tx, len, PV_ST_CONTENT, PERM_OWNER, &node);
	if (rc < 0)
		return rc;
	if (!c->privileged && perm[0].domid != pv_st_node_owner(node))
		return -PV_EPERM;
	if ((!c->privileged && s->quota.node_perms && perms > s->quota.node_perms) ||
	    pv_st_node_too_big(c, perms, node->names, node->value_len))
		return -PV_ENOSPC;
	n = node->value_len;
	rc = pv_st_memory_check(
		c, perms > node->perms || tx ? pv_st_node_bytes(node) + perms * sizeof(*perm) : 0);
	if (rc < 0)
		return rc;
	if (n > sizeof(value)) {
		copy = pv_st_alloc(s, n);
		if (!copy)
			return -PV_ENOMEM;
	}
	memcpy(copy, pv_st_node_value(node), n);
	rc = replace(c, tx, len, perm, perms, copy, n);
	if (copy != value)
		pv_st_free(s, copy, n);
	return rc;
}
