/*
 * web_tcp: claims about the web guest's TCP, against a strict model of a peer on a wire that misbehaves. Seeds are
 * printed; WEB_SEED=N runs one of them alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipv4.h"
#include "web_peer.h"
#include "run.h"

#define SEEDS 40

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static const char get_big[] = "GET /big HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

static uint64_t seed_of(int i)
{
	const char *one = getenv("WEB_SEED");
	uint64_t seed = one ? strtoull(one, NULL, 0) : (uint64_t)i + 1;

	printf("# seed %llu\n", (unsigned long long)seed);
	return seed;
}

static void check_big(const struct peer *p)
{
	const uint8_t *body = memmem(p->got, p->got_len, "\r\n\r\n", 4);
	uint32_t i = 0;

	ck_assert_ptr_nonnull(body);
	ck_assert(!memcmp(p->got, "HTTP/1.1 200 OK\r\n", 17));
	body += 4;
	ck_assert_uint_eq(p->got + p->got_len - body, RIG_BIG_LEN);
	/* One claim for all of them: each costs a message to the test's parent. */
	while (i < RIG_BIG_LEN && body[i] == rig_big(i))
		i++;
	ck_assert_uint_eq(i, RIG_BIG_LEN);
}

START_TEST(a_file_arrives_whole_over_a_wire_that_loses_repeats_and_delays)
{
	struct rig *rig = rig_new(seed_of(_i), _i % 3 ? 1500 : 9000, false);
	struct peer *p;

	rig->lose = rig_random(rig, 60);
	rig->repeat = rig_random(rig, 60);
	rig->delay = rig_random(rig, 100);
	rig->read_delay = _i & 1 ? 3 * NET_MS : 0;
	p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	p->mss = _i % 3 ? 1460 : 8960;
	p->hang_up = _i & 2;
	ck_assert(peers_run(rig, 1000 * NET_S));
	ck_assert(p->fin_seen);
	check_big(p);
	rig->lose = rig->repeat = rig->delay = 0;
	rig_run(rig, 2000 * NET_S);
	ck_assert(rig_all_free(rig));
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_slow_reader_with_a_small_window_gets_everything)
{
	struct rig *rig = rig_new(seed_of(_i), 1500, false);
	struct peer *p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 3000);

	rig->lose = 20;
	p->pace = 2500;
	ck_assert(peers_run(rig, 4000 * NET_S));
	check_big(p);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(mail_arrives_whole_over_a_wire_that_loses_repeats_and_delays)
{
	struct rig *rig = rig_new(seed_of(_i), 1500, false);
	static char mail[200000];
	size_t at = 0, lines = 2000;
	char *shown;
	struct peer *p;

	at += (size_t)sprintf(mail + at,
			      "EHLO me\r\nMAIL FROM:<a@b> SIZE=9\r\nRCPT TO:<c@d>\r\nDATA\r\n");
	for (size_t i = 0; i < lines; i++)
		at += (size_t)sprintf(mail + at, "%sline %zu of a letter that is long enough\r\n",
				      i % 7 ? "" : ".", i);
	at += (size_t)sprintf(mail + at, ".\r\nQUIT\r\n");
	rig->lose = rig_random(rig, 60);
	rig->repeat = rig_random(rig, 60);
	rig->delay = rig_random(rig, 200);
	p = peer_connect(rig, 25, mail, (uint32_t)at, 65535);
	ck_assert(peers_run(rig, 1000 * NET_S));
	ck_assert_ptr_nonnull(memmem(p->got, p->got_len, "250 ok\r\n221 bye\r\n", 17));
	rig->log[rig->log_len] = 0;
	shown = rig->log;
	ck_assert_ptr_nonnull(strstr(shown, "mail 1 from: a@b\nmail 1 to: c@d\n"));
	for (size_t i = 0; i < lines; i++) {
		char line[100];

		sprintf(line, "mail 1 | line %zu of a letter that is long enough\n", i);
		shown = strstr(shown, line);
		ck_assert_msg(shown != NULL, "line %zu is missing or out of order", i);
	}
	ck_assert_ptr_nonnull(strstr(shown, "mail 1 accepted\n"));
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(many_connections_at_once_share_few_buffers)
{
	struct rig *rig = rig_new(seed_of(_i), 1500, false);
	struct peer *p[100];

	rig->lose = 10;
	rig->read_delay = 2 * NET_MS;
	for (unsigned i = 0; i < 100; i++)
		p[i] = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	ck_assert(peers_run(rig, 2000 * NET_S));
	for (unsigned i = 0; i < 100; i++)
		check_big(p[i]);
	rig->lose = 0;
	rig_run(rig, 2000 * NET_S);
	ck_assert(rig_all_free(rig));
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_card_that_is_full_delays_and_loses_nothing)
{
	struct rig *rig = rig_new(seed_of(_i), 1500, false);
	struct peer *p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);

	rig->room = 2;
	for (unsigned i = 0; i < 20000 && !p->fin_seen; i++) {
		rig_step(rig, rig->now + NET_MS);
		rig->room = rig_random(rig, 3);
		net_tx_ready(&rig->web.net);
	}
	check_big(p);
	ck_assert_uint_eq(rig->web.net.counters.retransmitted, 0);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(one_lost_segment_is_sent_again_before_the_timer)
{
	struct rig *rig = rig_new(7, 1500, false);
	struct peer *p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	uint64_t began;

	ck_assert(peer_run_until(p, 20000, NET_S));
	began = rig->now;
	/* All that is on the wire now is lost but the last of it. */
	for (unsigned i = 0, kept = 0; i < RIG_FLIGHT; i++)
		if (rig->flight[i].bytes && !rig->flight[i].to_server && kept++ == 0) {
			free(rig->flight[i].bytes);
			rig->flight[i].bytes = NULL;
		}
	ck_assert(peers_run(rig, 100 * NET_S));
	check_big(p);
	ck_assert_uint_ge(rig->web.net.counters.retransmitted, 1);
	ck_assert_msg(rig->now - began < 200 * NET_MS, "%llu ns",
		      (unsigned long long)(rig->now - began));
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_peer_that_falls_silent_is_given_up_and_costs_nothing)
{
	struct rig *rig = rig_new(3, 1500, false);
	struct peer *p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	uint64_t before;

	ck_assert(peer_run_until(p, 5000, NET_S));
	rig->lose = 1000;
	before = rig->frames_out;
	rig_run(rig, 1000 * NET_S);
	ck_assert_uint_eq(tcp_open_connections(&rig->web.net), 0);
	ck_assert(rig_all_free(rig));
	/* Backed off: a frame every now and then, not a storm (delays, window and ARP included). */
	ck_assert_uint_lt(rig->frames_out - before, 120);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_flood_of_syns_leaves_room_for_an_honest_peer)
{
	struct rig *rig = rig_new(5, 1500, false);
	struct peer *old = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 2000), *fresh;
	uint8_t f[100];

	old->pace = 1500;
	ck_assert(peer_run_until(old, 2000, 10 * NET_S));
	for (unsigned i = 0; i < 5000; i++) {
		memset(f, 0, sizeof(f));
		put_be16(f + 34, 1024 + i);
		put_be16(f + 36, 80);
		f[46] = 0x50;
		f[47] = SYN;
		rig_push(rig, f, rig_wrap(f, RIG_PEER, RIG_ADDRESS, IPV4_TCP, 20));
	}
	fresh = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	ck_assert(peers_run(rig, 4000 * NET_S));
	check_big(fresh);
	check_big(old);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_reset_counts_only_at_the_exact_sequence)
{
	struct rig *rig = rig_new(11, 1500, false);
	struct peer *p = peer_connect(rig, 80, "GET ", 4, 65535);

	rig_run(rig, NET_S);
	ck_assert_uint_eq(tcp_open_connections(&rig->web.net), 1);
	for (uint32_t off = 1; off < 20000; off += 977) {
		peer_segment(p, p->iss + 5 + off, p->next, RST, NULL, 0);
		peer_segment(p, p->iss + 5 - off, p->next, RST, NULL, 0);
		rig_run(rig, 10 * NET_MS);
		ck_assert_uint_eq(tcp_open_connections(&rig->web.net), 1);
	}
	/* A SYN in the middle of a connection is somebody's guess, too. */
	peer_segment(p, p->iss + 5, p->next, SYN, NULL, 0);
	rig_run(rig, 10 * NET_MS);
	ck_assert_uint_eq(tcp_open_connections(&rig->web.net), 1);
	peer_segment(p, p->iss + 5, p->next, RST, NULL, 0);
	rig_run(rig, 10 * NET_MS);
	ck_assert_uint_eq(tcp_open_connections(&rig->web.net), 0);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(data_of_a_guessed_acknowledgement_is_not_believed)
{
	struct rig *rig = rig_new(12, 1500, false);
	struct peer *p = peer_connect(rig, 80, "GET ", 4, 65535);

	rig_run(rig, NET_S);
	peer_segment(p, p->iss + 5, p->next + 100000, ACK, "/small HTTP/1.0\r\n\r\n", 19);
	peer_segment(p, p->iss + 5, p->next - 1000000, ACK, "/small HTTP/1.0\r\n\r\n", 19);
	rig_run(rig, NET_S);
	ck_assert_uint_eq(p->got_len, 0);
	ck_assert_uint_eq(tcp_open_connections(&rig->web.net), 1);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_port_without_a_server_is_refused)
{
	struct rig *rig = rig_new(13, 1500, false);
	struct peer *p = peer_connect(rig, 81, "x", 1, 65535);

	ck_assert(peers_run(rig, NET_S));
	ck_assert(p->refused);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_read_that_fails_breaks_the_connection_and_no_other)
{
	struct rig *rig = rig_new(14, 1500, false);
	struct peer *p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535), *q;

	rig->read_delay = NET_MS;
	rig->reads_fail = true;
	ck_assert(peers_run(rig, 10 * NET_S));
	ck_assert(p->refused);
	rig->reads_fail = false;
	q = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	ck_assert(peers_run(rig, 10 * NET_S));
	check_big(q);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

START_TEST(a_port_can_be_used_again_at_once)
{
	struct rig *rig = rig_new(15, 1500, false);
	struct peers *all;
	struct peer *p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);

	p->hang_up = true;
	ck_assert(peers_run(rig, 10 * NET_S));
	rig_run(rig, 100 * NET_MS);
	/* The same four numbers, a later first sequence number: TIME_WAIT gives way. */
	all = rig->peer_ctx;
	p->port = 1;
	all->n = 1;
	p = peer_connect(rig, 80, get_big, sizeof(get_big) - 1, 65535);
	p->iss = p->una = all->peer[0]->iss + 100000;
	p->port = 20000;
	for (unsigned i = 0; i < RIG_FLIGHT; i++) {
		free(rig->flight[i].bytes);
		rig->flight[i].bytes = NULL;
	}
	p->resend_at = 0;
	ck_assert(peers_run(rig, 10 * NET_S));
	check_big(p);
	peers_free(rig);
	rig_free(rig);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("tcp");

	tcase_set_timeout(t, 120);
	tcase_add_loop_test(t, a_file_arrives_whole_over_a_wire_that_loses_repeats_and_delays, 0,
			    SEEDS);
	tcase_add_loop_test(t, a_slow_reader_with_a_small_window_gets_everything, 0, 3);
	tcase_add_loop_test(t, mail_arrives_whole_over_a_wire_that_loses_repeats_and_delays, 0, 10);
	tcase_add_loop_test(t, many_connections_at_once_share_few_buffers, 0, 2);
	tcase_add_loop_test(t, a_card_that_is_full_delays_and_loses_nothing, 0, 3);
	tcase_add_test(t, one_lost_segment_is_sent_again_before_the_timer);
	tcase_add_test(t, a_peer_that_falls_silent_is_given_up_and_costs_nothing);
	tcase_add_test(t, a_flood_of_syns_leaves_room_for_an_honest_peer);
	tcase_add_test(t, a_reset_counts_only_at_the_exact_sequence);
	tcase_add_test(t, data_of_a_guessed_acknowledgement_is_not_believed);
	tcase_add_test(t, a_port_without_a_server_is_refused);
	tcase_add_test(t, a_read_that_fails_breaks_the_connection_and_no_other);
	tcase_add_test(t, a_port_can_be_used_again_at_once);
	return run_case("web_tcp", t);
}
