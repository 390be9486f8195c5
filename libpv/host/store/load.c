/*
 * load: read the store back from Xen's migration format.
 *
 * The stream may be damaged or forged: every length is checked against what is left of its record,
 * and every name and path is held to the rules of the wire. Two passes: what transactions saw can
 * only be compared when the whole tree is there.
 */
#include "impl.h"
#include "format.h"

struct in {
	struct pv_store *s;
	const char *p;
	size_t left;
};

/* A piece of the record: NULL if it is not that long. */
static const void *take(struct in *r, size_t n)
{
	const char *p = r->p;

	if (n > r->left)
		return NULL;
	r->p += n;
	r->left -= n;
	return p;
}

/* A fixed part, copied: records need not be aligned in memory. */
static int get(struct in *r, void *to, size_t n)
{
	const void *p = take(r, n);

	if (!p)
		return -PV_EBADMSG;
	memcpy(to, p, n);
	return 0;
}

/* A string whose length counts its NUL; *len does not. */
static const char *text(struct in *r, size_t n, size_t *len)
{
	const char *p = n ? take(r, n) : NULL;

	if (!p || p[n - 1])
		return NULL;
	*len = n - 1;
	for (size_t i = 0; i < *len; i++)
		if (!p[i])
			return NULL;
	return p;
}

static struct pv_store_conn *conn_by_id(struct pv_store *s, uint32_t id)
{
	struct pv_store_conn *c = s->conns;

	while (c && (c->id != id || c->type == PV_STORE_CONN_INTERNAL))
		c = c->next;
	return c;
}

/* Output that waits: the rest of a begun message, then whole ones. */
static int output(struct pv_store_conn *c, const char *p, size_t len, size_t tail)
{
	struct pv_xsd_sockmsg h;
	size_t n;

	if (tail > len || tail > sizeof(h) + PV_ST_BODY_MAX)
		return -PV_EBADMSG;
	if (tail && pv_st_event_raw(c, p, tail, true) < 0)
		return -PV_ENOMEM;
	for (p += tail, len -= tail; len; p += n, len -= n) {
		if (len < sizeof(h))
			return -PV_EBADMSG;
		memcpy(&h, p, sizeof(h));
		if (pv_xs_header_check(&h) < 0 || len - sizeof(h) < h.len)
			return -PV_EBADMSG;
		n = sizeof(h) + h.len;
		if (pv_st_event_raw(c, p, n, false) < 0)
			return -PV_ENOMEM;
	}
	return 0;
}

/* A request that has come in by half. */
static int input(struct pv_store_conn *c, const char *p, size_t len)
{
	if (len > sizeof(c->in_bytes))
		return -PV_EBADMSG;
	memcpy(c->in_bytes, p, len);
	/* A client that had broken the protocol stays as it was. */
	c->broken = len == sizeof(c->in) && pv_xs_header_check(&c->in) < 0;
	if (len >= sizeof(c->in) && !c->broken && len >= sizeof(c->in) + (uint64_t)c->in.len)
		return -PV_EBADMSG;
	c->in_got = (uint32_t)len;
	return 0;
}

static int introduce(struct pv_store *s, uint16_t domid)
{
	struct pv_st_domain *d = pv_st_domain_get(s, domid);

	if (!d)
		return -PV_ENOMEM;
	d->introduced = true;
	return 0;
}

static int connection(struct in *r)
{
	struct pv_store_conn_config cfg = {.size = sizeof(cfg), .fd = -1};
	struct pv_store_conn *c;
	struct fmt_connection f;
	const char *in, *out;
	int rc = get(r, &f, sizeof(f));

	if (rc < 0)
		return rc;
	in = take(r, f.in_len);
	out = take(r, f.out_len);
	if (!in || !out || !f.id || conn_by_id(r->s, f.id) || f.type > 1)
		return -PV_EBADMSG;
	cfg.type = f.type ? PV_STORE_CONN_SOCKET : PV_STORE_CONN_RING;
	if (f.type) {
		cfg.fd = (int32_t)f.socket.fd;
	} else {
		cfg.domid = f.ring.domid;
		cfg.evtchn = f.ring.evtchn;
	}
	cfg.privileged = !cfg.domid;
	rc = introduce(r->s, cfg.domid);
	if (!rc)
		rc = pv_store_conn_add(r->s, &cfg, &c);
	if (rc < 0)
		return rc;
	c->id = f.id;
	if (r->s->next_conn < f.id)
		r->s->next_conn = f.id;
	if (!f.type && f.ring.target != FMT_NO_TARGET) {
		c->domain->target = f.ring.target;
		c->domain->has_target = true;
	}
	rc = input(c, in, f.in_len);
	return rc < 0 ? rc : output(c, out, f.out_len, f.out_resp_len);
}

