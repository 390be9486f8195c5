/*
 * web_http: claims about what the web server answers: statuses, ranges, pipelining, indexes, /status, and what a bad
 * request gets.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "web_peer.h"
#include "run.h"

#define HOST  "Host: x\r\n"
#define CLOSE "Connection: close\r\n"

static struct rig *rig;

/* Send, wait for the end, and return everything that was answered. */
static const char *ask(const char *request)
{
	struct peer *p = peer_connect(rig, 80, request, (uint32_t)strlen(request), 65535);

	ck_assert(peers_run(rig, 100 * NET_S));
	p->got[p->got_len < PEER_MAX ? p->got_len : PEER_MAX - 1] = 0;
	return (const char *)p->got;
}

static void setup(void)
{
	rig = rig_new(1, 1500, false);
}

static void teardown(void)
{
	rig_run(rig, 100 * NET_S);
	ck_assert(rig_all_free(rig));
	peers_free(rig);
	rig_free(rig);
}

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static const struct {
	const char *request, *status;
} cases[] = {
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "\r\n", "200 "},
	{"GET /small HTTP/1.0\r\n\r\n", "200 "},
	{"\r\nGET /small HTTP/1.0\n\n", "200 "},
	{"GET http://x/small HTTP/1.1\r\n" HOST CLOSE "\r\n", "200 "},
	{"GET /s%6dall?query#x HTTP/1.0\r\n\r\n", "200 "},
	{"GET /sub/ HTTP/1.0\r\n\r\n", "200 "},
	{"GET /sub HTTP/1.0\r\n\r\n", "301 "},
	{"GET /small/ HTTP/1.0\r\n\r\n", "404 "},
	{"GET /none HTTP/1.0\r\n\r\n", "404 "},
	{"GET /../small HTTP/1.0\r\n\r\n", "404 "},
	{"GET /%2e%2e/small HTTP/1.0\r\n\r\n", "404 "},
	{"POST /small HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc", "405 "},
	{"DELETE /small HTTP/1.0\r\n\r\n", "405 "},
	{"BREW /small HTTP/1.0\r\n\r\n", "501 "},
	{"get /small HTTP/1.0\r\n\r\n", "501 "},
	{"GET /small HTTP/2.0\r\n\r\n", "505 "},
	{"GET /small\r\n\r\n", "400 "},
	{"GET small HTTP/1.0\r\n\r\n", "400 "},
	{"GET /a%00b HTTP/1.0\r\n\r\n", "400 "},
	{"GET /a%zz HTTP/1.0\r\n\r\n", "400 "},
	{"GET /a% HTTP/1.0\r\n\r\n", "400 "},
	{"GET /small HTTP/1.1\r\n\r\n", "400 "},
	{"GET /small HTTP/1.1\r\n" HOST HOST "\r\n", "400 "},
	{"GET /small HTTP/1.1\r\nHost : x\r\n\r\n", "400 "},
	{"GET /small HTTP/1.1\r\n" HOST "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400 "},
	{"GET /small HTTP/1.1\r\n" HOST "Content-Length: -1\r\n\r\n", "400 "},
	{"GET /small HTTP/1.1\r\n" HOST "folded\r\n more\r\n\r\n", "400 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=1-3\r\n\r\n", "206 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=6-\r\n\r\n", "416 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=-0\r\n\r\n", "416 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=3-1\r\n\r\n", "200 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=0-1,3-4\r\n\r\n", "200 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=99999999999999999999-\r\n\r\n", "200 "},
	{"GET /small HTTP/1.1\r\n" HOST CLOSE "Range: bytes=0-1\r\nIf-Range: \"other\"\r\n\r\n",
	 "200 "},
};

START_TEST(each_request_gets_the_status_it_deserves)
{
	const char *answer = ask(cases[_i].request);

	ck_assert_msg(begins(answer, "HTTP/1.1 ") && begins(answer + 9, cases[_i].status),
		      "%s got %.20s", cases[_i].request, answer);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
	const char *a =
		ask("GET /small HTTP/1.1\r\n" HOST "\r\nHEAD /big HTTP/1.1\r\n" HOST "\r\n"
		    "GET /none HTTP/1.1\r\n" HOST "\r\nGET /sub/ HTTP/1.1\r\n" HOST CLOSE "\r\n"
		    "GET /small HTTP/1.1\r\n" HOST "\r\n");
	const char *small = strstr(a, "\r\n\r\nsmall\nHTTP/1.1 200 OK"),
		   *none = strstr(a, "HTTP/1.1 404"), *sub = strstr(a, "\r\n\r\nindex");

	ck_assert(begins(a, "HTTP/1.1 200 OK"));
	ck_assert_ptr_nonnull(small);
	ck_assert_ptr_nonnull(strstr(small, "Content-Length: 300000\r\n\r\nHTTP/1.1 404"));
	ck_assert(small < none && none < sub);
	/* Nothing is answered after the peer asked to end. */
	ck_assert_str_eq(sub, "\r\n\r\nindex");
}
END_TEST

