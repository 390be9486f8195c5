/* Save and load of the store: what a client can see goes on as if nothing had happened; damaged
 * streams are refused. */
#include "xs_rig.h"

enum {
	RD = PV_XS_READ,
	WR = PV_XS_WRITE,
	RM = PV_XS_RM,
	TS = PV_XS_TRANSACTION_START,
	TE = PV_XS_TRANSACTION_END
};

struct stream {
	size_t len;
	char bytes[1 << 18];
};

static struct stream stream, again;

static int sink(void *ctx, const void *bytes, size_t n)
{
	struct stream *s = ctx;

	if (s->len + n > sizeof(s->bytes))
		return -PV_ENOSPC;
	memcpy(s->bytes + s->len, bytes, n);
	s->len += n;
	return 0;
}

static void save(struct rig *r, struct stream *s)
{
	s->len = 0;
	ck_assert_int_eq(pv_store_save(r->store, sink, s), 0);
}

/* Into a new rig, whose connections are found again. */
static void load(struct rig *r, const struct stream *s, unsigned domains)
{
	memset(r, 0, sizeof(*r));
	ck_assert_int_eq(rig_open(r, NULL), 0);
	ck_assert_int_eq(pv_store_load(r->store, s->bytes, s->len), 0);
	ck_assert_int_eq(pv_store_audit(r->store), 0);
	for (unsigned i = 0; i <= domains; i++) {
		r->conn[i] = pv_store_conn_find(
			r->store, i ? PV_STORE_CONN_RING : PV_STORE_CONN_SOCKET, (uint16_t)i);
		ck_assert_ptr_nonnull(r->conn[i]);
	}
}

/* Through a stream and back; the stream of the copy is the same. */
static void move(struct rig *r, unsigned domains)
{
	save(r, &stream);
	rig_end(r);
	load(r, &stream, domains);
	save(r, &again);
	ck_assert_uint_eq(again.len, stream.len);
	ck_assert_mem_eq(again.bytes, stream.bytes, stream.len);
}

#define SAY(c, type, tx, text, reply) \
	ck_assert_str_eq(rig_say(&r, r.conn[c], type, tx, text), reply)

START_TEST(nodes_and_permissions_survive)
{
	struct rig r;

	rig_init(&r, 2, NULL);
	SAY(0, WR, 0, "/x/y/z|value", "OK");
	SAY(0, PV_XS_SET_PERMS, 0, "/x/y|n0|b1|r2|", "OK");
	SAY(0, PV_XS_SET_PERMS, 0, "/|r0|", "OK");
	SAY(0, PV_XS_SET_PERMS, 0, "@releaseDomain|n0|r2|", "OK");
	SAY(1, WR, 0, "mine|m", "OK");
	SAY(0, RM, 0, "/tool|", "OK");
	SAY(0, PV_XS_SET_TARGET, 0, "2|1|", "OK");
	move(&r, 2);
	SAY(0, RD, 0, "/x/y/z|", "value");
	SAY(0, PV_XS_GET_PERMS, 0, "/x/y|", "n0|b1|r2");
	SAY(0, PV_XS_GET_PERMS, 0, "@releaseDomain|", "n0|r2");
	SAY(2, RD, 0, "/local/domain/1/mine|", "m");
	SAY(0, RD, 0, "/tool|", "!ENOENT");
	SAY(0, PV_XS_IS_DOMAIN_INTRODUCED, 0, "2|", "T");
	rig_end(&r);
}
END_TEST

START_TEST(a_half_read_request_is_answered_after_the_move)
{
	struct pv_xsd_sockmsg h = {PV_XS_WRITE, 5, 0, 7};
	char msg[sizeof(h) + 7];

	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), "ab\0data", 7);
	for (int cut = 0; cut < (int)sizeof(msg); cut++) {
		struct rig r;

		rig_init(&r, 1, NULL);
		ck_assert_int_eq(pv_store_conn_input(r.conn[1], msg, (size_t)cut), cut);
		move(&r, 1);
		ck_assert_int_eq(
			pv_store_conn_input(r.conn[1], msg + cut, sizeof(msg) - (size_t)cut),
			(int)sizeof(msg) - cut);
		rig_drain(&r, r.conn[1]);
		ck_assert_str_eq(r.reply, "OK");
		SAY(0, RD, 0, "/local/domain/1/ab|", "data");
		rig_end(&r);
	}
}
END_TEST

