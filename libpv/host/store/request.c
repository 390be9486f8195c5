/*
 * request: one wire message in, one wire message out; and all requests that are not about a node.
 *
 * The body is a hostile client's: strings are looked for within its length, numbers and paths are
 * checked by the codec. A reply is built in the connection's own buffer, so answering cannot fail.
 */
#include "request.h"

int pv_st_arg_path(struct pv_st_request *r)
{
	size_t pos = 0, len;

	if (!pv_xs_string_next(r->body, r->len, &pos, &len) || pos != r->len)
		return -PV_EINVAL;
	return pv_st_resolve(r->c, r->body, len);
}

int pv_st_arg_number(struct pv_st_request *r, size_t *pos, uint64_t *v, uint64_t max)
{
	size_t len;
	const char *p = pv_xs_string_next(r->body, r->len, pos, &len);

	return p ? pv_xs_number_parse(v, p, len, max) : -PV_EINVAL;
}

static int only_domid(struct pv_st_request *r, uint16_t *domid)
{
	uint64_t v;
	size_t pos = 0;

	if (pv_st_arg_number(r, &pos, &v, UINT16_MAX) < 0 || pos != r->len)
		return -PV_EINVAL;
	*domid = (uint16_t)v;
	return 0;
}

/* path, token and, for a watch, an optional depth. */
static int watch_args(struct pv_st_request *r, const char **path, size_t *len, const char **token,
		      size_t *token_len, uint64_t *depth)
{
	size_t pos = 0;

	*path = pv_xs_string_next(r->body, r->len, &pos, len);
	*token = *path ? pv_xs_string_next(r->body, r->len, &pos, token_len) : NULL;
	if (!*token)
		return -PV_EINVAL;
	if (depth && pos != r->len && pv_st_arg_number(r, &pos, depth, INT32_MAX) < 0)
		return -PV_EINVAL;
	return pos == r->len ? 0 : -PV_EINVAL;
}

static int do_watch(struct pv_st_request *r)
{
	const char *path, *token;
	size_t len, token_len;
	uint64_t depth = UINT64_MAX;
	int rc = watch_args(r, &path, &len, &token, &token_len, &depth);

	if (rc < 0)
		return rc;
	return pv_st_reply(r, pv_st_watch_set(r->c, path, len, token, token_len,
					      depth == UINT64_MAX ? PV_STORE_DEPTH_ALL : (int)depth,
					      NULL, NULL));
}

static int do_unwatch(struct pv_st_request *r)
{
	const char *path, *token;
	size_t len, token_len;
	int rc = watch_args(r, &path, &len, &token, &token_len, NULL);

	if (rc < 0)
		return rc;
	return pv_st_reply(r, pv_st_watch_del(r->c, path, len, token, token_len, NULL, NULL));
}

static int do_reset_watches(struct pv_st_request *r)
{
	struct pv_st_tx *tx;

	/* The transactions as well, the one this request claims to belong to included (XSA-484). */
	pv_st_watches_free(r->c);
	while ((tx = r->c->txs)) {
		r->c->txs = tx->next;
		pv_st_tx_free(tx);
	}
	return pv_st_reply_ok(r);
}

static int do_transaction_start(struct pv_st_request *r)
{
	uint32_t id;
	int rc;

	if (r->c->in.tx_id)
		return -PV_EBUSY; /* they do not nest */
	rc = pv_st_tx_start(r->c, &id);
	return rc < 0 ? rc : (int)pv_xs_number_format(r->out, id) + 1;
}

static int do_transaction_end(struct pv_st_request *r)
{
	if (r->len != 2 || r->body[1] || (r->body[0] != 'T' && r->body[0] != 'F'))
		return -PV_EINVAL;
	return pv_st_reply(r, pv_st_tx_end(r->c, r->c->in.tx_id, r->body[0] == 'T'));
}

static int do_introduce(struct pv_st_request *r)
{
	uint64_t domid, gfn, port;
	size_t pos = 0;
	int64_t sign = 1;
	int rc = 0;

	if (pv_st_arg_number(r, &pos, &domid, UINT16_MAX) < 0)
		return -PV_EINVAL;
	/* The frame number is written as a signed number. */
	if (pos < r->len && r->body[pos] == '-') {
		sign = -1;
		pos++;
	}
	if (pv_st_arg_number(r, &pos, &gfn, INT64_MAX) < 0 ||
	    pv_st_arg_number(r, &pos, &port, UINT32_MAX) < 0 || pos != r->len)
		return -PV_EINVAL;
	if (pv_store_domain_introduced(r->s, (uint16_t)domid))
		return pv_st_reply_ok(r);
	if (!r->s->cfg.introduce)
		return -PV_EINVAL;
	rc = r->s->cfg.introduce(r->s->cfg.ctx, (uint16_t)domid, sign * (int64_t)gfn,
				 (uint32_t)port);
	if (rc >= 0)
		rc = pv_store_domain_introduce(r->s, (uint16_t)domid);
	return pv_st_reply(r, rc);
}

static int do_release(struct pv_st_request *r)
{
	uint16_t domid;
	int rc = only_domid(r, &domid);

	/* Not the branch one sits on. */
	if (rc < 0 || domid == r->c->domain->domid)
		return -PV_EINVAL;
	rc = pv_store_domain_release(r->s, domid);
	if (rc >= 0 && r->s->cfg.released)
		r->s->cfg.released(r->s->cfg.ctx, domid);
	return pv_st_reply(r, rc);
}

