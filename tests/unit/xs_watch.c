/* Watches: who is told of what, in which words, and how much may wait. */
#include "xs_rig.h"

enum {
	WR = PV_XS_WRITE,
	RM = PV_XS_RM,
	SP = PV_XS_SET_PERMS,
	WA = PV_XS_WATCH,
	UN = PV_XS_UNWATCH,
	TS = PV_XS_TRANSACTION_START,
	TE = PV_XS_TRANSACTION_END
};

#define SAY(c, type, tx, text, reply) \
	ck_assert_str_eq(rig_say(&r, r.conn[c], type, tx, text), reply)
#define EVENTS(c, text) ck_assert_str_eq(rig_events(&r, r.conn[c]), text)

START_TEST(a_watch_fires_at_once_and_then_for_each_change_at_or_below)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(0, WA, 0, "/d|t|", "OK");
	EVENTS(0, "/d|t;");
	SAY(0, WA, 0, "/d|t|", "!EEXIST");
	SAY(0, WR, 0, "/d|1", "OK");
	EVENTS(0, "/d|t;");
	SAY(0, WR, 0, "/d/a/b|1", "OK");
	EVENTS(0, "/d/a/b|t;");
	SAY(0, PV_XS_MKDIR, 0, "/d/a|", "OK");
	EVENTS(0, "");
	SAY(0, SP, 0, "/d/a|r0|", "OK");
	EVENTS(0, "/d/a|t;");
	SAY(0, WR, 0, "/dd|1", "OK");
	SAY(0, RM, 0, "/d/none|", "OK");
	EVENTS(0, "");
	SAY(0, UN, 0, "/d|t|", "OK");
	SAY(0, WR, 0, "/d|2", "OK");
	EVENTS(0, "");
	rig_end(&r);
}
END_TEST

START_TEST(relative_watches_report_relative_paths)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(1, WA, 0, "device|rel|", "OK");
	SAY(1, WA, 0, "/local/domain/1/device|abs|", "OK");
	rig_events(&r, r.conn[1]);
	SAY(0, WR, 0, "/local/domain/1/device/x|1", "OK");
	EVENTS(1, "device/x|rel;/local/domain/1/device/x|abs;");
	rig_end(&r);
}
END_TEST

START_TEST(removal_of_an_ancestor_reports_the_watched_path)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(0, WR, 0, "/a/b/c|1", "OK");
	SAY(0, WA, 0, "/a/b/c|t|", "OK");
	SAY(0, WA, 0, "/a/b/none|u|", "OK");
	SAY(0, WA, 0, "/a|v|", "OK");
	rig_events(&r, r.conn[0]);
	SAY(0, RM, 0, "/a/b|", "OK");
	EVENTS(0, "/a/b/c|t;/a/b|v;");
	rig_end(&r);
}
END_TEST

START_TEST(changes_of_a_transaction_are_told_once_and_only_at_commit)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(0, WR, 0, "/a/gone/x|1", "OK");
	SAY(0, WA, 0, "/a|t|", "OK");
	SAY(0, WA, 0, "/a/gone/x|u|", "OK");
	rig_events(&r, r.conn[0]);
	SAY(0, TS, 0, "|", "1");
	SAY(0, WR, 1, "/a/n|1", "OK");
	SAY(0, WR, 1, "/a/n|2", "OK");
	SAY(0, WR, 1, "/a/never|2", "OK");
	SAY(0, RM, 1, "/a/never|", "OK");
	SAY(0, RM, 1, "/a/gone|", "OK");
	EVENTS(0, "");
	SAY(0, TE, 1, "T|", "OK");
	EVENTS(0, "/a/gone|t;/a/gone/x|u;/a/n|t;");
	SAY(0, TS, 0, "|", "2");
	SAY(0, WR, 2, "/a/n|3", "OK");
	SAY(0, TE, 2, "F|", "OK");
	EVENTS(0, "");
	/* The transaction of a WATCH means nothing. */
	SAY(0, WA, 77, "/z|t|", "OK");
	rig_end(&r);
}
END_TEST

START_TEST(depth_limits_what_is_told)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(0, WA, 0, "/a|zero|0|", "OK");
	SAY(0, WA, 0, "/a|one|1|", "OK");
	rig_events(&r, r.conn[0]);
	SAY(0, WR, 0, "/a/b/c|1", "OK");
	/* Each sees the first node on the way that is new and near enough. */
	EVENTS(0, "/a|zero;/a|one;");
	SAY(0, WR, 0, "/a/b|1", "OK");
	EVENTS(0, "/a/b|one;");
	SAY(0, WR, 0, "/a/b/c|1", "OK");
	EVENTS(0, "");
	SAY(0, WR, 0, "/a|1", "OK");
	EVENTS(0, "/a|zero;/a|one;");
	rig_end(&r);
}
END_TEST