static size_t request(struct rig *r, unsigned c, uint32_t type, const char *body, size_t len)
{
	struct pv_xsd_sockmsg h = {type, 9, 0, (uint32_t)len};

	return (size_t)pv_store_conn_input(r->conn[c], &h, sizeof(h)) +
	       (size_t)pv_store_conn_input(r->conn[c], body, len);
}

/* Take n bytes of output at most. */
static size_t drink(struct pv_store_conn *c, char *to, size_t n)
{
	const void *p;
	size_t got = 0, some;

	while (got < n && (some = pv_store_conn_output(c, &p))) {
		some = some > n - got ? n - got : some;
		memcpy(to + got, p, some);
		pv_store_conn_sent(c, some);
		got += some;
	}
	return got;
}

START_TEST(half_written_replies_and_events_go_on_where_they_stopped)
{
	char want[2000], got[2000];
	size_t total = 0;

	for (size_t cut = 0; cut <= total; cut++) {
		struct rig r;
		size_t n;

		rig_init(&r, 1, NULL);
		SAY(1, PV_XS_WATCH, 0, "a|t1|", "OK");
		SAY(1, PV_XS_WATCH, 0, "b|t2|", "OK");
		/* An event, a reply and another event wait together. */
		SAY(0, WR, 0, "/local/domain/1/a|1", "OK");
		request(&r, 1, PV_XS_DIRECTORY, "/", 2);
		SAY(0, WR, 0, "/local/domain/1/b/c|1", "OK");
		n = drink(r.conn[1], got, cut);
		move(&r, 1);
		if (cut % 3 == 0)
			move(&r, 1);
		n += drink(r.conn[1], got + n, sizeof(got) - n);
		if (!cut) {
			memcpy(want, got, n);
			total = n;
		}
		ck_assert_uint_eq(n, total);
		ck_assert_mem_eq(got, want, n);
		rig_end(&r);
	}
	ck_assert_uint_gt(total, 60);
}
END_TEST

START_TEST(watches_fire_after_the_move_and_not_because_of_it)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(1, PV_XS_WATCH, 0, "device|t|", "OK");
	SAY(1, PV_XS_WATCH, 0, "flat|u|0|", "OK");
	rig_events(&r, r.conn[1]);
	move(&r, 1);
	ck_assert_str_eq(rig_events(&r, r.conn[1]), "");
	SAY(0, WR, 0, "/local/domain/1/device/x|1", "OK");
	SAY(0, WR, 0, "/local/domain/1/flat/x|1", "OK");
	ck_assert_str_eq(rig_events(&r, r.conn[1]), "device/x|t;flat|u;");
	SAY(0, WR, 0, "/local/domain/1/flat/y|1", "OK");
	ck_assert_str_eq(rig_events(&r, r.conn[1]), "");
	SAY(1, PV_XS_UNWATCH, 0, "device|t|", "OK");
	rig_end(&r);
}
END_TEST

START_TEST(an_owed_event_comes_after_the_move)
{
	struct pv_store_quota q;
	struct rig r;

	pv_store_quota_default(&q);
	q.events = 1;
	rig_init(&r, 1, &q);
	SAY(1, PV_XS_WATCH, 0, "d|t|", "OK");
	rig_events(&r, r.conn[1]);
	SAY(0, WR, 0, "/local/domain/1/d/a|1", "OK");
	SAY(0, WR, 0, "/local/domain/1/d/b|1", "OK");
	save(&r, &stream);
	rig_end(&r);
	load(&r, &stream, 1);
	ck_assert_str_eq(rig_events(&r, r.conn[1]), "d/a|t;d|t;");
	rig_end(&r);
}
END_TEST

