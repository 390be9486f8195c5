/* Unit tests of the xenstore codec: paths, permissions, errors, numbers, strings. */
#include "xs_rig.h"

static int path(const char *p)
{
	return pv_xs_path_check(p, strlen(p));
}

START_TEST(path_rules_are_those_of_stock_xenstored)
{
	ck_assert_int_eq(path("/"), PV_XS_PATH_ABSOLUTE);
	ck_assert_int_eq(path("/a@b"), PV_XS_PATH_ABSOLUTE);
	ck_assert_int_eq(path("/A-z_0/9"), PV_XS_PATH_ABSOLUTE);
	ck_assert_int_eq(path("device/vbd"), PV_XS_PATH_RELATIVE);
	ck_assert_int_eq(path("@releaseDomain/5"), PV_XS_PATH_SPECIAL);
	ck_assert_int_eq(path("//a"), -PV_EINVAL);
	ck_assert_int_eq(path("/a/"), -PV_EINVAL);
	ck_assert_int_eq(path("a//b"), -PV_EINVAL);
	ck_assert_int_eq(path("/a b"), -PV_EINVAL);
	ck_assert_int_eq(path("/a.b"), -PV_EINVAL);
	ck_assert_int_eq(path("/\xc3\xa4"), -PV_EINVAL);
	ck_assert_int_eq(path(""), -PV_EINVAL);
}
END_TEST

START_TEST(every_byte_outside_the_alphabet_is_refused)
{
	static const char good[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_@";

	for (int c = 0; c < 256; c++) {
		char p[3] = {'/', (char)c, 'x'};

		ck_assert_int_eq(pv_xs_path_check(p, 3) == PV_XS_PATH_ABSOLUTE,
				 c && strchr(good, c) != NULL);
	}
}
END_TEST

START_TEST(path_length_holds_after_the_base_is_added)
{
	char p[4000], out[4000];

	memset(p, 'a', sizeof(p));
	ck_assert_int_eq(pv_xs_path_check(p, 2047), PV_XS_PATH_RELATIVE);
	ck_assert_int_eq(pv_xs_path_check(p, 2048), -PV_EINVAL);
	p[0] = '/';
	ck_assert_int_eq(pv_xs_path_check(p, 3070), PV_XS_PATH_ABSOLUTE);
	ck_assert_int_eq(pv_xs_path_check(p, 3071), -PV_EINVAL);
	ck_assert_int_eq(pv_xs_path_resolve(out, 3071, 0, p, 3070), 3070);
	ck_assert_int_eq(pv_xs_path_resolve(out, 3070, 0, p, 3070), -PV_EINVAL);
	p[0] = 'a';
	ck_assert_int_eq(pv_xs_path_resolve(out, sizeof(out), 65535, p, 2047), 2047 + 20);
	ck_assert_mem_eq(out, "/local/domain/65535/a", 21);
}
END_TEST

START_TEST(within_and_depth_count_whole_components)
{
#define WITHIN(a, b) pv_xs_path_within(a, strlen(a), b, strlen(b))
	ck_assert(WITHIN("/a/b", "/a"));
	ck_assert(WITHIN("/a", "/a"));
	ck_assert(WITHIN("/a", "/"));
	ck_assert(!WITHIN("/ab", "/a"));
	ck_assert(!WITHIN("/a", "/a/b"));
	ck_assert(!WITHIN("@x", "/"));
	ck_assert_uint_eq(pv_xs_path_depth("/a/b/c", 6, 2), 2);
	ck_assert_uint_eq(pv_xs_path_depth("/a/b/c", 6, 1), 3);
	ck_assert_uint_eq(pv_xs_path_depth("/", 1, 1), 0);
	ck_assert_uint_eq(pv_xs_path_parent("/a/b", 4), 2);
	ck_assert_uint_eq(pv_xs_path_parent("/a", 2), 1);
	ck_assert_uint_eq(pv_xs_path_parent("/", 1), 1);
}
END_TEST

START_TEST(permissions_come_back_as_written)
{
	static const char *const good[] = {"n0", "r1", "w42", "b65535"};
	static const char *const bad[] = {"",	"r",	  "x0",	 "r-1", "r 1",
					  "R1", "r65536", "r1x", "rr1"};
	struct pv_xs_perm perm;
	char text[PV_XS_PERM_TEXT];

	for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		ck_assert_int_eq(pv_xs_perm_parse(&perm, good[i], strlen(good[i])), 0);
		ck_assert_uint_eq(pv_xs_perm_format(text, &perm), strlen(good[i]));
		ck_assert_str_eq(text, good[i]);
	}
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_int_eq(pv_xs_perm_parse(&perm, bad[i], strlen(bad[i])), -PV_EINVAL);
}
END_TEST