static int watch(struct in *r, bool extended)
{
	struct fmt_watch_extended f = {.depth = 0xffff};
	struct pv_store_conn *c;
	const char *path, *token;
	size_t len, token_len;

	if (get(r, &f, extended ? sizeof(f) : sizeof(struct fmt_watch)) < 0)
		return -PV_EBADMSG;
	c = conn_by_id(r->s, f.conn);
	path = text(r, f.path_len, &len);
	token = path ? text(r, f.token_len, &token_len) : NULL;
	if (!c || !token || token_len > PV_ST_BODY_MAX)
		return -PV_EBADMSG;
	return pv_st_watch_add(c, path, len, token, token_len,
			       f.depth == 0xffff ? PV_STORE_DEPTH_ALL : f.depth, NULL, NULL);
}

static int transaction(struct in *r)
{
	struct fmt_transaction f;
	struct pv_store_conn *c;
	struct pv_st_tx *tx;
	uint32_t next;
	int rc = get(r, &f, sizeof(f));

	if (rc < 0)
		return rc;
	c = conn_by_id(r->s, f.conn);
	if (!c || !f.id || f.id > INT32_MAX || pv_st_tx_find(c, f.id, &tx) != -PV_ENOENT)
		return -PV_EBADMSG;
	/* Ids go on from the highest there was. */
	next = c->next_tx;
	c->next_tx = f.id - 1;
	rc = pv_st_tx_start(c, &f.id);
	if (c->next_tx < next)
		c->next_tx = next;
	if (rc < 0 || pv_st_tx_find(c, f.id, &tx) < 0)
		return rc;
	/* Its snapshot has to wait until the tree is complete. */
	pv_st_tx_doom(tx);
	tx->doomed = false;
	return 0;
}

/* Permissions from the record into memory of ours (to be freed by the caller); those of the dead
 * are dropped. */
static int perms_get(struct in *r, unsigned n, struct pv_xs_perm **perm, unsigned *perms)
{
	struct fmt_perm f;
	char letter[2] = {0, '0'};

	*perms = 0;
	*perm = NULL;
	if (!n)
		return 0;
	if (n > r->left / sizeof(f) || n > PV_ST_BODY_MAX / 3)
		return -PV_EBADMSG;
	*perm = pv_st_alloc(r->s, n * sizeof(**perm));
	if (!*perm)
		return -PV_ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		struct pv_xs_perm *p = &(*perm)[*perms];

		get(r, &f, sizeof(f));
		letter[0] = f.letter;
		if (pv_xs_perm_parse(p, letter, 2) < 0)
			return -PV_EBADMSG;
		p->domid = f.domid;
		if (f.flags & 1) {
			/* Without its owner a node is nobody's but domain 0's. */
			*p = (struct pv_xs_perm){0};
			*perms += !i;
		} else {
			++*perms;
		}
	}
	return 0;
}

struct loaded {
	struct fmt_node f;
	const char *path, *value;
	size_t len;
	const struct pv_xs_perm *perm;
	unsigned perms;
};

static int put(struct pv_st_tree *t, const struct loaded *n)
{
	struct pv_st_node *have = pv_st_find(*t->root, n->path, n->len);

	if (!pv_st_domain_get(t->store, n->perm[0].domid))
		return -PV_ENOMEM;
	if (have)
		return pv_st_replace(t, n->path, n->len, n->perm, n->perms, n->value,
				     n->f.value_len);
	if (!pv_st_find(*t->root, n->path, pv_xs_path_parent(n->path, n->len)))
		return -PV_EBADMSG; /* parents come first */
	return pv_st_create(t, n->path, n->len, n->perm, n->perms, n->value, n->f.value_len);
}

static int committed(struct pv_store *s, const struct loaded *n)
{
	struct pv_st_tree t = {s, &s->root, NULL, 0};
	int rc;

	if (!n->perms)
		return -PV_EBADMSG;
	if (n->path[0] == '@') {
		memcpy(s->path, n->path, n->len + 1);
		rc = pv_st_op_set_perms(s->self, NULL, n->len, n->perm, n->perms);
		return rc == -PV_EINVAL ? 0 : rc; /* one that we do not have */
	}
	rc = put(&t, n);
	pv_st_charges_keep(s);
	return rc;
}

/* Is the node in the tree the one that the transaction read? */
static bool as_read(const struct pv_st_node *have, const struct loaded *n)
{
	if (!have || !n->perms)
		return !have && !n->perms;
	return have->perms == n->perms && have->value_len == n->f.value_len &&
	       !memcmp(have->perm, n->perm, n->perms * sizeof(*n->perm)) &&
	       !memcmp(pv_st_node_value(have), n->value, n->f.value_len);
}

