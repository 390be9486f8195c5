/*
 * web_tar: claims about the index of a tar archive, on sound archives (made here and by tar itself in other tests) and
 * on broken ones.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_rig.h"
#include "run.h"

#define SIZE (512 * 200)

static struct tar tar;
static uint8_t disk[SIZE];
static uint64_t end;

static void start(void)
{
	memset(disk, 0, sizeof(disk));
	end = 0;
}

static void fix(uint8_t *h)
{
	unsigned sum = 0;

	memset(h + 148, ' ', 8);
	for (unsigned i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
}

static uint8_t *entry(const char *name, char type, const void *data, uint64_t size)
{
	uint8_t *h = disk + end;

	rig_tar_header(h, name, size, type);
	if (data)
		memcpy(h + 512, data, size);
	end += 512 + (data ? (size + 511) / 512 * 512 : 0);
	return h;
}

static int index_all(uint64_t sectors)
{
	int rc = 0;
	uint64_t at;

	tar_init(&tar, sectors);
	for (unsigned steps = 0; !rc && (at = tar_next(&tar)) != TAR_DONE; steps++) {
		ck_assert_uint_lt(at, sectors);
		ck_assert_uint_lt(steps, sectors + 1);
		rc = tar_feed(&tar, disk + at * 512);
	}
	return rc;
}

static const struct tar_entry *find(const char *name)
{
	return tar_find(&tar, name, (uint32_t)strlen(name));
}

START_TEST(names_are_found_without_slashes_and_dots)
{
	start();
	entry("./a", '0', "1", 1);
	entry("/abs//b/./c", '0', "2", 1);
	entry("dir/", '5', NULL, 0);
	ck_assert_int_eq(index_all(end / 512 + 2), 0);
	ck_assert_ptr_nonnull(find("a"));
	ck_assert_ptr_nonnull(find("abs/b/c"));
	ck_assert(find("dir")->directory);
	ck_assert(find("abs/b")->directory);
	ck_assert_uint_eq(find("abs/b/c")->sector, 3);
	ck_assert_ptr_null(find("b"));
	ck_assert_ptr_null(tar.error);
}
END_TEST

START_TEST(names_that_lead_out_are_not_served)
{
	start();
	entry("../etc/passwd", '0', "1", 1);
	entry("a/../../b", '0', "1", 1);
	entry("..", '0', "1", 1);
	entry("", '0', "1", 1);
	entry("...", '0', "1", 1);
	ck_assert_int_eq(index_all(end / 512), 0);
	ck_assert_uint_eq(tar.n_entries, 1);
	ck_assert_uint_eq(tar.skipped, 4);
	ck_assert_ptr_nonnull(find("..."));
}
END_TEST

START_TEST(long_names_of_gnu_and_pax_are_used)
{
	char name[400], record[500];
	int n;

	memset(name, 'x', 300);
	name[150] = '/';
	name[300] = 0;
	start();
	entry("././@LongLink", 'L', name, 301);
	entry("short", '0', "1", 1);
	name[0] = 'y';
	n = snprintf(record, sizeof(record), "310 path=%s\n", name);
	ck_assert_int_eq(n, 310);
	entry("PaxHeaders/x", 'x', record, 310);
	entry("short", '0', "22", 2);
	entry("after", '0', "333", 3);
	ck_assert_int_eq(index_all(end / 512), 0);
	ck_assert_uint_eq(find(name)->size, 2);
	name[0] = 'x';
	ck_assert_uint_eq(find(name)->size, 1);
	ck_assert_uint_eq(find("after")->size, 3);
	ck_assert_ptr_null(find("short"));
}
END_TEST

START_TEST(the_prefix_of_ustar_comes_before_the_name)
{
	uint8_t *h;

	start();
	h = entry("file", '0', "1", 1);
	memcpy(h + 345, "pre/fix", 7);
	fix(h);
	ck_assert_int_eq(index_all(end / 512), 0);
	ck_assert_ptr_nonnull(find("pre/fix/file"));
}
END_TEST

START_TEST(a_later_file_replaces_an_earlier_one)
{
	start();
	entry("a", '0', "1", 1);
	entry("a", '0', "22", 2);
	ck_assert_int_eq(index_all(end / 512), 0);
	ck_assert_uint_eq(tar.n_entries, 1);
	ck_assert_uint_eq(find("a")->size, 2);
}
END_TEST

START_TEST(a_hard_link_is_another_name)
{
	uint8_t *h;

	start();
	entry("a", '0', "1", 1);
	h = entry("b", '1', NULL, 0);
	memcpy(h + 157, "./a", 3);
	fix(h);
	h = entry("c", '2', NULL, 0);
	memcpy(h + 157, "a", 1);
	fix(h);
	ck_assert_int_eq(index_all(end / 512), 0);
	ck_assert_uint_eq(find("b")->sector, find("a")->sector);
	ck_assert_ptr_null(find("c"));
	ck_assert_uint_eq(tar.skipped, 1);
}
END_TEST

START_TEST(sizes_in_base_256_reach_beyond_octal)
{
	uint8_t *h;

	start();
	h = entry("huge", '0', NULL, 0);
	memset(h + 124, 0, 12);
	h[124] = 0x80;
	h[131] = 0x10; /* 0x10 << 32 */
	fix(h);
	/* Indexed only when the disk is that large. */
	ck_assert_int_eq(index_all(10), -NET_EINVAL);
	tar_init(&tar, (0x10ull << 32) / 512 + 1);
	ck_assert_int_eq(tar_feed(&tar, disk), 0);
	ck_assert_uint_eq(find("huge")->size, 0x10ull << 32);
	ck_assert_uint_eq(tar_next(&tar), TAR_DONE);
}
END_TEST

