/*
 * Fault injection and random play on the store.
 *
 * XSA-414, 415, 421: each operation is repeated with its first, second, third... allocation
 * failing. A failed one changes nothing that can be seen or that is charged.
 */
#include "xs_rig.h"

enum {
	RD = PV_XS_READ,
	WR = PV_XS_WRITE,
	RM = PV_XS_RM,
	SP = PV_XS_SET_PERMS,
	WA = PV_XS_WATCH,
	TS = PV_XS_TRANSACTION_START,
	TE = PV_XS_TRANSACTION_END,
	MK = PV_XS_MKDIR
};

struct stream {
	size_t len;
	char bytes[1 << 18];
};

static struct stream before, after;

static int sink(void *ctx, const void *bytes, size_t n)
{
	struct stream *s = ctx;

	memcpy(s->bytes + s->len, bytes, n);
	s->len += n;
	return 0;
}

static void save(struct rig *r, struct stream *s)
{
	s->len = 0;
	ck_assert_int_eq(pv_store_save(r->store, sink, s), 0);
}

struct step {
	int domid;
	uint32_t type, tx;
	const char *body;
};

struct scene {
	const char *name;
	struct step setup[14];
	struct step act;
};

static const struct scene scenes[] = {
	{"create", {{0, WA, 0, "/|t|"}}, {1, WR, 0, "a/b/c/d|value"}},
	{"create beside a snapshot", {{1, WR, 0, "a/x|1"}, {0, TS, 0, "|"}}, {1, WR, 0, "a/b/c|v"}},
	{"grow a directory",
	 {{1, WR, 0, "a/1|"}, {1, WR, 0, "a/2|"}, {0, TS, 0, "|"}},
	 {1, WR, 0, "a/3|"}},
	{"replace",
	 {{1, WR, 0, "a/b|1"}, {1, WA, 0, "a|t|"}, {0, TS, 0, "|"}},
	 {1, WR, 0, "a/b|longer"}},
	{"mkdir",
	 {{0}},
	 {1, MK, 0,
	  "a/b"
	  "/c|"}},
	{"rm beside a snapshot", {{1, WR, 0, "a/b/c|1"}, {0, TS, 0, "|"}}, {1, RM, 0, "a/b|"}},
	{"rm in a transaction", {{1, WR, 0, "a/b/c|1"}, {1, TS, 0, "|"}}, {1, RM, 1, "a|"}},
	{"write in a transaction", {{1, WR, 0, "a/b|1"}, {1, TS, 0, "|"}}, {1, WR, 1, "a/c/d|1"}},
	{"read in a transaction", {{1, WR, 0, "a/b|1"}, {1, TS, 0, "|"}}, {1, RD, 1, "a/b|"}},
	{"permissions",
	 {{0, WR, 0, "/x|1"}, {0, TS, 0, "|"}},
	 {0, SP, 0, "/x|n1|r1|r2|r3|r4|r5|r6|r7|r8|r9|r10|"}},
	{"create below many permissions",
	 {{0, WR, 0, "/x|1"}, {0, SP, 0, "/x|n7|r1|r2|r3|r4|r5|r6|r7|r8|r9|r10|"}},
	 {0, WR, 0, "/x/y|1"}},
	{"special permissions", {{0}}, {0, SP, 0, "@releaseDomain|n0|r1|r2|"}},
	{"watch", {{1, WR, 0, "a|1"}}, {1, WA, 0, "a|token|"}},
	{"start", {{1, WR, 0, "a|1"}}, {1, TS, 0, "|"}},
	{"commit",
	 {{1, WR, 0, "a/b/c|1"},
	  {1, WR, 0, "x/y|1"},
	  {0, WA, 0, "/|t|"},
	  {1, WA, 0, "a|t|"},
	  {0, TS, 0, "|"},
	  {1, TS, 0, "|"},
	  {1, RM, 1, "a|"},
	  {1, WR, 1, "a/n/m|2"},
	  {1, WR, 1, "x/y|2"},
	  {1, WR, 1, "p/q/r|2"},
	  {1, SP, 1, "p|n1|r2|"}},
	 {1, TE, 1, "T|"}},
};

static void setup(struct rig *r, const struct scene *s)
{
	rig_init(r, 2, NULL);
	for (unsigned i = 0; i < 14 && s->setup[i].body; i++) {
		rig_say(r, r->conn[s->setup[i].domid], s->setup[i].type, s->setup[i].tx,
			s->setup[i].body);
		ck_assert_msg(r->reply[0] != '!', "%s: step %u: %s", s->name, i, r->reply);
	}
	rig_drain(r, r->conn[0]);
	rig_drain(r, r->conn[1]);
	r->allocs = 0;
}