static int accessed(struct pv_store *s, const struct loaded *n)
{
	struct pv_store_conn *c = conn_by_id(s, n->f.conn);
	struct pv_st_tree t = {s, NULL, NULL, 0};
	struct pv_st_node *have;
	struct pv_st_tx *tx;
	unsigned flags = PV_ST_EXISTS | PV_ST_CONTENT;
	int rc;

	if (!c || pv_st_tx_find(c, n->f.tx, &tx) < 0 || !tx || n->path[0] != '/')
		return -PV_EBADMSG;
	if (tx->doomed)
		return 0;
	pv_st_tx_snapshot(tx);
	if (n->f.access == FMT_READ && !as_read(pv_st_find(tx->base, n->path, n->len), n)) {
		pv_st_tx_doom(tx);
		return 0;
	}
	if (n->f.access != FMT_WRITTEN)
		flags |= PV_ST_CHILDREN;
	if (n->f.access != FMT_READ)
		flags |= PV_ST_WRITTEN;
	if (n->f.access == FMT_DELETED)
		flags |= PV_ST_REMOVED;
	rc = pv_st_tx_access(tx, n->path, n->len, flags);
	t.root = &tx->root;
	t.tx = tx;
	t.writer = c->domain->domid;
	have = pv_st_find(tx->root, n->path, n->len);
	if (rc < 0 || n->f.access == FMT_READ || (n->f.access == FMT_DELETED && !have))
		return rc;
	if (n->f.access == FMT_WRITTEN)
		return n->perms ? put(&t, n) : -PV_EBADMSG;
	if (n->len == 1)
		return -PV_EBADMSG;
	return pv_st_remove(&t, n->path, n->len, NULL);
}

static int node(struct in *r, bool second)
{
	struct pv_xs_perm *perm;
	struct loaded n;
	unsigned given;
	int rc = get(r, &n.f, sizeof(n.f));

	if (rc < 0)
		return rc;
	if ((n.f.conn != 0) != second)
		return 0;
	given = n.f.perms <= PV_ST_BODY_MAX / 3 ? n.f.perms : 0;
	rc = perms_get(r, n.f.perms, &perm, &n.perms);
	n.perm = perm;
	n.path = rc < 0 ? NULL : text(r, n.f.path_len, &n.len);
	n.value = n.path ? take(r, n.f.value_len) : NULL;
	if (!rc && (!n.value || n.f.value_len > PV_ST_BODY_MAX || n.f.access > FMT_WRITTEN ||
		    pv_xs_path_check(n.path, n.len) < PV_XS_PATH_ABSOLUTE))
		rc = -PV_EBADMSG;
	if (!rc)
		rc = second ? accessed(r->s, &n) : committed(r->s, &n);
	pv_st_free(r->s, perm, given * sizeof(*perm));
	return rc;
}

static int domain(struct in *r)
{
	struct fmt_domain f;
	int rc = get(r, &f, sizeof(f));

	return rc < 0 ? rc : introduce(r->s, f.domid);
}

static int record(struct in *r, uint32_t type, bool second)
{
	if (second)
		return type == FMT_NODE ? node(r, true) : 0;
	switch (type) {
	case FMT_CONNECTION: return connection(r);
	case FMT_WATCH: return watch(r, false);
	case FMT_WATCH_EXTENDED: return watch(r, true);
	case FMT_TRANSACTION: return transaction(r);
	case FMT_NODE: return node(r, false);
	case FMT_DOMAIN: return domain(r);
	case FMT_GLOBAL:
	case FMT_GLOBAL_QUOTA: return 0; /* descriptors and limits are this process's own */
	}
	return -PV_EBADMSG;
}

static int pass(struct pv_store *s, const char *bytes, size_t n, bool second)
{
	struct in all = {s, bytes, n};
	struct fmt_record f;
	int rc;

	while (!(rc = get(&all, &f, sizeof(f))) && f.type != FMT_END) {
		struct in body = {s, take(&all, f.len), f.len};

		if (!body.p || !take(&all, -f.len & 7))
			return -PV_EBADMSG;
		rc = record(&body, f.type, second);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* What a new store comes with is not what was saved. */
static int empty(struct pv_store *s)
{
	struct pv_st_tree t = {s, &s->root, NULL, 0};
	int rc = 0;

	while (!rc && s->root->children) {
		struct pv_st_node *n = s->root->child[0];

		s->path[0] = '/';
		memcpy(s->path + 1, pv_st_node_name(n), n->name_len + 1u);
		rc = pv_st_remove(&t, s->path, n->name_len + 1u, NULL);
	}
	pv_st_charges_keep(s);
	return rc;
}

int pv_store_load(struct pv_store *s, const void *bytes, size_t n)
{
	const uint8_t *h = bytes;
	uint64_t ident = 0;
	uint32_t version, flags;
	int rc;

	if (n < 16)
		return -PV_EBADMSG;
	for (unsigned i = 0; i < 8; i++)
		ident = ident << 8 | h[i];
	version = (uint32_t)h[8] << 24 | (uint32_t)h[9] << 16 | (uint32_t)h[10] << 8 | h[11];
	flags = (uint32_t)h[12] << 24 | (uint32_t)h[13] << 16 | (uint32_t)h[14] << 8 | h[15];
	if (ident != FMT_IDENT || version < 1 || version > 2 || (flags & FMT_BIG_ENDIAN))
		return -PV_EBADMSG;
	pv_st_enter(s);
	rc = empty(s);
	if (!rc)
		rc = pass(s, (const char *)bytes + 16, n - 16, false);
	if (!rc)
		rc = pass(s, (const char *)bytes + 16, n - 16, true);
	pv_st_leave(s);
	return rc;
}
