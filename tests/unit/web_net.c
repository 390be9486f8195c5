/*
 * web_net: claims about the web guest's stack below TCP: DHCP, ARP, ICMP, and frames that are wrong.
 */
#include <stdlib.h>
#include <string.h>

#include "checksum.h"
#include "ipv4.h"
#include "web_rig.h"
#include "run.h"

static struct rig *rig;
static uint8_t last[2000];
static uint32_t last_len, n_seen;

static void keep(struct rig *r, const uint8_t *f, uint32_t len)
{
	memcpy(last, f, len);
	last_len = len;
	n_seen++;
}

static void begin(bool dhcp)
{
	rig = rig_new(1, 1500, dhcp);
	rig->peer = keep;
	last_len = n_seen = 0;
}

static uint8_t dhcp_type(void)
{
	return last_len > 285 && get_be16(last + 36) == 67 ? last[42 + 236 + 4 + 2] : 0;
}

/* A server's answer to the last message, with options after the type. */
static void dhcp_answer(uint8_t type, uint32_t address, const void *options, uint32_t n)
{
	uint8_t f[700] = {0};
	uint8_t *m = f + 42;

	put_be16(f + 34, 67);
	put_be16(f + 36, 68);
	memcpy(m, last + 42, 236);
	m[0] = 2;
	put_be32(m + 16, address);
	put_be32(m + 236, 0x63825363);
	m[240] = 53;
	m[241] = 1;
	m[242] = type;
	memcpy(m + 243, options, n);
	m[243 + n] = 255;
	put_be16(f + 38, 8 + 244 + n);
	rig_send(rig, f, rig_wrap(f, RIG_PEER, 0xffffffff, IPV4_UDP, 8 + 244 + n));
	rig_run(rig, 10 * NET_MS);
}

/* Mask, router, server, a lease of an hour. */
static const uint8_t lease[] = {1,  4, 255, 255, 255, 0, 3,  4, 10, 9, 0,  1,
				54, 4, 10,  9,	 0,   1, 51, 4, 0,  0, 14, 16};

static void become_bound(void)
{
	rig_run(rig, 10 * NET_MS);
	if (!dhcp_type())
		rig_run(rig, 3 * NET_S);
	ck_assert_uint_eq(dhcp_type(), 1);
	dhcp_answer(2, RIG_ADDRESS, lease, sizeof(lease));
	ck_assert_uint_eq(dhcp_type(), 3);
	ck_assert_uint_eq(rig->web.net.address, 0);
	dhcp_answer(5, RIG_ADDRESS, lease, sizeof(lease));
	ck_assert_uint_eq(rig->web.net.address, RIG_ADDRESS);
	ck_assert_uint_eq(rig->web.net.router, RIG_PEER);
}

START_TEST(dhcp_gives_an_address_and_renews_it)
{
	uint64_t bound;

	begin(true);
	become_bound();
	bound = rig->now;
	n_seen = 0;
	rig_run(rig, 1700 * NET_S);
	ck_assert_uint_eq(n_seen, 0);
	rig_run(rig, 200 * NET_S);
	ck_assert_uint_eq(dhcp_type(), 3);
	ck_assert_uint_eq(get_be32(last + 30), RIG_PEER); /* to the server alone */
	dhcp_answer(5, RIG_ADDRESS, lease, sizeof(lease));
	rig_run(rig, bound + 3700 * NET_S - rig->now);
	ck_assert_uint_eq(rig->web.net.address, RIG_ADDRESS);
	rig_free(rig);
}
END_TEST

START_TEST(a_lease_that_nobody_renews_is_given_up)
{
	begin(true);
	become_bound();
	rig_run(rig, 3500 * NET_S);
	ck_assert_uint_eq(rig->web.net.address, RIG_ADDRESS);
	ck_assert_uint_eq(get_be32(last + 30), 0xffffffff); /* asks everybody by now */
	rig_run(rig, 200 * NET_S);
	ck_assert_uint_eq(rig->web.net.address, 0);
	ck_assert_uint_eq(dhcp_type(), 1);
	rig_free(rig);
}
END_TEST

START_TEST(a_refused_request_starts_again)
{
	begin(true);
	rig_run(rig, 10 * NET_MS);
	if (!dhcp_type())
		rig_run(rig, 3 * NET_S);
	dhcp_answer(2, RIG_ADDRESS, lease, sizeof(lease));
	ck_assert_uint_eq(dhcp_type(), 3);
	dhcp_answer(6, 0, NULL, 0);
	ck_assert_uint_eq(dhcp_type(), 1);
	become_bound();
	rig_free(rig);
}
END_TEST