START_TEST(damage_is_an_error_and_what_came_before_stays)
{
	static const struct {
		unsigned at;
		const char *bytes;
		unsigned len;
		bool keep_sum;
	} damage[] = {
		{0, "Z", 1, true},
		{124, "77777777777", 11, false},
		{124, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, false},
		{124, "\x80\x7f\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12, false},
		{124, "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12, false},
		{124, "12x45678901", 11, false},
	};

	for (unsigned i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
		uint8_t *h;

		start();
		entry("good", '0', "1", 1);
		h = entry("bad", '0', "2", 1);
		memcpy(h + damage[i].at, damage[i].bytes, damage[i].len);
		if (!damage[i].keep_sum)
			fix(h);
		ck_assert_int_eq(index_all(end / 512), -NET_EINVAL);
		ck_assert_ptr_nonnull(tar.error);
		ck_assert_ptr_nonnull(find("good"));
		ck_assert_ptr_null(find("bad"));
	}
}
END_TEST

START_TEST(extended_headers_that_lie_are_refused)
{
	static const char *const records[] = {
		"9999 path=a\n", "x path=a\n",	     "3 p",	 "12 path=abc",
		"0 path=a\n",	 "16 size=12ab34\n", "5 path\n", "27 size=99999999999999999\n"};

	for (unsigned i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		start();
		entry("h", 'x', records[i], strlen(records[i]));
		entry("f", '0', "1", 1);
		ck_assert_msg(index_all(end / 512) < 0, "%s", records[i]);
	}
}
END_TEST

START_TEST(an_archive_may_be_cut_anywhere)
{
	char name[300];

	memset(name, 'n', sizeof(name));
	name[299] = 0;
	start();
	entry("a", '0', "1", 1);
	entry("h", 'x', "18 path=other/name\n", 19);
	entry("b", '0', name, 300);
	entry("l", 'L', name, 300);
	entry("c", '0', name, 300);
	for (uint64_t n = 0; n < end / 512; n++) {
		index_all(n);
		ck_assert(n < 2 || tar.n_entries >= 1);
	}
}
END_TEST

START_TEST(more_files_than_the_table_holds_are_an_error)
{
	uint8_t h[512];
	int rc = 0;
	unsigned i;

	tar_init(&tar, 100000);
	for (i = 0; !rc && i < 2 * TAR_ENTRIES; i++) {
		char name[20];

		snprintf(name, sizeof(name), "f%u", i);
		rig_tar_header(h, name, 0, '0');
		rc = tar_feed(&tar, h);
	}
	ck_assert_int_eq(rc, -NET_ENOSPC);
	ck_assert_uint_eq(i, TAR_ENTRIES + 1);
	ck_assert_uint_eq(tar_next(&tar), TAR_DONE);
	ck_assert_ptr_nonnull(find("f4095"));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tar");

	tcase_add_test(t, names_are_found_without_slashes_and_dots);
	tcase_add_test(t, names_that_lead_out_are_not_served);
	tcase_add_test(t, long_names_of_gnu_and_pax_are_used);
	tcase_add_test(t, the_prefix_of_ustar_comes_before_the_name);
	tcase_add_test(t, a_later_file_replaces_an_earlier_one);
	tcase_add_test(t, a_hard_link_is_another_name);
	tcase_add_test(t, sizes_in_base_256_reach_beyond_octal);
	tcase_add_test(t, damage_is_an_error_and_what_came_before_stays);
	tcase_add_test(t, extended_headers_that_lie_are_refused);
	tcase_add_test(t, an_archive_may_be_cut_anywhere);
	tcase_add_test(t, more_files_than_the_table_holds_are_an_error);
	return run_case("web_tar", t);
}
