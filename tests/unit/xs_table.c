/*
 * Table tests of the store: (domain, transaction, request, expected reply) rows, played in order.
 * Vectors marked 4.17 were observed with Debian 12's xenstored.
 */
#include "xs_rig.h"

enum {
	RD = PV_XS_READ,
	WR = PV_XS_WRITE,
	MK = PV_XS_MKDIR,
	RM = PV_XS_RM,
	LS = PV_XS_DIRECTORY,
	GP = PV_XS_GET_PERMS,
	SP = PV_XS_SET_PERMS,
	TS = PV_XS_TRANSACTION_START,
	TE = PV_XS_TRANSACTION_END
};

struct row {
	int domid;
	uint32_t tx, type;
	const char *body, *reply;
};

static void play(const struct row *rows, size_t n, unsigned domains)
{
	struct rig r;

	rig_init(&r, domains, NULL);
	for (size_t i = 0; i < n; i++) {
		const struct row *row = &rows[i];

		rig_say(&r, r.conn[row->domid], row->type, row->tx, row->body);
		ck_assert_msg(!strcmp(r.reply, row->reply), "row %zu: %u %s: %s, expected %s", i,
			      row->type, row->body, r.reply, row->reply);
		ck_assert_msg(!pv_store_audit(r.store), "row %zu leaves the books wrong", i);
	}
	rig_end(&r);
}

#define PLAY(rows, domains) play(rows, sizeof(rows) / sizeof(rows[0]), domains)

START_TEST(error_vectors_of_stock_xenstored)
{
	static const struct row rows[] = {
		{0, 0, RD, "//a|", "!EINVAL"},
		{0, 0, RD, "/a/|", "!EINVAL"},
		{0, 0, RD, "/a b|", "!EINVAL"},
		{0, 0, RD, "/a.b|", "!EINVAL"},
		{0, 0, WR, "/a@b|v", "OK"},
		{0, 0, RM, "/|", "!EINVAL"},
		{0, 0, RM, "/q/w|", "!ENOENT"},
		{0, 0, RM, "/qq|", "OK"},
		{0, 0, 15, "|", "!ENOSYS"},
		{0, 0, 20, "|", "!ENOSYS"},
		{0, 0, 23, "|", "!ENOSYS"},
		{0, 0, 25, "|", "!ENOSYS"},
		{0, 0, 99, "|", "!ENOSYS"},
		{0, 0, UINT32_MAX, "|", "!ENOSYS"},
		{0, 0, SP, "/tool|x0|", "!EINVAL"},
		{0, 0, TE, "T|", "!ENOENT"},
		{0, 9, RD, "/tool|", "!ENOENT"},
		{0, 9, TE, "T|", "!ENOENT"},
		{0, 0, PV_XS_INTRODUCE, "1|5|1|", "OK"},
		{0, 0, PV_XS_INTRODUCE, "1|-5|1|", "OK"},
		{0, 0, PV_XS_RELEASE, "99|", "!ENOENT"},
		{0, 0, PV_XS_RESUME, "99|", "!ENOENT"},
		/* XSA-481: exactly this string. */
		{0, 0, RD, "/local/domain/|", "!EINVAL"},
		{1, 0, RD, "/local/domain/|", "!EINVAL"},
		{1, 0, WR, "/local/domain/|x", "!EINVAL"},
	};
	PLAY(rows, 1);
}
END_TEST

START_TEST(malformed_bodies_are_einval)
{
	static const struct row rows[] = {
		{0, 0, RD, "", "!EINVAL"},
		{0, 0, RD, "/tool", "!EINVAL"},
		{0, 0, RD, "/tool||", "!EINVAL"},
		{0, 0, RD, "/tool|x|", "!EINVAL"},
		{0, 0, LS, "/tool|x", "!EINVAL"},
		{0, 0, WR, "/tool", "!EINVAL"},
		{0, 0, SP, "/tool|", "!EINVAL"},
		{0, 0, SP, "/tool|r0", "!EINVAL"},
		{0, 0, TE, "X|", "!EINVAL"},
		{0, 0, TE, "T", "!EINVAL"},
		{0, 0, PV_XS_WATCH, "/tool|", "!EINVAL"},
		{0, 0, PV_XS_WATCH, "/tool|t|x|", "!EINVAL"},
		{0, 0, PV_XS_WATCH, "/tool|t|1|2|", "!EINVAL"},
		{0, 0, PV_XS_WATCH, "@nothing|t|", "!EINVAL"},
		{0, 0, PV_XS_UNWATCH, "/tool|t|", "!ENOENT"},
		{0, 0, PV_XS_GET_DOMAIN_PATH, "x|", "!EINVAL"},
		{0, 0, PV_XS_GET_DOMAIN_PATH, "65536|", "!EINVAL"},
		{0, 0, PV_XS_GET_DOMAIN_PATH, "7|", "/local/domain/7"},
		{0, 0, PV_XS_IS_DOMAIN_INTRODUCED, "1|", "T"},
		{0, 0, PV_XS_IS_DOMAIN_INTRODUCED, "2|", "F"},
		{0, 0, PV_XS_DIRECTORY_PART, "/tool|", "!EINVAL"},
		{0, 0, PV_XS_CONTROL, "nonsense|", "!EINVAL"},
		{0, 0, WR, "@releaseDomain|x", "!EINVAL"},
		{0, 0, RM, "@releaseDomain|", "!EINVAL"},
	};
	PLAY(rows, 1);
}
END_TEST