static void range_is(const char *range, uint32_t first, uint32_t n)
{
	char request[200], head[100];
	const char *a, *body;

	snprintf(request, sizeof(request),
		 "GET /big HTTP/1.1\r\n" HOST CLOSE "Range: bytes=%s\r\n\r\n", range);
	snprintf(head, sizeof(head), "Content-Range: bytes %u-%u/%u\r\n", first, first + n - 1,
		 RIG_BIG_LEN);
	a = ask(request);
	ck_assert_msg(strstr(a, head) != NULL, "%s: %.400s", range, a);
	snprintf(head, sizeof(head), "Content-Length: %u\r\n", n);
	ck_assert_ptr_nonnull(strstr(a, head));
	body = strstr(a, "\r\n\r\n") + 4;
	for (uint32_t i = 0; i < n; i++)
		if ((uint8_t)body[i] != rig_big(first + i))
			ck_abort_msg("byte %u of %s", i, range);
}

START_TEST(a_range_is_exactly_what_was_asked_for)
{
	range_is("0-0", 0, 1);
	range_is("511-512", 511, 2);
	range_is("1-70000", 1, 70000);
	range_is("299999-", 299999, 1);
	range_is("299000-999999999999", 299000, 1000);
	range_is("-1", 299999, 1);
	range_is("-400000", 0, 300000);
}
END_TEST

START_TEST(a_file_that_the_peer_has_is_not_sent_again)
{
	const char *a = ask("HEAD /big HTTP/1.1\r\n" HOST CLOSE "\r\n"), *tag = strstr(a, "ETag: ");
	char request[300];

	ck_assert_ptr_nonnull(tag);
	snprintf(request, sizeof(request),
		 "GET /big HTTP/1.1\r\n" HOST CLOSE "If-None-Match: %.*s\r\n\r\n",
		 (int)strcspn(tag + 6, "\r"), tag + 6);
	ck_assert(begins(ask(request), "HTTP/1.1 304 "));
	snprintf(request, sizeof(request),
		 "GET /big HTTP/1.1\r\n" HOST CLOSE "Range: bytes=0-1\r\nIf-Range: %.*s\r\n\r\n",
		 (int)strcspn(tag + 6, "\r"), tag + 6);
	ck_assert(begins(ask(request), "HTTP/1.1 206 "));
}
END_TEST

START_TEST(a_folder_without_index_is_listed)
{
	const char *a = ask("GET / HTTP/1.0\r\n\r\n"), *body = strstr(a, "\r\n\r\n") + 4;
	char length[50];

	ck_assert_ptr_nonnull(strstr(body, "<a href=\"./small\">small</a> 6\n"));
	ck_assert_ptr_nonnull(strstr(body, "<a href=\"./sub/\">sub/</a>\n"));
	ck_assert_ptr_null(strstr(body, "index.html"));
	snprintf(length, sizeof(length), "Content-Length: %zu\r\n", strlen(body));
	ck_assert_ptr_nonnull(strstr(a, length));
}
END_TEST

START_TEST(a_long_listing_has_the_length_it_says)
{
	static uint8_t h[512];
	char name[100];
	const char *a, *length;

	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "<many>/file &%u \"quoted\"", i);
		rig_tar_header(h, name, 0, '0');
		rig->web.tar.next = 1;
		ck_assert_int_eq(tar_feed(&rig->web.tar, h), 0);
	}
	a = ask("GET /%3Cmany%3E/ HTTP/1.0\r\n\r\n");
	length = strstr(a, "Content-Length: ");
	ck_assert_uint_eq(strtoul(length + 16, NULL, 10), strlen(strstr(a, "\r\n\r\n") + 4));
	ck_assert_ptr_nonnull(strstr(a, "./file%20%262999%20%22quoted%22\">file &amp;2999 "
					"&quot;quoted&quot;</a> 0\n</ul>"));
}
END_TEST

START_TEST(status_is_one_json_object)
{
	const char *a = ask("GET /status HTTP/1.0\r\n\r\n"), *body = strstr(a, "\r\n\r\n") + 4;

	ck_assert(begins(body, "{\"uptime_ns\":"));
	ck_assert_ptr_nonnull(strstr(body, ",\"requests\":1,"));
	ck_assert_ptr_nonnull(strstr(body, ",\"address\":\"10.9.0.2\""));
	ck_assert_str_eq(body + strlen(body) - 2, "}\n");
}
END_TEST

