/* Quotas, and what each security advisory on xenstore daemons asks of this one. */
#include "xs_rig.h"

enum {
	RD = PV_XS_READ,
	WR = PV_XS_WRITE,
	RM = PV_XS_RM,
	SP = PV_XS_SET_PERMS,
	WA = PV_XS_WATCH,
	TS = PV_XS_TRANSACTION_START,
	TE = PV_XS_TRANSACTION_END,
	LS = PV_XS_DIRECTORY
};

#define SAY(c, type, tx, text, reply) \
	ck_assert_str_eq(rig_say(&r, r.conn[c], type, tx, text), reply)

static const char *sayf(struct rig *r, unsigned c, uint32_t type, uint32_t tx, const char *fmt,
			unsigned v)
{
	char text[200];

	snprintf(text, sizeof(text), fmt, v);
	return rig_say(r, r->conn[c], type, tx, text);
}

static uint64_t usage(struct rig *r, uint16_t domid, uint32_t *nodes)
{
	uint64_t bytes = 0;

	*nodes = 0;
	pv_store_domain_usage(r->store, domid, nodes, &bytes);
	return bytes;
}

START_TEST(one_directory_takes_531_children_as_in_stock_xenstored)
{
	struct rig r;
	unsigned n = 0;

	rig_init(&r, 1, NULL);
	while (!strcmp(sayf(&r, 1, WR, 0, "a/%u|", n), "OK"))
		n++;
	ck_assert_str_eq(r.reply, "!ENOSPC");
	ck_assert_uint_eq(n, 531);
	rig_end(&r);
}
END_TEST

START_TEST(nodes_are_limited_and_come_back)
{
	struct rig r;
	uint32_t nodes;
	unsigned n = 0;

	rig_init(&r, 1, NULL);
	while (!strcmp(sayf(&r, 1, WR, 0, n % 2 ? "x/%u|" : "y/%u|", n), "OK"))
		n++;
	ck_assert_str_eq(r.reply, "!ENOSPC");
	usage(&r, 1, &nodes);
	ck_assert_uint_eq(nodes, 1000);
	SAY(1, WR, 0, "x/1|still", "OK");
	SAY(1, RM, 0, "x/1|", "OK");
	SAY(1, WR, 0, "x/1|", "OK");
	SAY(1, RM, 0, "x|", "OK");
	SAY(1, WR, 0, "x/1|", "OK");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	/* Domain 0 is not limited, not even in the domain's home. */
	for (unsigned i = 0; i < 2000; i++)
		ck_assert_str_eq(sayf(&r, 0, WR, 0, "/local/domain/1/z/%u|", i), "OK");
	rig_end(&r);
}
END_TEST

START_TEST(values_watches_transactions_permissions_and_paths_are_limited)
{
	char body[4096] = "v", path[3100];
	struct rig r;

	rig_init(&r, 1, NULL);
	ck_assert_str_eq(rig_raw(&r, r.conn[1], WR, 0, body, 2 + 2016), "OK");
	ck_assert_str_eq(rig_raw(&r, r.conn[1], WR, 0, body, 2 + 2017), "!ENOSPC");
	ck_assert_str_eq(rig_raw(&r, r.conn[0], WR, 0, "/big", 5), "OK");
	for (unsigned i = 0; i < 128; i++)
		ck_assert_str_eq(sayf(&r, 1, WA, 0, "a|%u|", i), "OK");
	SAY(1, WA, 0, "a|128|", "!E2BIG");
	for (unsigned i = 0; i < 10; i++)
		ck_assert_int_ne(rig_say(&r, r.conn[1], TS, 0, "|")[0], '!');
	SAY(1, TS, 0, "|", "!ENOSPC");
	SAY(1, WR, 0, "p|", "OK");
	SAY(1, SP, 0, "p|n1|r2|r3|r4|r5|", "OK");
	SAY(1, SP, 0, "p|n1|r2|r3|r4|r5|r6|", "!ENOSPC");
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[2048] = 0;
	ck_assert_str_eq(rig_raw(&r, r.conn[1], RD, 0, path, 2049), "!EINVAL");
	ck_assert_str_eq(rig_raw(&r, r.conn[0], RD, 0, path, 2049), "!ENOENT");
	path[2047] = 0;
	ck_assert_str_eq(rig_raw(&r, r.conn[1], RD, 0, path, 2048), "!ENOENT");
	rig_end(&r);
}
END_TEST

