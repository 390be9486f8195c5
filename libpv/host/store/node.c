/*
 * node: the persistent tree.
 *
 * A node's value and permissions never change in place while somebody else refers to it; changing a
 * tree means owning the path from its root first. A failed allocation at any point leaves the tree
 * with the same meaning. Trusts its callers with checked canonical paths.
 */
#include "impl.h"

size_t pv_st_node_bytes(const struct pv_st_node *n)
{
	return sizeof(*n) + n->perm_room * sizeof(n->perm[0]) + n->name_len + 1u + n->value_len +
	       (size_t)n->room * sizeof(n->child[0]);
}

static size_t body_bytes(const struct pv_st_node *n)
{
	return pv_st_node_bytes(n) - (size_t)n->room * sizeof(n->child[0]);
}

static void count(struct pv_store *s, const struct pv_st_node *n, int64_t bytes)
{
	s->node_bytes += (uint64_t)bytes;
	if (n->tx) {
		n->tx->bytes += (uint64_t)bytes;
		n->tx->conn->domain->bytes += (uint64_t)bytes;
		s->tx_bytes += (uint64_t)bytes;
	}
}

struct pv_st_node *pv_st_node_new(struct pv_st_tree *t, const char *name, size_t name_len,
				  const struct pv_xs_perm *perm, unsigned perms, const void *value,
				  size_t len)
{
	struct pv_st_node *n;
	size_t bytes = sizeof(*n) + perms * sizeof(*perm) + name_len + 1 + len;

	n = pv_st_alloc(t->store, bytes);
	if (!n)
		return NULL;
	memset(n, 0, sizeof(*n));
	n->gen = n->child_gen = ++t->store->gen;
	n->tx = t->tx;
	n->refs = 1;
	n->perms = n->perm_room = (uint16_t)perms;
	n->name_len = (uint16_t)name_len;
	n->value_len = (uint16_t)len;
	n->writer = t->writer;
	memcpy(n->perm, perm, perms * sizeof(*perm));
	memcpy(pv_st_node_name(n), name, name_len);
	pv_st_node_name(n)[name_len] = 0;
	if (len)
		memcpy(pv_st_node_value(n), value, len);
	count(t->store, n, (int64_t)bytes);
	return n;
}

void pv_st_node_put(struct pv_store *s, struct pv_st_node *n, bool account)
{
	struct pv_st_node *dying = NULL;

	if (!n || --n->refs)
		return;
	n->dying = NULL;
	dying = n;
	while (dying) {
		n = dying;
		dying = n->dying;
		for (uint32_t i = 0; i < n->children; i++) {
			struct pv_st_node *child = n->child[i];

			if (--child->refs)
				continue;
			child->dying = dying;
			dying = child;
		}
		if (account)
			pv_st_charge(s, pv_st_node_owner(n), -(int64_t)pv_st_node_bytes(n), -1);
		count(s, n, -(int64_t)pv_st_node_bytes(n));
		pv_st_free(s, n->child, n->room * sizeof(n->child[0]));
		pv_st_free(s, n, body_bytes(n));
	}
}