START_TEST(missing_parents_are_created_and_inherit)
{
	static const struct row rows[] = {
		{0, 0, WR, "/x/y/z|v", "OK"},
		{0, 0, RD, "/x/y/z|", "v"},
		{0, 0, RD, "/x/y|", ""},
		{0, 0, LS, "/x|", "y"},
		{0, 0, GP, "/x/y/z|", "r0"},
		{1, 0, WR, "a/b/c|v", "OK"},
		{1, 0, GP, "a/b|", "n1"},
		{0, 0, SP, "/local/domain/1/a|n1|b2|", "OK"},
		{2, 0, WR, "/local/domain/1/a/n/m|v", "OK"},
		{0, 0, GP, "/local/domain/1/a/n|", "n2|b2"},
		{0, 0, GP, "/local/domain/1/a/n/m|", "n2|b2"},
		{1, 0, RD, "a/n/m|", "!EACCES"},
		{0, 0, MK, "/x/y|", "OK"},
		{0, 0, RD, "/x/y/z|", "v"},
		{0, 0, RM, "/x|", "OK"},
		{0, 0, RD, "/x/y/z|", "!ENOENT"},
	};
	PLAY(rows, 2);
}
END_TEST

START_TEST(permissions_refuse_and_do_not_tell_what_exists)
{
	static const struct row rows[] = {
		{1, 0, WR, "secret|v", "OK"},
		{2, 0, RD, "/local/domain/1/secret|", "!EACCES"},
		{2, 0, RD, "/local/domain/1/nothing|", "!EACCES"},
		{2, 0, LS, "/local/domain/1|", "!EACCES"},
		{2, 0, WR, "/local/domain/1/secret|x", "!EACCES"},
		{2, 0, RM, "/local/domain/1/secret|", "!EACCES"},
		{2, 0, WR, "/local/domain/1/new|x", "!EACCES"},
		{2, 0, MK, "/local/domain/1/new|", "!EACCES"},
		{2, 0, WR, "/top|x", "!EACCES"},
		{2, 0, RD, "/top|", "!ENOENT"},
		{1, 0, SP, "secret|n1|r2|", "OK"},
		{2, 0, RD, "/local/domain/1/secret|", "v"},
		{2, 0, WR, "/local/domain/1/secret|x", "!EACCES"},
		{1, 0, SP, "secret|r1|n2|", "OK"},
		{2, 0, RD, "/local/domain/1/secret|", "!EACCES"},
		{1, 0, SP, "secret|w1|", "OK"},
		{2, 0, WR, "/local/domain/1/secret|x", "OK"},
		{2, 0, RD, "/local/domain/1/secret|", "!EACCES"},
		{2, 0, GP, "/local/domain/1/secret|", "!EACCES"},
		{2, 0, PV_XS_INTRODUCE, "1|5|1|", "!EACCES"},
		{2, 0, PV_XS_RELEASE, "1|", "!EACCES"},
		{2, 0, PV_XS_RESUME, "1|", "!EACCES"},
		{2, 0, PV_XS_SET_TARGET, "2|1|", "!EACCES"},
		{2, 0, PV_XS_CONTROL, "help|", "!EACCES"},
		{2, 0, PV_XS_IS_DOMAIN_INTRODUCED, "1|", "!EACCES"},
	};
	PLAY(rows, 2);
}
END_TEST