START_TEST(xsa_72_a_directory_over_4096_bytes_is_e2big_and_comes_in_parts)
{
	char want[16], reply[4200], ask[64];
	unsigned n = 0, offset = 0;
	struct rig r;

	rig_init(&r, 1, NULL);
	for (unsigned i = 0; i < 1200; i++)
		ck_assert_str_eq(sayf(&r, 0, WR, 0, "/d/n%05u|", i), "OK");
	SAY(0, LS, 0, "/d|", "!E2BIG");
	for (;;) {
		char *p;

		snprintf(ask, sizeof(ask), "/d|%u|", offset);
		strcpy(reply, rig_say(&r, r.conn[0], PV_XS_DIRECTORY_PART, 0, ask));
		p = strtok(reply, "|"); /* the generation */
		ck_assert_ptr_nonnull(p);
		while ((p = strtok(NULL, "|"))) {
			snprintf(want, sizeof(want), "n%05u", n++);
			ck_assert_str_eq(p, want);
			offset += 7;
		}
		if (n == 1200)
			break;
	}
	SAY(0, PV_XS_DIRECTORY_PART, 0, "/d|3|", "!EINVAL");
	rig_end(&r);
}
END_TEST

START_TEST(xsa_206_whoever_spoils_transactions_of_others_has_to_wait)
{
	struct rig r;
	unsigned spoiled = 0;

	rig_init(&r, 1, NULL);
	SAY(1, WR, 0, "a|0", "OK");
	/* The guest writes whenever the toolstack has read: without a limit, for ever. */
	for (unsigned i = 0; i < 100; i++) {
		unsigned tx = (unsigned)atoi(rig_say(&r, r.conn[0], TS, 0, "|"));

		rig_say(&r, r.conn[0], RD, tx, "/local/domain/1/a|");
		if (pv_store_conn_room(r.conn[1]))
			SAY(1, WR, 0, "a|1", "OK");
		spoiled += !strcmp(rig_say(&r, r.conn[0], TE, tx, "T|"), "!EAGAIN");
	}
	ck_assert_uint_eq(spoiled, 10);
	ck_assert_uint_eq(pv_store_conn_room(r.conn[1]), 0);
	ck_assert_uint_gt(pv_store_deadline(r.store), 0);
	r.now = pv_store_deadline(r.store) - 1;
	pv_store_tick(r.store);
	ck_assert_uint_eq(pv_store_conn_room(r.conn[1]), 0);
	r.now++;
	pv_store_tick(r.store);
	ck_assert_uint_gt(pv_store_conn_room(r.conn[1]), 0);
	ck_assert_uint_eq(pv_store_deadline(r.store), 0);
	/* A domain that spoils its own transactions harms nobody. */
	r.now += 1000000000000;
	for (unsigned i = 0; i < 100; i++) {
		unsigned tx = (unsigned)atoi(rig_say(&r, r.conn[1], TS, 0, "|"));

		rig_say(&r, r.conn[1], RD, tx, "a|");
		SAY(1, WR, 0, "a|1", "OK");
		SAY(1, TE, tx, "T|", "!EAGAIN");
	}
	rig_end(&r);
}
END_TEST

START_TEST(xsa_233_and_425_release_in_the_middle_of_a_request_and_twice)
{
	struct pv_xsd_sockmsg h = {PV_XS_WRITE, 5, 0, 7};
	char msg[sizeof(h) + 7];

	memcpy(msg, &h, sizeof(h));
	memcpy(msg + sizeof(h), "ab\0data", 7);
	for (size_t cut = 0; cut <= sizeof(msg); cut++) {
		struct rig r;

		rig_init(&r, 1, NULL);
		SAY(1, WA, 0, "a|t|", "OK");
		SAY(1, TS, 0, "|", "1");
		SAY(1, WR, 1, "in/tx|1", "OK");
		SAY(0, WR, 0, "/local/domain/1/a|1", "OK");
		pv_store_conn_input(r.conn[1], msg, cut);
		SAY(0, PV_XS_RELEASE, 0, "1|", "OK");
		SAY(0, PV_XS_RELEASE, 0, "1|", "!ENOENT");
		SAY(0, PV_XS_RELEASE, 0, "0|", "!EINVAL");
		ck_assert_int_eq(pv_store_audit(r.store), 0);
		rig_end(&r);
	}
}
END_TEST

