/*
 * api: the direct calls of toolstack and backends.
 *
 * The same operations as on the wire, with the rights and limits of the connection. Trusts the
 * caller's pointers.
 */
#include "impl.h"

static size_t text_len(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

/* Find the transaction, resolve the path: its length. */
static int begin(struct pv_store_conn *c, uint32_t id, const char *path, struct pv_st_tx **tx)
{
	int rc = pv_st_tx_find(c, id, tx);

	return rc < 0 ? rc : pv_st_resolve(c, path, text_len(path));
}

static int get(struct pv_store_conn *c, uint32_t id, const char *path, unsigned flags,
	       struct pv_st_node **n)
{
	struct pv_st_tx *tx;
	int rc = begin(c, id, path, &tx);

	return rc < 0 ? rc : pv_st_op_get(c, tx, (size_t)rc, flags, PV_XS_PERM_READ, n);
}

int pv_store_read(struct pv_store_conn *c, uint32_t id, const char *path, void *buf, size_t size)
{
	struct pv_st_node *n;
	int rc = get(c, id, path, PV_ST_CONTENT, &n);

	if (rc < 0)
		return rc;
	if (size)
		memcpy(buf, pv_st_node_value(n), size < n->value_len ? size : n->value_len);
	return n->value_len;
}

int pv_store_read_string(struct pv_store_conn *c, uint32_t id, const char *path, char *buf,
			 size_t size)
{
	int rc = pv_store_read(c, id, path, buf, size);

	if (rc < 0)
		return rc;
	if ((size_t)rc >= size)
		return -PV_E2BIG;
	buf[rc] = 0;
	return rc;
}

int pv_store_read_number(struct pv_store_conn *c, uint32_t id, const char *path, uint64_t *value)
{
	char text[PV_XS_NUMBER_TEXT];
	int rc = pv_store_read_string(c, id, path, text, sizeof(text));

	if (rc < 0)
		return rc == -PV_E2BIG ? -PV_EINVAL : rc;
	return pv_xs_number_parse(value, text, (size_t)rc, UINT64_MAX);
}

int pv_store_write(struct pv_store_conn *c, uint32_t id, const char *path, const void *value,
		   size_t len)
{
	struct pv_st_tx *tx;
	int rc;

	pv_st_enter(c->store);
	rc = begin(c, id, path, &tx);
	if (rc >= 0)
		rc = pv_st_op_write(c, tx, (size_t)rc, value, len);
	pv_st_leave(c->store);
	return rc;
}

int pv_store_write_string(struct pv_store_conn *c, uint32_t id, const char *path, const char *value)
{
	return pv_store_write(c, id, path, value, text_len(value));
}

int pv_store_write_number(struct pv_store_conn *c, uint32_t id, const char *path, uint64_t value)
{
	char text[PV_XS_NUMBER_TEXT];

	return pv_store_write(c, id, path, text, pv_xs_number_format(text, value));
}

int pv_store_mkdir(struct pv_store_conn *c, uint32_t id, const char *path)
{
	struct pv_st_tx *tx;
	int rc;

	pv_st_enter(c->store);
	rc = begin(c, id, path, &tx);
	if (rc >= 0)
		rc = pv_st_op_mkdir(c, tx, (size_t)rc);
	pv_st_leave(c->store);
	return rc;
}

int pv_store_rm(struct pv_store_conn *c, uint32_t id, const char *path)
{
	struct pv_st_tx *tx;
	int rc;

	pv_st_enter(c->store);
	rc = begin(c, id, path, &tx);
	if (rc >= 0)
		rc = pv_st_op_rm(c, tx, (size_t)rc);
	pv_st_leave(c->store);
	return rc;
}

int pv_store_child(struct pv_store_conn *c, uint32_t id, const char *path, unsigned index,
		   char *name, size_t size)
{
	struct pv_st_node *n;
	int rc = get(c, id, path, PV_ST_CHILDREN, &n);

	if (rc < 0)
		return rc;
	if (index >= n->children)
		return -PV_ENOENT;
	n = n->child[index];
	if (n->name_len >= size)
		return -PV_E2BIG;
	memcpy(name, pv_st_node_name(n), n->name_len + 1u);
	return n->name_len;
}

int pv_store_get_perms(struct pv_store_conn *c, uint32_t id, const char *path,
		       struct pv_xs_perm *perms, unsigned max)
{
	struct pv_st_node *n;
	int rc = get(c, id, path, PV_ST_CONTENT, &n);

	if (rc < 0)
		return rc;
	memcpy(perms, n->perm, (max < n->perms ? max : n->perms) * sizeof(*perms));
	return n->perms;
}

int pv_store_set_perms(struct pv_store_conn *c, uint32_t id, const char *path,
		       const struct pv_xs_perm *perms, unsigned n)
{
	struct pv_st_tx *tx;
	int rc;

	pv_st_enter(c->store);
	rc = begin(c, id, path, &tx);
	if (rc >= 0)
		rc = pv_st_op_set_perms(c, tx, (size_t)rc, perms, n);
	pv_st_leave(c->store);
	return rc;
}

int pv_store_transaction_start(struct pv_store_conn *c)
{
	uint32_t id;
	int rc = pv_st_tx_start(c, &id);

	return rc < 0 ? rc : (int)id;
}

int pv_store_transaction_end(struct pv_store_conn *c, uint32_t id, bool commit)
{
	int rc;

	pv_st_enter(c->store);
	rc = pv_st_tx_end(c, id, commit);
	pv_st_leave(c->store);
	return rc;
}

int pv_store_watch(struct pv_store_conn *c, const char *path, int depth,
		   void (*fn)(void *arg, const char *path), void *arg)
{
	int rc;

	if (c->type != PV_STORE_CONN_INTERNAL || !fn)
		return -PV_EINVAL;
	pv_st_enter(c->store);
	rc = pv_st_watch_set(c, path, text_len(path), "", 0, depth, fn, arg);
	pv_st_leave(c->store);
	return rc;
}

int pv_store_unwatch(struct pv_store_conn *c, const char *path,
		     void (*fn)(void *arg, const char *path), void *arg)
{
	int rc;

	pv_st_enter(c->store);
	rc = pv_st_watch_del(c, path, text_len(path), "", 0, fn, arg);
	pv_st_leave(c->store);
	return rc;
}