START_TEST(only_the_owner_sets_permissions_and_keeps_the_node)
{
	static const struct row rows[] = {
		{1, 0, WR, "a|v", "OK"},
		{1, 0, SP, "a|n1|b2|", "OK"},
		{2, 0, SP, "/local/domain/1/a|n1|b3|", "!EACCES"},
		/* XSA-352: an unprivileged owner cannot give a node away, and nobody takes one. */
		{1, 0, SP, "a|n2|", "!EPERM"},
		{2, 0, SP, "/local/domain/1/a|n2|", "!EACCES"},
		{0, 0, SP, "/local/domain/1/a|n2|", "OK"},
		{1, 0, RD, "a|", "!EACCES"},
		{2, 0, RD, "/local/domain/1/a|", "v"},
		/* XSA-353: the root has permissions, too. */
		{1, 0, SP, "/|b1|", "!EACCES"},
		{1, 0, WR, "/|x", "!EACCES"},
		{0, 0, SP, "/|n0|", "OK"},
		{1, 0, LS, "/|", "!EACCES"},
	};
	PLAY(rows, 3);
}
END_TEST

START_TEST(a_target_lends_its_rights)
{
	static const struct row rows[] = {
		{1, 0, WR, "a|v", "OK"},
		{2, 0, RD, "/local/domain/1/a|", "!EACCES"},
		{0, 0, PV_XS_SET_TARGET, "2|1|", "OK"},
		{2, 0, RD, "/local/domain/1/a|", "v"},
		{2, 0, WR, "/local/domain/1/a|w", "OK"},
		{3, 0, RD, "/local/domain/1/a|", "!EACCES"},
		{0, 0, PV_XS_SET_TARGET, "2|77|", "!ENOENT"},
		{0, 0, PV_XS_RELEASE, "1|", "OK"},
		{0, 0, WR, "/local/domain/1/a|v", "OK"},
		{0, 0, SP, "/local/domain/1/a|n1|", "OK"},
		{2, 0, RD, "/local/domain/1/a|", "!EACCES"},
	};
	PLAY(rows, 3);
}
END_TEST

START_TEST(a_transaction_sees_its_own_world)
{
	static const struct row rows[] = {
		{0, 0, WR, "/a|old", "OK"},	{0, 0, TS, "|", "1"},
		{0, 1, RD, "/a|", "old"},	{0, 0, WR, "/b|outside", "OK"},
		{0, 1, RD, "/b|", "!ENOENT"},	{0, 1, WR, "/c/d|inside", "OK"},
		{0, 0, RD, "/c/d|", "!ENOENT"}, {0, 1, RD, "/c/d|", "inside"},
		{0, 1, RM, "/a|", "OK"},	{0, 0, RD, "/a|", "old"},
		{0, 1, TE, "F|", "OK"},		{0, 0, RD, "/c/d|", "!ENOENT"},
		{0, 0, RD, "/a|", "old"},	{0, 1, TE, "T|", "!ENOENT"},
		{0, 5, TS, "|", "!EBUSY"},
	};
	PLAY(rows, 0);
}
END_TEST

START_TEST(independent_transactions_both_commit)
{
	static const struct row rows[] = {
		{0, 0, WR, "/d/a|0", "OK"},    {0, 0, WR, "/d/b|0", "OK"},
		{0, 0, TS, "|", "1"},	       {0, 0, TS, "|", "2"},
		{0, 1, WR, "/d/a|1", "OK"},    {0, 2, WR, "/d/b|2", "OK"},
		{0, 1, WR, "/d/n1/x|1", "OK"}, {0, 2, WR, "/d/n2/x|2", "OK"},
		{0, 1, TE, "T|", "OK"},	       {0, 0, WR, "/d/e|unrelated", "OK"},
		{0, 2, TE, "T|", "OK"},	       {0, 0, RD, "/d/a|", "1"},
		{0, 0, RD, "/d/b|", "2"},      {0, 0, LS, "/d|", "a|b|e|n1|n2"},
	};
	PLAY(rows, 0);
}
END_TEST