START_TEST(xsa_322_417_a_reused_domid_inherits_nothing)
{
	struct rig r;
	uint32_t nodes;

	rig_init(&r, 2, NULL);
	SAY(0, SP, 0, "/local/domain/1|n0|b1|", "OK");
	SAY(0, WR, 0, "/shared|s", "OK");
	SAY(0, SP, 0, "/shared|n0|r1|b2|", "OK");
	SAY(2, WR, 0, "open|o", "OK");
	SAY(2, SP, 0, "open|n2|b1|", "OK");
	SAY(1, WR, 0, "/local/domain/2/open/mine|left behind", "OK");
	SAY(1, WR, 0, "own/deep/tree|x", "OK");
	SAY(0, SP, 0, "@releaseDomain|n0|r1|", "OK");
	/* One that is not yet committed names the domain, too. */
	SAY(0, TS, 0, "|", "1");
	SAY(0, WR, 1, "/later|x", "OK");
	SAY(0, SP, 1, "/later|n1|", "OK");
	SAY(0, PV_XS_RELEASE, 0, "1|", "OK");
	SAY(0, TE, 1, "T|", "!EAGAIN");
	ck_assert_int_eq(pv_store_domain_usage(r.store, 1, &nodes, &(uint64_t){0}), -PV_ENOENT);
	r.conn[1] = rig_connect(&r, 1);
	SAY(1, RD, 0, "/shared|", "!EACCES");
	SAY(1, LS, 0, "/local/domain/1|", "!EACCES");
	SAY(1, RD, 0, "/local/domain/2/open|", "!EACCES");
	SAY(0, RD, 0, "/local/domain/2/open/mine|", "!ENOENT");
	SAY(0, RD, 0, "/local/domain/1/own|", "!ENOENT");
	SAY(0, PV_XS_GET_PERMS, 0, "@releaseDomain|", "n0");
	SAY(0, PV_XS_GET_PERMS, 0, "/shared|", "n0|b2");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

START_TEST(xsa_323_the_length_is_checked_after_the_path_is_complete)
{
	char path[2100];
	struct rig r;

	rig_init(&r, 1, NULL);
	memset(path, 'p', sizeof(path));
	for (size_t len = 2020; len < 2048; len++) {
		path[len] = 0;
		/* 16 bytes of /local/domain/1/ and the NUL. */
		ck_assert_str_eq(rig_raw(&r, r.conn[1], RD, 0, path, len + 1),
				 len + 16 < 2048 ? "!ENOENT" : "!EINVAL");
		path[len] = 'p';
	}
	rig_end(&r);
}
END_TEST

START_TEST(xsa_326_unread_replies_hold_back_requests_and_no_memory_grows)
{
	struct pv_xsd_sockmsg h = {PV_XS_DIRECTORY, 0, 0, 2};
	struct rig r;
	size_t bytes;

	rig_init(&r, 1, NULL);
	pv_store_conn_input(r.conn[1], &h, sizeof(h));
	pv_store_conn_input(r.conn[1], "/", 2);
	bytes = r.bytes;
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(pv_store_conn_input(r.conn[1], &h, sizeof(h)), 0);
	ck_assert_uint_eq(r.bytes, bytes);
	rig_drain(&r, r.conn[1]);
	ck_assert_int_eq(pv_store_conn_input(r.conn[1], &h, sizeof(h)), sizeof(h));
	rig_end(&r);
}
END_TEST

START_TEST(xsa_326_one_domain_cannot_hold_more_than_its_memory)
{
	static const struct {
		uint32_t type;
		const char *fmt;
	} ways[] = {
		{WR, "a%u/b/c|"},
		{WR, "a/%u|"},
		{WA, "w%u|t|"},
		{TS, "|%.0u"},
	};
	struct pv_store_quota q;
	struct rig r;
	uint32_t nodes;
	char body[2000];

	pv_store_quota_default(&q);
	rig_init(&r, 2, &q);
	/* Everything at once, inside ten transactions that each rewrite large values. */
	for (unsigned i = 0; i < 900; i++) {
		sayf(&r, 1, WR, 0, "d%u/v|", i);
		for (unsigned w = 0; w < 4; w++)
			sayf(&r, 1, ways[w].type, 0, ways[w].fmt, i);
	}
	memset(body, 'x', sizeof(body));
	for (unsigned tx = 1; tx <= 10; tx++)
		for (unsigned i = 0; i < 300; i++) {
			int n = snprintf(body, 100, "d%u/v", i);

			rig_raw(&r, r.conn[1], WR, tx, body, (size_t)n + 1800);
			rig_raw(&r, r.conn[1], WR, 0, body, (size_t)n + 1801);
			ck_assert_uint_lt(usage(&r, 1, &nodes), q.memory + 100000);
			ck_assert_uint_lt(r.bytes, q.memory + q.snapshots + 300000);
		}
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	/* The neighbour notices nothing. */
	SAY(2, WR, 0, "fine|1", "OK");
	SAY(1, PV_XS_RESET_WATCHES, 0, "|", "OK");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

START_TEST(xsa_326_nodes_touched_in_one_transaction_are_limited)
{
	struct rig r;
	unsigned n = 0;

	rig_init(&r, 1, NULL);
	SAY(1, TS, 0, "|", "1");
	while (strcmp(sayf(&r, 1, RD, 1, "n%u|", n), "!ENOSPC"))
		ck_assert_uint_lt(n++, 1030);
	ck_assert_uint_eq(n, 1024);
	rig_end(&r);
}
END_TEST

START_TEST(snapshots_are_bounded_as_a_whole_by_dooming_the_oldest)
{
	struct pv_store_quota q;
	struct pv_store_stats st;
	char body[2000];
	struct rig r;

	pv_store_quota_default(&q);
	q.snapshots = 100000;
	rig_init(&r, 1, &q);
	memset(body, 'x', sizeof(body));
	for (unsigned round = 0; round < 5; round++) {
		rig_say(&r, r.conn[1], TS, 0, "|");
		for (unsigned i = 0; i < 100; i++) {
			int n = snprintf(body, 100, "/v/%u", i);

			ck_assert_str_eq(rig_raw(&r, r.conn[0], WR, 0, body, (size_t)n + 1500),
					 "OK");
			pv_store_stats(r.store, &st);
			ck_assert_uint_le(st.node_bytes - st.live_bytes - st.tx_bytes, q.snapshots);
		}
	}
	/* A transaction that lost its snapshot goes on with the tree of now, and fails in the end.
	 */
	SAY(1, WR, 1, "a|1", "OK");
	SAY(1, RD, 1, "a|", "1");
	SAY(1, TE, 1, "T|", "!EAGAIN");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

START_TEST(xsa_330_reset_watches_frees_everything)
{
	struct rig r;
	size_t bytes;

	rig_init(&r, 1, NULL);
	SAY(1, WR, 0, "a|1", "OK");
	bytes = r.bytes;
	for (unsigned round = 0; round < 100; round++) {
		for (unsigned i = 0; i < 100; i++)
			sayf(&r, 1, WA, 0, "w%u|t|", i);
		for (unsigned i = 0; i < 10; i++)
			rig_say(&r, r.conn[1], TS, 0, "|");
		SAY(1, PV_XS_RESET_WATCHES, 0, "|", "OK");
		rig_events(&r, r.conn[1]);
		ck_assert_uint_eq(r.bytes, bytes);
	}
	rig_end(&r);
}
END_TEST

START_TEST(xsa_418_a_thousand_levels_are_walked_without_recursion)
{
	char path[3072];
	struct rig r;
	size_t n = 0;

	rig_init(&r, 1, NULL);
	for (unsigned i = 0; i < 1500; i++)
		n += (size_t)snprintf(path + n, sizeof(path) - n, "/a");
	ck_assert_int_eq(pv_store_write_string(pv_store_self(r.store), 0, path, "deep"), 0);
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	SAY(0, TS, 0, "|", "1");
	SAY(0, RM, 1, "/a|", "OK");
	SAY(0, TE, 1, "T|", "OK");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	ck_assert_int_eq(pv_store_write_string(pv_store_self(r.store), 0, path, "deep"), 0);
	SAY(0, SP, 0, "/a/a|n1|", "OK");
	ck_assert_int_eq(pv_store_domain_release(r.store, 1), 0);
	SAY(0, LS, 0, "/a|", "");
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

START_TEST(xsa_419_the_owner_is_charged_wherever_the_node_is)
{
	struct rig r;
	uint32_t before, after, nodes;

	rig_init(&r, 2, NULL);
	SAY(2, WR, 0, "open|o", "OK");
	SAY(2, SP, 0, "open|n2|b1|", "OK");
	usage(&r, 1, &before);
	SAY(1, WR, 0, "/local/domain/2/open/a/b|x", "OK");
	usage(&r, 1, &after);
	ck_assert_uint_eq(after, before + 2);
	/* A node given to a domain is charged to it from then on. */
	SAY(0, SP, 0, "/local/domain/2/open|n1|", "OK");
	usage(&r, 1, &nodes);
	ck_assert_uint_eq(nodes, after + 1);
	usage(&r, 2, &nodes);
	ck_assert_uint_eq(nodes, 1);
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

START_TEST(xsa_421_440_a_transaction_is_no_way_around_the_node_quota)
{
	struct rig r;
	uint32_t nodes;

	rig_init(&r, 1, NULL);
	for (unsigned i = 0; i < 990; i++)
		sayf(&r, 1, WR, 0, i % 2 ? "x/%u|" : "y/%u|", i);
	/* Two transactions, each within the quota, not both. */
	SAY(1, TS, 0, "|", "1");
	SAY(1, TS, 0, "|", "2");
	for (unsigned i = 0; i < 5; i++) {
		sayf(&r, 1, WR, 1, "p/%u|", i);
		sayf(&r, 1, WR, 2, "q/%u|", i);
	}
	SAY(1, TE, 1, "T|", "OK");
	SAY(1, TE, 2, "T|", "!ENOSPC");
	/* Make and remove in one: nothing stays charged. */
	usage(&r, 1, &nodes);
	for (unsigned round = 0; round < 50; round++) {
		unsigned tx = (unsigned)atoi(rig_say(&r, r.conn[1], TS, 0, "|"));
		uint32_t now;

		SAY(1, WR, tx, "t|1", "OK");
		SAY(1, RM, tx, "t|", "OK");
		SAY(1, RM, tx, "p/1|", "OK");
		SAY(1, WR, tx, "p/1|2", "OK");
		SAY(1, TE, tx, "T|", "OK");
		usage(&r, 1, &now);
		ck_assert_uint_eq(now, nodes);
	}
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

START_TEST(xsa_483_ten_thousand_lives_of_one_domid_leave_nothing)
{
	struct rig r;
	size_t bytes = 0;

	rig_init(&r, 0, NULL);
	for (unsigned life = 0; life < 10000; life++) {
		r.conn[1] = rig_connect(&r, 1);
		pv_store_mkdir(pv_store_self(r.store), 0, "/local/domain/1");
		pv_store_set_perms(pv_store_self(r.store), 0, "/local/domain/1",
				   &(struct pv_xs_perm){.domid = 1}, 1);
		for (unsigned i = 0; i < (life % 1000 ? 3 : 1100); i++)
			sayf(&r, 1, WR, 0, i % 2 ? "x/%u|" : "y/%u|", i);
		SAY(1, WA, 0, "x|t|", "OK");
		SAY(1, TS, 0, "|", "1");
		rig_say(&r, r.conn[1], WR, 1, "z|1");
		ck_assert_int_eq(pv_store_domain_release(r.store, 1), 0);
		r.events[0] = 0;
		if (!life)
			bytes = r.bytes;
		ck_assert_uint_eq(r.bytes, bytes);
	}
	ck_assert_int_eq(pv_store_audit(r.store), 0);
	rig_end(&r);
}
END_TEST

RUN("xs_limits", one_directory_takes_531_children_as_in_stock_xenstored,
    nodes_are_limited_and_come_back, values_watches_transactions_permissions_and_paths_are_limited,
    xsa_72_a_directory_over_4096_bytes_is_e2big_and_comes_in_parts,
    xsa_206_whoever_spoils_transactions_of_others_has_to_wait,
    xsa_233_and_425_release_in_the_middle_of_a_request_and_twice,
    xsa_322_417_a_reused_domid_inherits_nothing,
    xsa_323_the_length_is_checked_after_the_path_is_complete,
    xsa_326_unread_replies_hold_back_requests_and_no_memory_grows,
    xsa_326_one_domain_cannot_hold_more_than_its_memory,
    xsa_326_nodes_touched_in_one_transaction_are_limited,
    snapshots_are_bounded_as_a_whole_by_dooming_the_oldest, xsa_330_reset_watches_frees_everything,
    xsa_418_a_thousand_levels_are_walked_without_recursion,
    xsa_419_the_owner_is_charged_wherever_the_node_is,
    xsa_421_440_a_transaction_is_no_way_around_the_node_quota,
    xsa_483_ten_thousand_lives_of_one_domid_leave_nothing)
