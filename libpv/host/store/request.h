/*
 * request: one message while it is answered, for the files that answer it.
 *
 * Handlers return the length of the reply they have put into out, or -PV_E...
 */
#ifndef PV_STORE_REQUEST_H
#define PV_STORE_REQUEST_H

#include "impl.h"

struct pv_st_request {
	struct pv_store_conn *c;
	struct pv_store *s;
	struct pv_st_tx *tx;
	const char *body;
	size_t len;
	char *out; /* PV_ST_BODY_MAX bytes */
};

static inline int pv_st_reply_ok(struct pv_st_request *r)
{
	memcpy(r->out, "OK", 3);
	return 3;
}

static inline int pv_st_reply(struct pv_st_request *r, int rc)
{
	return rc < 0 ? rc : pv_st_reply_ok(r);
}

/* The body is one string and nothing else, resolved into s->path: its length there or -PV_E.... */
int pv_st_arg_path(struct pv_st_request *r);
/* The string at *pos is a number up to max; *pos moves on. */
int pv_st_arg_number(struct pv_st_request *r, size_t *pos, uint64_t *v, uint64_t max);

int pv_st_do_directory(struct pv_st_request *r);
int pv_st_do_directory_part(struct pv_st_request *r);
int pv_st_do_read(struct pv_st_request *r);
int pv_st_do_write(struct pv_st_request *r);
int pv_st_do_mkdir(struct pv_st_request *r);
int pv_st_do_rm(struct pv_st_request *r);
int pv_st_do_get_perms(struct pv_st_request *r);
int pv_st_do_set_perms(struct pv_st_request *r);

#endif