START_TEST(a_failed_allocation_changes_nothing)
{
	unsigned failures = 0;

	for (unsigned i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++) {
		const struct scene *s = &scenes[i];

		for (long k = 1;; k++) {
			struct rig r;
			bool failed;

			setup(&r, s);
			save(&r, &before);
			r.fail_at = k;
			rig_say(&r, r.conn[s->act.domid], s->act.type, s->act.tx, s->act.body);
			failed = !strcmp(r.reply, "!ENOMEM");
			ck_assert_msg(failed || r.reply[0] != '!', "%s: %ld: %s", s->name, k,
				      r.reply);
			ck_assert_msg(!pv_store_audit(r.store),
				      "%s: allocation %ld leaves the books wrong", s->name, k);
			/* A transaction that could not commit is over all the same, so its stream
			 * differs. */
			if (failed && s->act.type != TE && !s->act.tx) {
				save(&r, &after);
				ck_assert_msg(before.len == after.len &&
						      !memcmp(before.bytes, after.bytes, after.len),
					      "%s: allocation %ld", s->name, k);
			}
			failures += failed;
			r.fail_at = 0;
			rig_drain(&r, r.conn[0]);
			ck_assert_int_eq(pv_store_audit(r.store), 0);
			if (!failed && r.allocs < k) {
				rig_end(&r);
				break;
			}
			rig_end(&r);
		}
	}
	ck_assert_uint_gt(failures, 60);
}
END_TEST

START_TEST(a_commit_is_all_or_nothing)
{
	const struct scene *s = &scenes[sizeof(scenes) / sizeof(scenes[0]) - 1];

	for (long k = 1;; k++) {
		struct rig r;
		bool done;

		setup(&r, s);
		r.fail_at = k;
		done = strcmp(rig_say(&r, r.conn[1], TE, 1, "T|"), "!ENOMEM");
		r.fail_at = 0;
		ck_assert_str_eq(rig_say(&r, r.conn[1], RD, 0, "a/b/c|"), done ? "!ENOENT" : "1");
		ck_assert_str_eq(rig_say(&r, r.conn[1], RD, 0, "a/n/m|"), done ? "2" : "!ENOENT");
		ck_assert_str_eq(rig_say(&r, r.conn[1], RD, 0, "x/y|"), done ? "2" : "1");
		ck_assert_str_eq(rig_say(&r, r.conn[1], RD, 0, "p/q/r|"), done ? "2" : "!ENOENT");
		if (done && r.allocs < k) {
			rig_end(&r);
			break;
		}
		rig_end(&r);
	}
}
END_TEST

START_TEST(an_event_for_which_there_was_no_memory_comes_later)
{
	bool late = false;

	for (long k = 1; k < 10; k++) {
		struct rig r;

		rig_init(&r, 1, NULL);
		rig_say(&r, r.conn[0], WR, 0, "/d|1");
		rig_say(&r, r.conn[1], WA, 0, "/d|t|");
		rig_events(&r, r.conn[1]);
		/* While the write runs, nothing after its k-th allocation succeeds. */
		r.allocs = 0;
		r.fail_at = k;
		r.fail_on = true;
		if (!strcmp(rig_say(&r, r.conn[0], WR, 0, "/d|2"), "OK")) {
			r.fail_at = 0;
			late = !rig_events(&r, r.conn[1])[0];
			rig_say(&r, r.conn[0], RD, 0, "/d|");
			if (late)
				ck_assert_str_eq(rig_events(&r, r.conn[1]), "/d|t;");
		}
		rig_end(&r);
		if (late)
			break;
	}
	ck_assert(late);
}
END_TEST

START_TEST(creating_a_store_fails_cleanly)
{
	for (long k = 1;; k++) {
		struct rig r = {.fail_at = k};
		int rc = rig_open(&r, NULL);

		if (!rc) {
			rig_end(&r);
			break;
		}
		ck_assert_int_eq(rc, -PV_ENOMEM);
		ck_assert_uint_eq(r.bytes, 0);
	}
}
END_TEST