START_TEST(a_head_that_never_ends_is_refused)
{
	static char request[REQUEST_MAX + 2000];

	memset(request, 'a', sizeof(request) - 1);
	memcpy(request, "GET / HTTP/1.0\r\nx: ", 19);
	ck_assert(begins(ask(request), "HTTP/1.1 431 "));
	memcpy(request, "GET /", 5);
	memset(request + 5, 'p', 2000);
	memcpy(request + 2005, " HTTP/1.0\r\n\r\n", 14);
	ck_assert(begins(ask(request), "HTTP/1.1 414 "));
}
END_TEST

START_TEST(a_peer_that_asks_nothing_is_sent_away)
{
	uint64_t before = rig->now;
	struct peer *p = peer_connect(rig, 80, "GET /", 5, 65535);

	ck_assert(peers_run(rig, 200 * NET_S));
	ck_assert(p->fin_seen);
	ck_assert_uint_lt(rig->now - before, 70 * NET_S);
	ck_assert_uint_gt(rig->now - before, 50 * NET_S);
}
END_TEST

START_TEST(mail_commands_out_of_order_are_refused)
{
	const char *m = "DATA\r\nHELO x\r\nRCPT TO:<a>\r\nDATA\r\nMAIL FROM:a\r\nMAIL "
			"FROM:<>\r\nMAIL FROM:<>\r\n"
			"DATA\r\nRCPT TO:<>\r\nRSET\r\nDATA\r\nVRFY a\r\nWHAT\r\nNOOP\r\nQUIT\r\n";
	struct peer *p = peer_connect(rig, 25, m, (uint32_t)strlen(m), 65535);
	static const char *const codes[] = {"220", "503", "250", "503", "503", "501", "250", "503",
					    "503", "501", "250", "503", "252", "500", "250", "221"};
	char *at;

	ck_assert(peers_run(rig, 100 * NET_S));
	p->got[p->got_len] = 0;
	at = (char *)p->got;
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		char *next = strsep(&at, "\n");

		ck_assert_msg(next && begins(next, codes[i]), "%u: %s, not %s", i, next, codes[i]);
	}
}
END_TEST

START_TEST(only_cr_lf_ends_mail_and_no_control_byte_is_shown)
{
	const char *m = "HELO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\nx\n.\nMAIL "
			"FROM:<evil>\r\n\033[2J\r\n.\r\nQUIT\r\n";

	peer_connect(rig, 25, m, (uint32_t)strlen(m), 65535);
	ck_assert(peers_run(rig, 100 * NET_S));
	rig->log[rig->log_len] = 0;
	ck_assert_ptr_nonnull(strstr(
		rig->log, "mail 1 | x?.?MAIL FROM:<evil>\nmail 1 | ?[2J\nmail 1 accepted\n"));
	ck_assert_ptr_null(strstr(rig->log, "mail 2"));
}
END_TEST

START_TEST(a_letter_that_is_too_long_is_refused_after_it_was_read)
{
	static char m[SMTP_SIZE + 10000];
	size_t n = (size_t)sprintf(m, "HELO x\r\nMAIL FROM:<a>\r\nRCPT TO:<b>\r\nDATA\r\n");
	struct peer *p;

	memset(m + n, 'z', SMTP_SIZE + 5000);
	n += SMTP_SIZE + 5000;
	n += (size_t)sprintf(m + n, "\r\n.\r\nQUIT\r\n");
	p = peer_connect(rig, 25, m, (uint32_t)n, 65535);
	ck_assert(peers_run(rig, 1000 * NET_S));
	p->got[p->got_len] = 0;
	ck_assert_ptr_nonnull(strstr(
		(char *)p->got,
		"354 end with a dot on a line of its own\r\n552 the message is too long\r\n221 "));
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("http");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_loop_test(t, each_request_gets_the_status_it_deserves, 0,
			    sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(t, pipelined_requests_are_answered_in_order);
	tcase_add_test(t, a_range_is_exactly_what_was_asked_for);
	tcase_add_test(t, a_file_that_the_peer_has_is_not_sent_again);
	tcase_add_test(t, a_folder_without_index_is_listed);
	tcase_add_test(t, a_long_listing_has_the_length_it_says);
	tcase_add_test(t, status_is_one_json_object);
	tcase_add_test(t, a_head_that_never_ends_is_refused);
	tcase_add_test(t, a_peer_that_asks_nothing_is_sent_away);
	tcase_add_test(t, mail_commands_out_of_order_are_refused);
	tcase_add_test(t, only_cr_lf_ends_mail_and_no_control_byte_is_shown);
	tcase_add_test(t, a_letter_that_is_too_long_is_refused_after_it_was_read);
	return run_case("web_http", t);
}