/* XSA-115. */
START_TEST(nobody_hears_of_a_node_that_it_may_not_read)
{
	struct rig r;

	rig_init(&r, 2, NULL);
	SAY(2, WA, 0, "/local/domain/1|t|", "OK");
	EVENTS(2, "/local/domain/1|t;");
	SAY(1, WR, 0, "secret/x|1", "OK");
	SAY(1, RM, 0, "secret/x|", "OK");
	EVENTS(2, "");
	SAY(1, WR, 0, "secret/y|1", "OK");
	SAY(1, SP, 0, "secret/y|n1|r2|", "OK");
	EVENTS(2, "/local/domain/1/secret/y|t;");
	/* A deletion: the node or its parent must have been readable. */
	SAY(1, RM, 0, "secret/y|", "OK");
	EVENTS(2, "/local/domain/1/secret/y|t;");
	SAY(1, WR, 0, "secret/z|1", "OK");
	SAY(1, SP, 0, "secret|n1|r2|", "OK");
	EVENTS(2, "/local/domain/1/secret|t;");
	SAY(1, RM, 0, "secret/z|", "OK");
	EVENTS(2, "/local/domain/1/secret/z|t;");
	/* A commit is no way around. */
	SAY(1, SP, 0, "secret|n1|", "OK");
	SAY(1, TS, 0, "|", "1");
	SAY(1, WR, 1, "secret/q|1", "OK");
	SAY(1, TE, 1, "T|", "OK");
	EVENTS(2, "");
	rig_end(&r);
}
END_TEST

START_TEST(special_watches_are_for_those_who_may)
{
	struct rig r;

	rig_init(&r, 3, NULL);
	SAY(0, WA, 0, "@introduceDomain|i|", "OK");
	SAY(0, WA, 0, "@releaseDomain|r|", "OK");
	SAY(0, WA, 0, "@releaseDomain|one|1|", "OK");
	SAY(0, WA, 0, "@releaseDomain/3|three|", "OK");
	SAY(0, WA, 0, "@releaseDomain|two|2|", "!EINVAL");
	SAY(1, WA, 0, "@releaseDomain|r|", "OK");
	SAY(2, WA, 0, "@releaseDomain|r|", "OK");
	SAY(2, SP, 0, "@releaseDomain|n0|r2|", "!EACCES");
	SAY(2, PV_XS_GET_PERMS, 0, "@releaseDomain|", "!EACCES");
	SAY(0, SP, 0, "@releaseDomain|n0|r2|", "OK");
	for (unsigned i = 0; i < 3; i++)
		rig_events(&r, r.conn[i]);
	pv_store_domain_introduce(r.store, 9);
	EVENTS(0, "@introduceDomain|i;");
	ck_assert_int_eq(pv_store_domain_shutdown(r.store, 3), 0);
	ck_assert_int_eq(pv_store_domain_shutdown(r.store, 3), 0);
	EVENTS(0, "@releaseDomain|r;@releaseDomain/3|one;@releaseDomain/3|three;");
	EVENTS(1, "");
	EVENTS(2, "@releaseDomain|r;");
	/* RESUME arms it again, and RELEASE says it once more. */
	SAY(0, PV_XS_RESUME, 0, "3|", "OK");
	pv_store_domain_shutdown(r.store, 3);
	EVENTS(2, "@releaseDomain|r;");
	pv_store_domain_release(r.store, 3);
	EVENTS(2, "@releaseDomain|r;");
	EVENTS(1, "");
	rig_end(&r);
}
END_TEST

START_TEST(the_same_event_waits_only_once)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(1, WA, 0, "d|t|", "OK");
	rig_events(&r, r.conn[1]);
	for (unsigned i = 0; i < 1000; i++)
		SAY(0, WR, 0, "/local/domain/1/d|1", "OK");
	EVENTS(1, "d|t;");
	rig_end(&r);
}
END_TEST