START_TEST(transactions_commit_after_the_move)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(0, WR, 0, "/d/a/x|old", "OK");
	SAY(0, WR, 0, "/e|old", "OK");
	SAY(0, TS, 0, "|", "1");
	SAY(0, RD, 1, "/e|", "old");
	SAY(0, WR, 1, "/d/new/deep|1", "OK");
	SAY(0, RM, 1, "/d/a|", "OK");
	SAY(0, WR, 1, "/d/a/y|2", "OK");
	SAY(0, TS, 0, "|", "2");
	SAY(0, WR, 2, "/f|2", "OK");
	move(&r, 1);
	SAY(0, RD, 1, "/d/new/deep|", "1");
	SAY(0, RD, 1, "/d/a/x|", "!ENOENT");
	SAY(0, RD, 0, "/d/a/x|", "old");
	SAY(0, TE, 1, "T|", "OK");
	SAY(0, TE, 2, "T|", "OK");
	SAY(0, PV_XS_DIRECTORY, 0, "/d/a|", "y");
	SAY(0, RD, 0, "/d/new/deep|", "1");
	SAY(0, RD, 0, "/f|", "2");
	SAY(0, TS, 0, "|", "3");
	rig_end(&r);
}
END_TEST

START_TEST(transactions_conflict_after_the_move_as_before)
{
	struct rig r;

	rig_init(&r, 1, NULL);
	SAY(0, WR, 0, "/a|0", "OK");
	/* One that is spoiled already, one that will be, one that read an absence. */
	SAY(0, TS, 0, "|", "1");
	SAY(0, RD, 1, "/a|", "0");
	SAY(0, WR, 0, "/a|0", "OK");
	SAY(0, TS, 0, "|", "2");
	SAY(0, RD, 2, "/a|", "0");
	SAY(0, TS, 0, "|", "3");
	SAY(0, RD, 3, "/absent|", "!ENOENT");
	move(&r, 1);
	SAY(0, TE, 1, "T|", "!EAGAIN");
	SAY(0, WR, 0, "/a|1", "OK");
	SAY(0, WR, 0, "/absent|1", "OK");
	SAY(0, TE, 2, "T|", "!EAGAIN");
	SAY(0, TE, 3, "T|", "!EAGAIN");
	rig_end(&r);
}
END_TEST

START_TEST(a_broken_client_stays_broken)
{
	static const struct pv_xsd_sockmsg h = {.type = PV_XS_READ, .len = 4097};
	struct rig r;

	rig_init(&r, 1, NULL);
	ck_assert_int_eq(pv_store_conn_input(r.conn[1], &h, sizeof(h)), -PV_EBADMSG);
	move(&r, 1);
	ck_assert_int_eq(pv_store_conn_input(r.conn[1], "x", 1), -PV_EBADMSG);
	rig_end(&r);
}
END_TEST

static void populate(struct rig *r)
{
	struct rig *rig = r;

	rig_init(rig, 2, NULL);
	rig_say(r, r->conn[0], WR, 0, "/x/y/z|value");
	rig_say(r, r->conn[1], PV_XS_WATCH, 0, "a|t1|2|");
	rig_say(r, r->conn[2], PV_XS_WATCH, 0, "@releaseDomain|t|");
	rig_say(r, r->conn[0], TS, 0, "|");
	rig_say(r, r->conn[0], WR, 1, "/x/n|1");
	rig_say(r, r->conn[0], RM, 1, "/x/y|");
	rig_say(r, r->conn[0], RD, 1, "/tool|");
	request(r, 1, RD, "/", 2);
	request(r, 1, RD, "/", 1);
	save(r, &stream);
	rig_end(r);
}

static int try_load(const char *bytes, size_t n)
{
	struct rig r = {0};
	int rc;

	ck_assert_int_eq(rig_open(&r, NULL), 0);
	rc = pv_store_load(r.store, bytes, n);
	if (!rc)
		ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
	return rc;
}

