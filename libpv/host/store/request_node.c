/*
 * request_node: the requests about one node, its value, children and permissions.
 *
 * As in request.c, the body is a hostile client's, and a reply has its room.
 */
#include "request.h"

int pv_st_do_directory(struct pv_st_request *r)
{
	struct pv_st_node *n;
	int rc = pv_st_arg_path(r);
	size_t at = 0;

	if (rc >= 0)
		rc = pv_st_op_get(r->c, r->tx, (size_t)rc, PV_ST_CHILDREN, PV_XS_PERM_READ, &n);
	if (rc < 0)
		return rc;
	if (n->names > PV_ST_BODY_MAX)
		return -PV_E2BIG; /* XSA-72; DIRECTORY_PART is for these */
	for (uint32_t i = 0; i < n->children; i++) {
		memcpy(r->out + at, pv_st_node_name(n->child[i]), n->child[i]->name_len + 1u);
		at += n->child[i]->name_len + 1u;
	}
	return (int)at;
}

int pv_st_do_directory_part(struct pv_st_request *r)
{
	struct pv_st_node *n;
	size_t pos = 0, len, skip = 0, at;
	const char *path = pv_xs_string_next(r->body, r->len, &pos, &len);
	uint64_t offset;
	uint32_t i;
	int rc;

	if (!path || pv_st_arg_number(r, &pos, &offset, UINT32_MAX) < 0 || pos != r->len)
		return -PV_EINVAL;
	rc = pv_st_resolve(r->c, path, len);
	if (rc >= 0)
		rc = pv_st_op_get(r->c, r->tx, (size_t)rc, PV_ST_CHILDREN, PV_XS_PERM_READ, &n);
	if (rc < 0)
		return rc;
	at = pv_xs_number_format(r->out, n->gen > n->child_gen ? n->gen : n->child_gen) + 1;
	for (i = 0; i < n->children && skip < offset; i++)
		skip += n->child[i]->name_len + 1u;
	if (skip != offset && i < n->children)
		return -PV_EINVAL; /* not where a name begins */
	/* One byte stays free for the empty name that says "no more". */
	for (; i < n->children; i++) {
		if (at + n->child[i]->name_len + 2u > PV_ST_BODY_MAX)
			return (int)at;
		memcpy(r->out + at, pv_st_node_name(n->child[i]), n->child[i]->name_len + 1u);
		at += n->child[i]->name_len + 1u;
	}
	r->out[at] = 0;
	return (int)at + 1;
}

int pv_st_do_read(struct pv_st_request *r)
{
	struct pv_st_node *n;
	int rc = pv_st_arg_path(r);

	if (rc >= 0)
		rc = pv_st_op_get(r->c, r->tx, (size_t)rc, PV_ST_CONTENT, PV_XS_PERM_READ, &n);
	if (rc < 0)
		return rc;
	memcpy(r->out, pv_st_node_value(n), n->value_len);
	return n->value_len;
}

int pv_st_do_write(struct pv_st_request *r)
{
	size_t pos = 0, len;
	const char *path = pv_xs_string_next(r->body, r->len, &pos, &len);
	int rc = path ? pv_st_resolve(r->c, path, len) : -PV_EINVAL;

	if (rc < 0)
		return rc;
	return pv_st_reply(r, pv_st_op_write(r->c, r->tx, (size_t)rc, r->body + pos, r->len - pos));
}

int pv_st_do_mkdir(struct pv_st_request *r)
{
	int rc = pv_st_arg_path(r);

	return rc < 0 ? rc : pv_st_reply(r, pv_st_op_mkdir(r->c, r->tx, (size_t)rc));
}

int pv_st_do_rm(struct pv_st_request *r)
{
	int rc = pv_st_arg_path(r);

	return rc < 0 ? rc : pv_st_reply(r, pv_st_op_rm(r->c, r->tx, (size_t)rc));
}

int pv_st_do_get_perms(struct pv_st_request *r)
{
	const struct pv_xs_perm *perm;
	struct pv_st_special *sp;
	struct pv_st_node *n;
	char text[PV_XS_PERM_TEXT];
	unsigned perms;
	size_t at = 0;
	int rc = pv_st_arg_path(r);

	if (rc < 0)
		return rc;
	sp = pv_st_special(r->s, r->s->path, (size_t)rc);
	if (sp) {
		if (!(pv_st_allowed(r->c, sp->perm, sp->perms) & PV_XS_PERM_READ))
			return -PV_EACCES;
		perm = sp->perm;
		perms = sp->perms;
	} else {
		rc = pv_st_op_get(r->c, r->tx, (size_t)rc, PV_ST_CONTENT, PV_XS_PERM_READ, &n);
		if (rc < 0)
			return rc;
		perm = n->perm;
		perms = n->perms;
	}
	for (unsigned i = 0; i < perms; i++) {
		size_t len = pv_xs_perm_format(text, &perm[i]) + 1;

		if (at + len > PV_ST_BODY_MAX)
			return -PV_E2BIG;
		memcpy(r->out + at, text, len);
		at += len;
	}
	return (int)at;
}

int pv_st_do_set_perms(struct pv_st_request *r)
{
	size_t pos = 0, len;
	const char *path = pv_xs_string_next(r->body, r->len, &pos, &len), *p;
	/* Each takes three bytes of the request at least, four here; the reply buffer is free until
	 * the end. */
	struct pv_xs_perm perm;
	unsigned perms = 0;
	int rc = path ? pv_st_resolve(r->c, path, len) : -PV_EINVAL;

	if (rc < 0)
		return rc;
	while ((p = pv_xs_string_next(r->body, r->len, &pos, &len))) {
		if (pv_xs_perm_parse(&perm, p, len) < 0)
			return -PV_EINVAL;
		if ((perms + 1) * sizeof(perm) > PV_ST_BODY_MAX)
			return -PV_ENOSPC;
		memcpy(r->out + perms++ * sizeof(perm), &perm, sizeof(perm));
	}
	if (pos != r->len)
		return -PV_EINVAL;
	return pv_st_reply(
		r, pv_st_op_set_perms(r->c, r->tx, (size_t)rc, (struct pv_xs_perm *)r->out, perms));
}