/* Where the child is, or where it would have to be. */
static uint32_t child_index(const struct pv_st_node *n, const char *name, size_t len, bool *found)
{
	uint32_t lo = 0, hi = n->children;

	*found = false;
	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		const struct pv_st_node *c = n->child[mid];
		int cmp = memcmp(pv_st_node_name(c), name, c->name_len < len ? c->name_len : len);

		if (!cmp && c->name_len == len) {
			*found = true;
			return mid;
		}
		if (cmp < 0 || (!cmp && c->name_len < len))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Step to the component after position *pos of a canonical path. Its length; 0 at the end. */
static size_t component(const char *path, size_t len, size_t *pos)
{
	size_t start = *pos + 1, end = start;

	if (start >= len)
		return 0;
	while (end < len && path[end] != '/')
		end++;
	*pos = end;
	return end - start;
}

struct pv_st_node *pv_st_find_nearest(struct pv_st_node *root, const char *path, size_t len,
				      size_t *got)
{
	struct pv_st_node *n = root;
	size_t pos = 0, before = 0, name;
	bool found;

	while ((name = component(path, len, &pos))) {
		uint32_t i = child_index(n, path + before + 1, name, &found);

		if (!found)
			break;
		n = n->child[i];
		before = pos;
	}
	*got = before ? before : 1;
	return n;
}

struct pv_st_node *pv_st_find(struct pv_st_node *root, const char *path, size_t len)
{
	size_t got;
	struct pv_st_node *n = pv_st_find_nearest(root, path, len, &got);

	return got == len ? n : NULL;
}

/* Make the node in this slot the tree's own. */
static int own(struct pv_st_tree *t, struct pv_st_node **slot)
{
	struct pv_st_node *old = *slot, *n, **child = NULL;

	if (old->refs == 1)
		return 0;
	if (old->room) {
		child = pv_st_alloc(t->store, old->room * sizeof(*child));
		if (!child)
			return -PV_ENOMEM;
	}
	n = pv_st_alloc(t->store, body_bytes(old));
	if (!n) {
		pv_st_free(t->store, child, old->room * sizeof(*child));
		return -PV_ENOMEM;
	}
	memcpy(n, old, body_bytes(old));
	n->refs = 1;
	n->tx = t->tx;
	n->child = child;
	for (uint32_t i = 0; i < n->children; i++) {
		child[i] = old->child[i];
		child[i]->refs++;
	}
	count(t->store, n, (int64_t)pv_st_node_bytes(n));
	old->refs--;
	*slot = n;
	return 0;
}

/* The slot of an existing node, after everything on the way has been made this tree's own. NULL: no
 * memory. */
static struct pv_st_node **own_path(struct pv_st_tree *t, const char *path, size_t len)
{
	struct pv_st_node **slot = t->root;
	size_t pos = 0, before = 0, name;
	bool found;

	if (own(t, slot) < 0)
		return NULL;
	while ((name = component(path, len, &pos))) {
		uint32_t i = child_index(*slot, path + before + 1, name, &found);

		if (!found)
			return NULL;
		slot = &(*slot)->child[i];
		if (own(t, slot) < 0)
			return NULL;
		before = pos;
	}
	return slot;
}

/* Room for one more child in a node that the tree owns. */
static int grow(struct pv_st_tree *t, struct pv_st_node *n, bool live)
{
	uint32_t room = n->room ? n->room * 2 : 2;
	struct pv_st_node **child;
	int64_t more;

	if (n->children < n->room)
		return 0;
	child = pv_st_alloc(t->store, room * sizeof(*child));
	if (!child)
		return -PV_ENOMEM;
	if (n->children)
		memcpy(child, n->child, n->children * sizeof(*child));
	pv_st_free(t->store, n->child, n->room * sizeof(*child));
	more = (int64_t)((room - n->room) * sizeof(*child));
	n->child = child;
	n->room = room;
	count(t->store, n, more);
	if (live)
		pv_st_charge(t->store, pv_st_node_owner(n), more, 0);
	return 0;
}

static void attach(struct pv_st_node *parent, struct pv_st_node *n)
{
	bool found;
	uint32_t i = child_index(parent, pv_st_node_name(n), n->name_len, &found);

	memmove(parent->child + i + 1, parent->child + i,
		(parent->children - i) * sizeof(parent->child[0]));
	parent->child[i] = n;
	parent->children++;
	parent->names += n->name_len + 1u;
}

int pv_st_create(struct pv_st_tree *t, const char *path, size_t len, const struct pv_xs_perm *perm,
		 unsigned perms, const void *value, size_t value_len)
{
	struct pv_st_node *chain = NULL, *n, **slot;
	size_t got, end = len;

	pv_st_find_nearest(*t->root, path, len, &got);
	/* From the leaf upwards, so that nothing is reachable before everything exists (XSA-415).
	 */
	while (end > got) {
		size_t up = pv_xs_path_parent(path, end), name = up == 1 ? 1 : up + 1;

		n = pv_st_node_new(t, path + name, end - name, perm, perms,
				   end == len ? value : NULL, end == len ? value_len : 0);
		if (!n || (chain && grow(t, n, false) < 0)) {
			pv_st_node_put(t->store, n, false);
			pv_st_node_put(t->store, chain, false);
			return -PV_ENOMEM;
		}
		if (chain)
			attach(n, chain);
		chain = n;
		end = up;
	}
	slot = own_path(t, path, got);
	if (!slot || grow(t, *slot, !t->tx) < 0) {
		pv_st_node_put(t->store, chain, false);
		return -PV_ENOMEM;
	}
	attach(*slot, chain);
	(*slot)->child_gen = ++t->store->gen;
	(*slot)->writer = t->writer;
	for (n = chain; !t->tx; n = n->child[0]) {
		pv_st_charge(t->store, pv_st_node_owner(n), (int64_t)pv_st_node_bytes(n), 1);
		if (!n->children)
			break;
	}
	return 0;
}

int pv_st_replace(struct pv_st_tree *t, const char *path, size_t len, const struct pv_xs_perm *perm,
		  unsigned perms, const void *value, size_t value_len)
{
	struct pv_st_node **slot = own_path(t, path, len), *old, *n;

	if (!slot)
		return -PV_ENOMEM;
	old = *slot;
	n = pv_st_node_new(t, pv_st_node_name(old), old->name_len, perm, perms, value, value_len);
	if (!n)
		return -PV_ENOMEM;
	n->child_gen = old->child_gen;
	n->child = old->child;
	n->children = old->children;
	n->names = old->names;
	/* The array of children goes over, and with it what it costs. */
	count(t->store, old, -(int64_t)(old->room * sizeof(n->child[0])));
	if (!t->tx)
		pv_st_charge(t->store, pv_st_node_owner(old), -(int64_t)pv_st_node_bytes(old), -1);
	n->room = old->room;
	old->child = NULL;
	old->children = old->room = 0;
	count(t->store, n, (int64_t)(n->room * sizeof(n->child[0])));
	if (!t->tx)
		pv_st_charge(t->store, pv_st_node_owner(n), (int64_t)pv_st_node_bytes(n), 1);
	*slot = n;
	pv_st_node_put(t->store, old, false);
	return 0;
}

int pv_st_remove(struct pv_st_tree *t, const char *path, size_t len,
		 void (*fired)(struct pv_st_tree *t, const char *path, size_t len))
{
	size_t up = pv_xs_path_parent(path, len), name = up == 1 ? 1 : up + 1;
	struct pv_st_node **slot = own_path(t, path, up), *parent, *n;
	bool found;
	uint32_t i;

	if (!slot)
		return -PV_ENOMEM;
	parent = *slot;
	i = child_index(parent, path + name, len - name, &found);
	if (!found)
		return -PV_ENOENT;
	n = parent->child[i];
	if (fired)
		fired(t, path, len);
	if (!t->tx)
		for (struct pv_st_node *w = pv_st_walk(t->store, n, path, len); w;
		     w = pv_st_walk_next(t->store, &up))
			pv_st_charge(t->store, pv_st_node_owner(w), -(int64_t)pv_st_node_bytes(w),
				     -1);
	parent->children--;
	parent->names -= n->name_len + 1u;
	memmove(parent->child + i, parent->child + i + 1,
		(parent->children - i) * sizeof(parent->child[0]));
	parent->child_gen = ++t->store->gen;
	parent->writer = t->writer;
	pv_st_node_put(t->store, n, false);
	return 0;
}

struct pv_st_node *pv_st_walk(struct pv_store *s, struct pv_st_node *root, const char *path,
			      size_t len)
{
	/* The root's path is empty here: each child adds a '/' and its name. */
	len = len == 1 ? 0 : len;
	memcpy(s->walk_path, path, len);
	s->walk_path[len] = 0;
	s->walk_depth = 1;
	s->walk[0] = (struct pv_st_step){root, 0, (uint32_t)len};
	return root;
}

struct pv_st_node *pv_st_walk_next(struct pv_store *s, size_t *path_len)
{
	while (s->walk_depth) {
		struct pv_st_step *step = &s->walk[s->walk_depth - 1];
		struct pv_st_node *n;

		if (step->child >= step->node->children || s->walk_depth > PV_ST_DEPTH_MAX ||
		    step->len + 1u + step->node->child[step->child]->name_len >= PV_ST_PATH_MAX) {
			s->walk_depth--;
			continue;
		}
		n = step->node->child[step->child++];
		*path_len = step->len + 1u + n->name_len;
		s->walk_path[step->len] = '/';
		memcpy(s->walk_path + step->len + 1, pv_st_node_name(n), n->name_len + 1u);
		s->walk[s->walk_depth++] = (struct pv_st_step){n, 0, (uint32_t)*path_len};
		return n;
	}
	return NULL;
}

void pv_st_walk_skip(struct pv_store *s)
{
	s->walk_depth--;
}