/* XSA-326: no growth, and still no change is lost. */
START_TEST(a_flood_of_events_is_merged_into_look_again)
{
	char path[64], *p;
	struct rig r;
	size_t bytes;
	unsigned n = 0;

	rig_init(&r, 1, NULL);
	SAY(1, WA, 0, "d|t|", "OK");
	SAY(1, WA, 0, "e|u|", "OK");
	rig_events(&r, r.conn[1]);
	for (unsigned i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/local/domain/1/d/%u|1", i);
		SAY(0, WR, 0, path, "OK");
	}
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	SAY(0, WR, 0, "/local/domain/1/d/64|1", "OK");
	SAY(0, WR, 0, "/local/domain/1/e/64|1", "OK");
	bytes = r.bytes;
	for (unsigned i = 0; i < 5000; i++) {
		SAY(0, WR, 0, i % 2 ? "/local/domain/1/d/64|1" : "/local/domain/1/e/64|1", "OK");
		ck_assert_uint_eq(r.bytes, bytes);
	}
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_drain(&r, r.conn[1]);
	for (p = r.events; (p = strchr(p, ';')); p++)
		n++;
	ck_assert_uint_eq(n, 66);
	p = r.events + strlen(r.events) - strlen("d|t;e|u;");
	ck_assert_str_eq(p, "d|t;e|u;");
	rig_end(&r);
}
END_TEST

/* XSA-324. */
START_TEST(an_event_too_long_for_a_message_is_dropped)
{
	char body[4096] = "d", path[2100];
	struct rig r;

	rig_init(&r, 1, NULL);
	memset(body + 2, 't', 3000);
	ck_assert_str_eq(rig_raw(&r, r.conn[1], WA, 0, body, 3003), "OK");
	rig_drain(&r, r.conn[1]);
	r.events[0] = 0;
	memset(path, 'x', sizeof(path));
	memcpy(path, "/local/domain/1/d/", 18);
	path[1500] = 0;
	ck_assert_int_eq(pv_store_write(pv_store_self(r.store), 0, path, "", 0), 0);
	EVENTS(1, "");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

struct heard {
	struct rig *r;
	unsigned n;
	char path[64];
};

static void hear(void *arg, const char *path)
{
	struct heard *h = arg;

	h->n++;
	snprintf(h->path, sizeof(h->path), "%s", path);
	/* From inside a callback the store is whole and can be used. */
	if (h->n == 2) {
		ck_assert_int_eq(pv_store_audit(h->r->store), 0);
		ck_assert_int_eq(pv_store_write_string(pv_store_self(h->r->store), 0, "/b", "x"),
				 0);
	}
	if (h->n == 3)
		ck_assert_int_eq(pv_store_unwatch(pv_store_self(h->r->store), "/", hear, h), 0);
}

START_TEST(callbacks_may_write_and_unwatch)
{
	struct rig r;
	struct heard h = {.r = &r};

	rig_init(&r, 1, NULL);
	ck_assert_int_eq(pv_store_watch(pv_store_self(r.store), "/", PV_STORE_DEPTH_ALL, hear, &h),
			 0);
	ck_assert_uint_eq(h.n, 1);
	SAY(0, WR, 0, "/a|1", "OK");
	ck_assert_uint_eq(h.n, 3);
	ck_assert_str_eq(h.path, "/b");
	SAY(0, WR, 0, "/a|1", "OK");
	ck_assert_uint_eq(h.n, 3);
	rig_end(&r);
}
END_TEST

static void count_wake(void *ctx, struct pv_store_conn *c)
{
	++*(unsigned *)ctx;
}

START_TEST(wake_comes_when_output_waits_because_of_others)
{
	unsigned wakes = 0;
	struct pv_store_conn_config cc = {.size = sizeof(cc), .wake = count_wake, .ctx = &wakes};
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(1, WA, 0, "d|t|", "OK");
	rig_events(&r, r.conn[1]);
	pv_store_conn_attach(r.conn[1], &cc);
	SAY(0, WR, 0, "/local/domain/1/d|1", "OK");
	ck_assert_uint_eq(wakes, 1);
	rig_end(&r);
}
END_TEST

RUN("xs_watch", a_watch_fires_at_once_and_then_for_each_change_at_or_below,
    relative_watches_report_relative_paths, removal_of_an_ancestor_reports_the_watched_path,
    changes_of_a_transaction_are_told_once_and_only_at_commit, depth_limits_what_is_told,
    nobody_hears_of_a_node_that_it_may_not_read, special_watches_are_for_those_who_may,
    the_same_event_waits_only_once, a_flood_of_events_is_merged_into_look_again,
    an_event_too_long_for_a_message_is_dropped, callbacks_may_write_and_unwatch,
    wake_comes_when_output_waits_because_of_others)