/* Release must work when there is no memory at all. */
START_TEST(release_needs_no_memory)
{
	struct rig r;

	rig_init(&r, 2, NULL);
	rig_say(&r, r.conn[1], WR, 0, "a/b|1");
	rig_say(&r, r.conn[0], WR, 0, "/x|1");
	rig_say(&r, r.conn[0], SP, 0, "/x|n0|r1|b2|");
	rig_say(&r, r.conn[0], TS, 0, "|");
	rig_say(&r, r.conn[2], WA, 0, "/local|t|");
	r.fail_at = r.allocs + 1;
	for (unsigned i = 0; i < 10; i++, r.fail_at = r.allocs + 1)
		if (!pv_store_domain_release(r.store, 1))
			break;
	r.fail_at = 0;
	ck_assert(!pv_store_domain_introduced(r.store, 1));
	ck_assert_str_eq(rig_say(&r, r.conn[0], RD, 0, "/local/domain/1/a|"), "!ENOENT");
	ck_assert_str_eq(rig_say(&r, r.conn[0], PV_XS_GET_PERMS, 0, "/x|"), "n0|b2");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

/* ---- A model: what one transaction at a time must see and do ---- */

#define PATHS 12
static const char *const paths[PATHS] = {"/m/a",  "/m/a/b", "/m/a/b/c",	  "/m/a/d",
					 "/m/e",  "/m/e/f", "/m/e/f/g",	  "/m/h",
					 "/m/ab", "/m/a-b", "/m/e/f/g/i", "/m/h/j"};

struct model {
	int value[PATHS]; /* -1: absent */
};

static void model_write(struct model *m, int at, int value)
{
	for (int i = 0; i < PATHS; i++)
		if (i != at && m->value[i] < 0 &&
		    pv_xs_path_within(paths[at], strlen(paths[at]), paths[i], strlen(paths[i])))
			m->value[i] = 0;
	m->value[at] = value;
}

static void model_rm(struct model *m, int at)
{
	for (int i = 0; i < PATHS; i++)
		if (pv_xs_path_within(paths[i], strlen(paths[i]), paths[at], strlen(paths[at])))
			m->value[i] = -1;
}

static bool agree(struct rig *r, uint32_t tx, const struct model *m)
{
	for (int i = 0; i < PATHS; i++) {
		char got[32];
		int rc = pv_store_read_string(pv_store_self(r->store), tx, paths[i], got,
					      sizeof(got));

		if (rc < 0 ? m->value[i] >= 0 : m->value[i] != atoi(got))
			return false;
	}
	return true;
}

START_TEST(random_play_agrees_with_a_model)
{
	unsigned seed = getenv("SEED") ? (unsigned)atoi(getenv("SEED")) : 1, commits = 0,
		 conflicts = 0;
	struct model live, mine = {{0}};
	uint32_t tx = 0;
	struct rig r;

	printf("# SEED=%u\n", seed);
	rig_init(&r, 1, NULL);
	pv_store_mkdir(pv_store_self(r.store), 0, "/m");
	for (int i = 0; i < PATHS; i++)
		live.value[i] = -1;
	for (unsigned step = 1; step < 20000; step++) {
		struct pv_store_conn *self = pv_store_self(r.store);
		int at = rand_r(&seed) % PATHS;
		bool in = tx && rand_r(&seed) % 4;
		struct model *m = in ? &mine : &live;

		switch (rand_r(&seed) % 8) {
		case 0:
			if (!tx) {
				tx = (uint32_t)pv_store_transaction_start(self);
				mine = live;
				break;
			}
			if (pv_store_transaction_end(self, tx, true) < 0) {
				conflicts++;
			} else {
				/* What it read was all of the tree below /m, so nothing else can
				 * have changed. */
				commits++;
				live = mine;
			}
			tx = 0;
			break;
		case 1: ck_assert(agree(&r, in ? tx : 0, m)); break;
		case 2:
		case 3:
			if (pv_store_rm(self, in ? tx : 0, paths[at]) >= 0)
				model_rm(m, at);
			break;
		default:
			ck_assert_int_eq(pv_store_write_number(self, in ? tx : 0, paths[at], step),
					 0);
			model_write(m, at, (int)step);
		}
		/* A transaction has read everything from the start, so that "committed" means
		 * "alone". */
		if (tx)
			ck_assert_msg(agree(&r, tx, &mine),
				      "step %u: the transaction sees another world", step);
		ck_assert_msg(agree(&r, 0, &live), "step %u: the tree is another", step);
		ck_assert_msg(!pv_store_audit(r.store), "step %u: the books are wrong", step);
	}
	ck_assert_uint_gt(commits, 100);
	ck_assert_uint_gt(conflicts, 100);
	rig_end(&r);
}
END_TEST

RUN("xs_fault", a_failed_allocation_changes_nothing, a_commit_is_all_or_nothing,
    an_event_for_which_there_was_no_memory_comes_later, creating_a_store_fails_cleanly,
    release_needs_no_memory, random_play_agrees_with_a_model)
