/*
 * xs_rig: a store, some domains, and requests written as text.
 *
 * In texts '|' stands for a NUL byte. An error reply reads "!ENOENT". Events are kept apart. The
 * allocator counts, and can be told to fail the k-th request.
 */
#ifndef PV_TESTS_XS_RIG_H
#define PV_TESTS_XS_RIG_H

#include <pv/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "run.h"

struct rig {
	struct pv_store *store;
	struct pv_store_conn *conn[10]; /* by domid; 0 is a privileged socket */
	size_t bytes;
	long allocs, fail_at; /* 0: never */
	bool fail_on;	      /* and all that follow */
	uint64_t now;
	char reply[4200], events[20000];
};

static void *rig_alloc(void *ctx, size_t n)
{
	struct rig *r = ctx;

	if (++r->allocs == r->fail_at || (r->fail_on && r->fail_at && r->allocs > r->fail_at))
		return NULL;
	r->bytes += n;
	return malloc(n);
}

static void rig_free(void *ctx, void *p, size_t n)
{
	struct rig *r = ctx;

	r->bytes -= n;
	free(p);
}

static uint64_t rig_now(void *ctx)
{
	return ((struct rig *)ctx)->now;
}

static inline struct pv_store_conn *rig_connect(struct rig *r, uint16_t domid)
{
	struct pv_store_conn_config cc = {.size = sizeof(cc),
					  .domid = domid,
					  .privileged = !domid,
					  .fd = -1,
					  .type = domid ? PV_STORE_CONN_RING
							: PV_STORE_CONN_SOCKET};
	struct pv_store_conn *c = NULL;

	if (pv_store_domain_introduce(r->store, domid) < 0 ||
	    pv_store_conn_add(r->store, &cc, &c) < 0)
		return NULL;
	return c;
}

static inline int rig_open(struct rig *r, const struct pv_store_quota *quota)
{
	struct pv_store_config cfg = {.size = sizeof(cfg),
				      .ctx = r,
				      .alloc = rig_alloc,
				      .free = rig_free,
				      .now = rig_now,
				      .quota = quota};

	return pv_store_create(&r->store, &cfg);
}

/* Domains 0 to `domains`; each has a home of its own. */
static inline void rig_init(struct rig *r, unsigned domains, const struct pv_store_quota *quota)
{
	char path[64];

	memset(r, 0, sizeof(*r));
	if (rig_open(r, quota) < 0)
		abort();
	for (unsigned i = 0; i <= domains; i++) {
		struct pv_xs_perm perm[] = {{.domid = (uint16_t)i}};

		r->conn[i] = rig_connect(r, (uint16_t)i);
		snprintf(path, sizeof(path), "/local/domain/%u", i);
		if (pv_store_mkdir(pv_store_self(r->store), 0, path) < 0 ||
		    pv_store_set_perms(pv_store_self(r->store), 0, path, perm, 1) < 0)
			abort();
	}
}

static inline void rig_end(struct rig *r)
{
	pv_store_destroy(r->store);
	if (r->bytes)
		abort();
}

/* Take all output: the reply goes to reply, events to events as "path|token;". */
static inline void rig_drain(struct rig *r, struct pv_store_conn *c)
{
	const char *p;
	size_t n, used = 0;
	static char buf[1 << 20];

	while ((n = pv_store_conn_output(c, (const void **)&p))) {
		n = n > 7 ? 7 : n; /* in pieces, as a slow transport would */
		memcpy(buf + used, p, n);
		used += n;
		pv_store_conn_sent(c, n);
	}
	for (size_t at = 0; at < used;) {
		struct pv_xsd_sockmsg h;
		char *to;

		memcpy(&h, buf + at, sizeof(h));
		at += sizeof(h);
		to = h.type == PV_XS_WATCH_EVENT ? r->events + strlen(r->events) : r->reply;
		if (h.type == PV_XS_ERROR)
			*to++ = '!';
		for (size_t i = 0; i < h.len; i++)
			*to++ = buf[at + i] ? buf[at + i] : '|';
		if (h.len && to[-1] == '|')
			to--;
		if (h.type == PV_XS_WATCH_EVENT)
			*to++ = ';';
		*to = 0;
		at += h.len;
	}
}

static inline const char *rig_raw(struct rig *r, struct pv_store_conn *c, uint32_t type,
				  uint32_t tx, const void *body, size_t len)
{
	struct pv_xsd_sockmsg h = {type, 77, tx, (uint32_t)len};
	int rc;

	strcpy(r->reply, "(none)");
	rc = pv_store_conn_input(c, &h, sizeof(h));
	for (size_t at = 0; rc >= 0 && at < len; at += (size_t)rc) {
		rc = pv_store_conn_input(c, (const char *)body + at, len - at);
		if (!rc)
			break;
	}
	rig_drain(r, c);
	return r->reply;
}

static inline const char *rig_say(struct rig *r, struct pv_store_conn *c, uint32_t type,
				  uint32_t tx, const char *text)
{
	char body[4200];
	size_t n = strlen(text);

	for (size_t i = 0; i <= n; i++)
		body[i] = text[i] == '|' ? 0 : text[i];
	return rig_raw(r, c, type, tx, body, n);
}

/* The events of a connection so far, forgotten afterwards. */
static inline const char *rig_events(struct rig *r, struct pv_store_conn *c)
{
	static char copy[sizeof(r->events)];

	rig_drain(r, c);
	strcpy(copy, r->events);
	r->events[0] = 0;
	return copy;
}

/* A program of these tests. */
#define RUN(name, ...)                                                        \
	int main(void)                                                        \
	{                                                                     \
		const TTest *const tests[] = {__VA_ARGS__};                   \
		TCase *tc = tcase_create(name);                               \
		for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) \
			tcase_add_test(tc, tests[i]);                         \
		tcase_set_timeout(tc, 60);                                    \
		return run_case(name, tc);                                    \
	}

#endif