START_TEST(absurd_answers_of_a_dhcp_server_are_ignored)
{
	static const uint8_t cut[] = {51, 200, 1};
	static const uint32_t bad[] = {0, 0xffffffff, 0x7f000001, 0xe0000001};

	begin(true);
	rig_run(rig, 4 * NET_S);
	for (unsigned i = 0; i < 4; i++) {
		dhcp_answer(2, bad[i], lease, sizeof(lease));
		ck_assert_uint_eq(rig->web.net.dhcp.state, DHCP_SELECTING);
	}
	dhcp_answer(2, RIG_ADDRESS, cut, sizeof(cut));
	ck_assert_uint_eq(rig->web.net.dhcp.state, DHCP_SELECTING);
	last[42 + 5] ^= 1; /* somebody else's transaction */
	dhcp_answer(2, RIG_ADDRESS, lease, sizeof(lease));
	ck_assert_uint_eq(rig->web.net.dhcp.state, DHCP_SELECTING);
	rig_free(rig);
}
END_TEST

static uint32_t echo(uint8_t *f, uint32_t to, uint32_t n)
{
	memset(f, 0, 42 + n);
	f[34] = 8;
	f[41] = 7;
	for (uint32_t i = 0; i < n; i++)
		f[42 + i] = (uint8_t)i;
	return rig_wrap(f, RIG_PEER, to, IPV4_ICMP, 8 + n);
}

START_TEST(an_echo_request_gets_its_answer)
{
	static const uint32_t sizes[] = {0, 1, 56, 1471, 1472};
	uint8_t f[2000];

	begin(false);
	for (unsigned i = 0; i < 5; i++) {
		struct checksum c = {0};

		rig_send(rig, f, echo(f, RIG_ADDRESS, sizes[i]));
		rig_run(rig, 10 * NET_MS);
		if (i == 0) {
			/* The first answer waited for ARP, and was not kept. */
			rig_send(rig, f, echo(f, RIG_ADDRESS, sizes[i]));
			rig_run(rig, 10 * NET_MS);
		}
		ck_assert_uint_eq(n_seen, i + 1);
		ck_assert_uint_eq(last_len, 42 + sizes[i]);
		ck_assert_uint_eq(last[34], 0);
		ck_assert(!memcmp(last + 38, f + 38, 4 + sizes[i]));
		checksum_add(&c, last + 34, last_len - 34);
		ck_assert_uint_eq(checksum_end(&c), 0);
	}
	ck_assert(rig_all_free(rig));
	rig_free(rig);
}
END_TEST

START_TEST(what_is_wrong_or_for_others_gets_no_answer)
{
	uint8_t good[200], f[200];
	uint32_t len;

	begin(false);
	len = echo(good, RIG_ADDRESS, 20);
	rig_send(rig, good, len);
	rig_run(rig, NET_S);
	rig_send(rig, good, len);
	rig_run(rig, NET_S);
	ck_assert_uint_eq(n_seen, 1);
	for (uint32_t n = 0; n < len; n++)
		rig_push(rig, good, n);
	/* Any one bit changed: a checksum or an address is wrong. (Bytes 6 to 11 are the sender's card.) */
	for (uint32_t bit = 0; bit < len * 8; bit++) {
		if (bit / 8 >= 6 && bit / 8 < 12)
			continue;
		memcpy(f, good, len);
		f[bit / 8] ^= (uint8_t)(1 << bit % 8);
		if (f[0] & 1)
			continue; /* to many: that is for us, too */
		rig_push(rig, f, len);
	}
	rig_push(rig, f, echo(f, 0xffffffff, 20));
	rig_push(rig, f, echo(f, RIG_ADDRESS | 0xff, 20));
	rig_push(rig, f, echo(f, RIG_ADDRESS + 1, 20));
	rig_run(rig, NET_S);
	ck_assert_uint_eq(n_seen, 1);
	ck_assert(rig_all_free(rig));
	rig_free(rig);
}
END_TEST

START_TEST(checksums_agree_however_the_data_is_cut)
{
	uint8_t data[300];

	begin(false);
	for (unsigned i = 0; i < 5000; i++) {
		struct checksum pieces = {0};
		uint32_t sum = 0, n = rig_random(rig, sizeof(data)), at = 0;

		for (uint32_t k = 0; k < n; k++) {
			data[k] = (uint8_t)(rig_random(rig, 4) ? rig_random(rig, 256) : 0xff);
			sum += k & 1 ? data[k] : (uint32_t)data[k] << 8;
		}
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		while (at < n) {
			uint32_t part = 1 + rig_random(rig, n - at);

			checksum_add(&pieces, data + at, part);
			at += part;
		}
		ck_assert_msg(checksum_end(&pieces) == (uint16_t)~sum, "round %u", i);
	}
	rig_free(rig);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("net");

	tcase_set_timeout(t, 60);
	tcase_add_test(t, dhcp_gives_an_address_and_renews_it);
	tcase_add_test(t, a_lease_that_nobody_renews_is_given_up);
	tcase_add_test(t, a_refused_request_starts_again);
	tcase_add_test(t, absurd_answers_of_a_dhcp_server_are_ignored);
	tcase_add_test(t, an_echo_request_gets_its_answer);
	tcase_add_test(t, what_is_wrong_or_for_others_gets_no_answer);
	tcase_add_test(t, checksums_agree_however_the_data_is_cut);
	return run_case("web_net", t);
}
