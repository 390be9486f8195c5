/*
 * Unit tests of the stream codec: what it writes is what it reads, and what no reader should take is refused.
 */
#include <pv/abi/errno.h>
#include <pv/stream.h>
#include <stdlib.h>
#include <string.h>
#include "run.h"

START_TEST(headers_come_back_as_written)
{
	uint8_t buf[PV_STREAM_HEADERS_SIZE];

	pv_stream_headers_put(buf, PV_STREAM_DHDR_TYPE_X86_PV, 4 << 16 | 17);
	ck_assert_int_eq(pv_stream_headers_get(buf), PV_STREAM_DHDR_TYPE_X86_PV);
	/* As the specification draws them: all ones, "XENF", version 3. */
	ck_assert_mem_eq(buf,
			 "\xff\xff\xff\xff\xff\xff\xff\xff\x58\x45\x4e\x46\0\0\0\3\0\0\0\0\0\0\0\0",
			 24);
	ck_assert_mem_eq(buf + 24, "\1\0\0\0\14\0\0\0\4\0\0\0\21\0\0\0", 16);
}
END_TEST

START_TEST(headers_refuse_every_damaged_byte_that_matters)
{
	uint8_t buf[PV_STREAM_HEADERS_SIZE];
	unsigned i;

	for (i = 0; i < 16; i++) {
		pv_stream_headers_put(buf, PV_STREAM_DHDR_TYPE_X86_HVM, 4 << 16 | 17);
		buf[i] ^= 0x10;
		ck_assert_int_lt(pv_stream_headers_get(buf), 0);
	}
	pv_stream_headers_put(buf, 3, 4 << 16 | 17);
	ck_assert_int_eq(pv_stream_headers_get(buf), -PV_EOPNOTSUPP);
	pv_stream_headers_put(buf, PV_STREAM_DHDR_TYPE_X86_PV, 0);
	buf[17] = PV_STREAM_IHDR_OPT_BIG_ENDIAN;
	ck_assert_int_eq(pv_stream_headers_get(buf), -PV_EOPNOTSUPP);
	pv_stream_headers_put(buf, PV_STREAM_DHDR_TYPE_X86_PV, 0);
	buf[28] = 13;
	ck_assert_int_eq(pv_stream_headers_get(buf), -PV_EOPNOTSUPP);
}
END_TEST

START_TEST(records_are_taken_in_order_only)
{
	struct pv_stream_check c = {0};

	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_PAGE_DATA, 16 + 4096), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_END, 0), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_PV_CONFIG, 10), 0);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_STATIC_DATA_END, 0), 0);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_STATIC_DATA_END, 0), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_PV_CONFIG, 10), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_PAGE_DATA, 16 + 4096), 0);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_END, 0), 0);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_PAGE_DATA, 16 + 4096), -PV_EBADMSG);
}
END_TEST

START_TEST(unknown_records_are_skipped_only_if_optional)
{
	struct pv_stream_check c = {0};

	ck_assert_int_eq(pv_stream_check(&c, 0x80001234u, 99), 1);
	ck_assert_int_eq(pv_stream_check(&c, 0x00001234u, 99), -PV_EOPNOTSUPP);
	ck_assert_int_eq(pv_stream_check(&c, 0x80001234u, PV_STREAM_REC_LENGTH_MAX + 1),
			 -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_X86_TSC_INFO, 23), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_check(&c, PV_STREAM_REC_X86_TSC_INFO, 25), -PV_EBADMSG);
}
END_TEST

START_TEST(page_counts_must_fit_the_record)
{
	uint8_t body[8] = {2};

	ck_assert_int_eq(pv_stream_page_count(body, 8 + 16 + 2 * 4096), 2);
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 16), 2);
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 16 + 3 * 4096), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 16 + 4095), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 15), -PV_EBADMSG);
	body[0] = 0;
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 4096), -PV_EBADMSG);
	body[1] = 4;
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 1024 * 8), 1024);
	body[0] = 1;
	ck_assert_int_eq(pv_stream_page_count(body, 8 + 1025 * 8), -PV_EBADMSG);
	body[3] = 0xff;
	ck_assert_int_eq(pv_stream_page_count(body, 0xffffffff), -PV_EBADMSG);
}
END_TEST

START_TEST(page_entries_say_whether_data_follows)
{
	uint64_t gfn;

	ck_assert_int_eq(pv_stream_page_entry(0x123, &gfn), 1);
	ck_assert_uint_eq(gfn, 0x123);
	ck_assert_int_eq(pv_stream_page_entry(0x123 | (uint64_t)PV_STREAM_PFN_XTAB << 60, &gfn), 0);
	ck_assert_int_eq(pv_stream_page_entry(0x123 | (uint64_t)7 << 60, &gfn), -PV_EBADMSG);
	ck_assert_int_eq(pv_stream_page_entry(0x123 | (uint64_t)1 << 53, &gfn), -PV_EBADMSG);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("codec");

	tcase_add_test(t, headers_come_back_as_written);
	tcase_add_test(t, headers_refuse_every_damaged_byte_that_matters);
	tcase_add_test(t, records_are_taken_in_order_only);
	tcase_add_test(t, unknown_records_are_skipped_only_if_optional);
	tcase_add_test(t, page_counts_must_fit_the_record);
	tcase_add_test(t, page_entries_say_whether_data_follows);
	return run_case("stream", t);
}