START_TEST(a_stream_cut_anywhere_is_refused)
{
	struct rig r;

	populate(&r);
	ck_assert_int_eq(try_load(stream.bytes, stream.len), 0);
	for (size_t n = 0; n < stream.len; n++)
		ck_assert_int_eq(try_load(stream.bytes, n), -PV_EBADMSG);
}
END_TEST

START_TEST(a_damaged_stream_breaks_nothing)
{
	struct rig r;

	populate(&r);
	for (size_t at = 0; at < stream.len; at++)
		for (unsigned bit = 0; bit < 8; bit++) {
			stream.bytes[at] ^= (char)(1 << bit);
			try_load(stream.bytes, stream.len);
			stream.bytes[at] ^= (char)(1 << bit);
		}
}
END_TEST

START_TEST(a_load_that_runs_out_of_memory_leaves_nothing)
{
	struct rig r;

	populate(&r);
	for (long k = 1;; k++) {
		int rc;

		memset(&r, 0, sizeof(r));
		ck_assert_int_eq(rig_open(&r, NULL), 0);
		r.allocs = 0;
		r.fail_at = k;
		rc = pv_store_load(r.store, stream.bytes, stream.len);
		rig_end(&r);
		if (!rc)
			break;
		ck_assert_int_eq(rc, -PV_ENOMEM);
	}
}
END_TEST

static unsigned char hex(const char *s)
{
	return (unsigned char)strtoul((char[]){s[0], s[1], 0}, NULL, 16);
}

/* Written by hand after the specification, as Xen's daemon would: version 1, stale permissions,
 * unknown quotas. */
START_TEST(a_stream_of_xens_form_is_understood)
{
	static const char text[] = "78656e73746f7265"
				   "00000001"
				   "00000000"
				   /* GLOBAL_DATA */ "01000000"
				   "08000000"
				   "ffffffff"
				   "ffffffff"
				   /* ring of domain 5, no target, port 9 */
				   "02000000"
				   "18000000"
				   "01000000"
				   "0000"
				   "0000"
				   "0500"
				   "f47f"
				   "09000000"
				   "0000"
				   "0000"
				   "00000000"
				   "03000000"
				   "10000000"
				   "01000000"
				   "0600"
				   "0200"
				   "646576696300"
				   "7400"
				   /* "/", n0 */
				   "05000000"
				   "16000000"
				   "00000000"
				   "00000000"
				   "0200"
				   "0000"
				   "0000"
				   "0100"
				   "6e000000"
				   "2f00"
				   "0000"
				   /* "/a" = "v", n0 r5 and a stale r6 */
				   "05000000"
				   "20000000"
				   "00000000"
				   "00000000"
				   "0300"
				   "0100"
				   "0000"
				   "0300"
				   "6e000000"
				   "72000500"
				   "72010600"
				   "2f6100"
				   "76"
				   "00000000"
				   "00000000";
	char bytes[400];
	size_t n = 0;
	struct rig r = {0};

	for (const char *p = text; *p; p += 2)
		bytes[n++] = (char)hex(p);
	ck_assert_int_eq(rig_open(&r, NULL), 0);
	ck_assert_int_eq(pv_store_load(r.store, bytes, n), 0);
	r.conn[5] = pv_store_conn_find(r.store, PV_STORE_CONN_RING, 5);
	ck_assert_ptr_nonnull(r.conn[5]);
	r.conn[0] = rig_connect(&r, 0);
	SAY(5, RD, 0, "/a|", "v");
	SAY(0, PV_XS_GET_PERMS, 0, "/a|", "n0|r5");
	rig_end(&r);
}
END_TEST

RUN("xs_state", nodes_and_permissions_survive, a_half_read_request_is_answered_after_the_move,
    half_written_replies_and_events_go_on_where_they_stopped,
    watches_fire_after_the_move_and_not_because_of_it, an_owed_event_comes_after_the_move,
    transactions_commit_after_the_move, transactions_conflict_after_the_move_as_before,
    a_broken_client_stays_broken, a_stream_cut_anywhere_is_refused, a_damaged_stream_breaks_nothing,
    a_load_that_runs_out_of_memory_leaves_nothing, a_stream_of_xens_form_is_understood)