static int do_resume(struct pv_st_request *r)
{
	uint16_t domid;
	int rc = only_domid(r, &domid);

	return rc < 0 ? rc : pv_st_reply(r, pv_store_domain_resume(r->s, domid));
}

static int do_set_target(struct pv_st_request *r)
{
	uint64_t domid, target;
	size_t pos = 0;

	if (pv_st_arg_number(r, &pos, &domid, UINT16_MAX) < 0 ||
	    pv_st_arg_number(r, &pos, &target, UINT16_MAX) < 0 || pos != r->len)
		return -PV_EINVAL;
	return pv_st_reply(r, pv_store_domain_set_target(r->s, (uint16_t)domid, (uint16_t)target));
}

static int do_is_introduced(struct pv_st_request *r)
{
	uint16_t domid;
	int rc = only_domid(r, &domid);

	if (rc < 0)
		return rc;
	r->out[0] = pv_store_domain_introduced(r->s, domid) ? 'T' : 'F';
	r->out[1] = 0;
	return 2;
}

static int do_domain_path(struct pv_st_request *r)
{
	static const char base[] = "/local/domain/";
	uint16_t domid;
	int rc = only_domid(r, &domid);

	if (rc < 0)
		return rc;
	memcpy(r->out, base, sizeof(base) - 1);
	return (int)(sizeof(base) + pv_xs_number_format(r->out + sizeof(base) - 1, domid));
}

static int do_control(struct pv_st_request *r)
{
	static const char help[] = "help\nprint\n";
	size_t pos = 0, len;
	const char *cmd = pv_xs_string_next(r->body, r->len, &pos, &len);
	int rc;

	if (!cmd)
		return -PV_EINVAL;
	if (r->s->cfg.control) {
		rc = r->s->cfg.control(r->s->cfg.ctx, r->body, r->len, r->out, PV_ST_BODY_MAX - 1);
		if (rc < 0 || rc >= (int)PV_ST_BODY_MAX)
			return rc < 0 ? rc : -PV_E2BIG;
		r->out[rc] = 0;
		return rc + 1;
	}
	if (len == 4 && !memcmp(cmd, "help", 4)) {
		memcpy(r->out, help, sizeof(help));
		return sizeof(help);
	}
	return len == 5 && !memcmp(cmd, "print", 5) ? pv_st_reply_ok(r) : -PV_EINVAL;
}

#define F_PRIVILEGED 1
#define F_TX	     2 /* the transaction it names must exist */

static const struct handler {
	int (*fn)(struct pv_st_request *r);
	uint8_t flags;
} handlers[PV_XS_TYPE_COUNT] = {
	[PV_XS_CONTROL] = {do_control, F_PRIVILEGED},
	[PV_XS_DIRECTORY] = {pv_st_do_directory, F_TX},
	[PV_XS_READ] = {pv_st_do_read, F_TX},
	[PV_XS_GET_PERMS] = {pv_st_do_get_perms, F_TX},
	[PV_XS_WATCH] = {do_watch, 0},
	[PV_XS_UNWATCH] = {do_unwatch, 0},
	[PV_XS_TRANSACTION_START] = {do_transaction_start, 0},
	[PV_XS_TRANSACTION_END] = {do_transaction_end, 0},
	[PV_XS_INTRODUCE] = {do_introduce, F_PRIVILEGED},
	[PV_XS_RELEASE] = {do_release, F_PRIVILEGED},
	[PV_XS_GET_DOMAIN_PATH] = {do_domain_path, 0},
	[PV_XS_WRITE] = {pv_st_do_write, F_TX},
	[PV_XS_MKDIR] = {pv_st_do_mkdir, F_TX},
	[PV_XS_RM] = {pv_st_do_rm, F_TX},
	[PV_XS_SET_PERMS] = {pv_st_do_set_perms, F_TX},
	[PV_XS_IS_DOMAIN_INTRODUCED] = {do_is_introduced, F_PRIVILEGED},
	[PV_XS_RESUME] = {do_resume, F_PRIVILEGED},
	[PV_XS_SET_TARGET] = {do_set_target, F_PRIVILEGED},
	[PV_XS_RESET_WATCHES] = {do_reset_watches, 0},
	[PV_XS_DIRECTORY_PART] = {pv_st_do_directory_part, F_TX},
};

static int handle(struct pv_st_request *r)
{
	uint32_t type = r->c->in.type;
	const struct handler *h = type < PV_XS_TYPE_COUNT ? &handlers[type] : NULL;
	int rc;

	if (!h || !h->fn)
		return -PV_ENOSYS;
	if ((h->flags & F_PRIVILEGED) && !r->c->privileged)
		return -PV_EACCES;
	if (h->flags & F_TX) {
		rc = pv_st_tx_find(r->c, r->c->in.tx_id, &r->tx);
		if (rc < 0)
			return rc;
	}
	return h->fn(r);
}

void pv_st_request(struct pv_store_conn *c)
{
	struct pv_st_request r = {c,	     c->store,
				  NULL,	     c->in_bytes + sizeof(c->in),
				  c->in.len, c->reply_bytes + sizeof(c->reply)};
	int rc = handle(&r);

	if (c->dead)
		return;
	c->reply = c->in;
	if (rc < 0) {
		const char *name = pv_xs_error_name(rc);
		size_t len = 0;

		while (name[len])
			len++;
		c->reply.type = PV_XS_ERROR;
		memcpy(r.out, name, len + 1);
		rc = (int)len + 1;
	}
	c->reply.len = (uint32_t)rc;
	c->reply_len = (uint32_t)(sizeof(c->reply) + c->reply.len);
	pv_st_wake(c);
}