START_TEST(sixteen_errors_have_names_and_the_rest_is_eio)
{
	unsigned named = 0;

	for (int e = 1; e < 200; e++) {
		const char *name = pv_xs_error_name(-e);

		ck_assert_ptr_eq(name, pv_xs_error_name(e));
		if (strcmp(name, "EIO")) {
			named++;
			ck_assert_int_eq(pv_xs_error_number(name, strlen(name) + 1), -e);
			ck_assert_int_eq(pv_xs_error_number(name, strlen(name)), -e);
		}
	}
	ck_assert_uint_eq(named, 15);
	ck_assert_int_eq(pv_xs_error_number("ENOEN", 5), -PV_EIO);
	ck_assert_int_eq(pv_xs_error_number("", 0), -PV_EIO);
}
END_TEST

START_TEST(numbers_do_not_wrap)
{
	uint64_t v = 7;

	ck_assert_int_eq(pv_xs_number_parse(&v, "18446744073709551615", 20, UINT64_MAX), 0);
	ck_assert(v == UINT64_MAX);
	ck_assert_int_eq(pv_xs_number_parse(&v, "18446744073709551616", 20, UINT64_MAX),
			 -PV_EINVAL);
	ck_assert_int_eq(pv_xs_number_parse(&v, "65536", 5, 65535), -PV_EINVAL);
	ck_assert_int_eq(pv_xs_number_parse(&v, "", 0, 65535), -PV_EINVAL);
	ck_assert_int_eq(pv_xs_number_parse(&v, "+1", 2, 65535), -PV_EINVAL);
}
END_TEST

START_TEST(header_length_of_4097_is_not_believed)
{
	struct pv_xsd_sockmsg h = {.len = 4096};

	ck_assert_int_eq(pv_xs_header_check(&h), 0);
	h.len = 4097;
	ck_assert_int_eq(pv_xs_header_check(&h), -PV_EBADMSG);
	h.len = UINT32_MAX;
	ck_assert_int_eq(pv_xs_header_check(&h), -PV_EBADMSG);
}
END_TEST

START_TEST(a_string_without_its_nul_is_no_string)
{
	size_t pos = 0, len;

	ck_assert_ptr_null(pv_xs_string_next("abc", 3, &pos, &len));
	ck_assert_str_eq(pv_xs_string_next("abc\0d", 5, &pos, &len), "abc");
	ck_assert_ptr_null(pv_xs_string_next("abc\0d", 5, &pos, &len));
	ck_assert_uint_eq(pv_xs_strings("a\0\0b", 4), 2);
}
END_TEST

RUN("xs_codec", path_rules_are_those_of_stock_xenstored, every_byte_outside_the_alphabet_is_refused,
    path_length_holds_after_the_base_is_added, within_and_depth_count_whole_components,
    permissions_come_back_as_written, sixteen_errors_have_names_and_the_rest_is_eio,
    numbers_do_not_wrap, header_length_of_4097_is_not_believed,
    a_string_without_its_nul_is_no_string)