START_TEST(real_conflicts_say_eagain)
{
	static const struct row rows[] = {
		{0, 0, WR, "/d/a|0", "OK"},
		/* read, then changed by another */
		{0, 0, TS, "|", "1"},
		{0, 1, RD, "/d/a|", "0"},
		{0, 1, WR, "/d/r|x", "OK"},
		{0, 0, WR, "/d/a|1", "OK"},
		{0, 1, TE, "T|", "!EAGAIN"},
		{0, 0, RD, "/d/r|", "!ENOENT"},
		/* changed and changed back is still a change */
		{0, 0, TS, "|", "2"},
		{0, 2, RD, "/d/a|", "1"},
		{0, 0, RM, "/d/a|", "OK"},
		{0, 0, WR, "/d/a|1", "OK"},
		{0, 2, TE, "T|", "!EAGAIN"},
		/* absent then, there now */
		{0, 0, TS, "|", "3"},
		{0, 3, RD, "/d/new|", "!ENOENT"},
		{0, 0, WR, "/d/new|1", "OK"},
		{0, 3, TE, "T|", "!EAGAIN"},
		/* the list of children */
		{0, 0, TS, "|", "4"},
		{0, 4, LS, "/d|", "a|new"},
		{0, 0, WR, "/d/newer|1", "OK"},
		{0, 4, TE, "T|", "!EAGAIN"},
		/* permissions */
		{0, 0, TS, "|", "5"},
		{0, 5, RD, "/d/a|", "1"},
		{0, 0, SP, "/d/a|r0|", "OK"},
		{0, 5, TE, "T|", "!EAGAIN"},
		/* a removed tree into which somebody wrote */
		{0, 0, TS, "|", "6"},
		{0, 6, RM, "/d|", "OK"},
		{0, 0, WR, "/d/a/deep|1", "OK"},
		{0, 6, TE, "T|", "!EAGAIN"},
		{0, 0, RD, "/d/a/deep|", "1"},
		/* two writers of one node */
		{0, 0, TS, "|", "7"},
		{0, 0, TS, "|", "8"},
		{0, 7, WR, "/d/a|7", "OK"},
		{0, 8, WR, "/d/a|8", "OK"},
		{0, 8, TE, "T|", "OK"},
		{0, 7, TE, "T|", "!EAGAIN"},
		{0, 0, RD, "/d/a|", "8"},
		/* the parent of a new node went away */
		{0, 0, TS, "|", "9"},
		{0, 9, WR, "/d/a/x/y|9", "OK"},
		{0, 0, RM, "/d/a|", "OK"},
		{0, 9, TE, "T|", "!EAGAIN"},
	};
	PLAY(rows, 0);
}
END_TEST

START_TEST(removing_and_making_again_in_one_transaction_leaves_what_was_made)
{
	static const struct row rows[] = {
		{0, 0, WR, "/d/a/b|old", "OK"}, {0, 0, WR, "/d/a/c|old", "OK"},
		{0, 0, TS, "|", "1"},		{0, 1, WR, "/d/a/b|touched", "OK"},
		{0, 1, RM, "/d|", "OK"},	{0, 1, RD, "/d/a/b|", "!ENOENT"},
		{0, 1, WR, "/d/a/n|new", "OK"}, {0, 1, WR, "/d/gone|x", "OK"},
		{0, 1, RM, "/d/gone|", "OK"},	{0, 1, TE, "T|", "OK"},
		{0, 0, LS, "/d|", "a"},		{0, 0, LS, "/d/a|", "n"},
		{0, 0, RD, "/d/a/n|", "new"},
	};
	PLAY(rows, 0);
}
END_TEST

START_TEST(reset_watches_inside_a_transaction_ends_it)
{
	/* XSA-484: exactly this sequence. */
	static const struct row rows[] = {
		{1, 0, PV_XS_WATCH, "a|t|", "OK"},
		{1, 0, TS, "|", "1"},
		{1, 1, WR, "a|x", "OK"},
		{1, 1, PV_XS_RESET_WATCHES, "|", "OK"},
		{1, 1, WR, "a|x", "!ENOENT"},
		{1, 1, TE, "T|", "!ENOENT"},
		{1, 0, PV_XS_UNWATCH, "a|t|", "!ENOENT"},
		{1, 0, RD, "a|", "!ENOENT"},
	};
	PLAY(rows, 1);
}
END_TEST

RUN("xs_table", error_vectors_of_stock_xenstored, malformed_bodies_are_einval,
    missing_parents_are_created_and_inherit, permissions_refuse_and_do_not_tell_what_exists,
    only_the_owner_sets_permissions_and_keeps_the_node, a_target_lends_its_rights,
    a_transaction_sees_its_own_world, independent_transactions_both_commit,
    real_conflicts_say_eagain, removing_and_making_again_in_one_transaction_leaves_what_was_made,
    reset_watches_inside_a_transaction_ends_it)
