/*
 * Sums, segments and hashes of frames (pv/net.h): what is computed is what the standards say, and no byte beyond a
 * frame is touched.
 */
#include <stdlib.h>
#include <string.h>
#include <pv/abi/errno.h>
#include <pv/net.h>
#include "mem_bus.h"
#include "run.h"

static uint64_t seed;

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A TCP super-frame: tags VLAN tags, IP of this version, `options` bytes of TCP options. */
static uint32_t super_frame(uint8_t *f, unsigned version, unsigned tags, unsigned options,
			    uint32_t payload)
{
	uint32_t at = 12, tcp = 20 + options, i;

	memset(f, 2, 12);
	for (i = 0; i < tags; i++, at += 4) {
		put16(f + at, 0x8100);
		put16(f + at + 2, 7);
	}
	put16(f + at, version == 4 ? 0x0800 : 0x86dd);
	at += 2;
	if (version == 4) {
		memset(f + at, 0, 20);
		f[at] = 0x45;
		put16(f + at + 2, 20 + tcp + payload);
		put16(f + at + 4, 0xfffe);
		f[at + 8] = 64;
		f[at + 9] = 6;
		memcpy(f + at + 12, "\x0a\0\0\1\x0a\0\0\2", 8);
		at += 20;
	} else {
		memset(f + at, 0, 40);
		f[at] = 0x60;
		put16(f + at + 4, tcp + payload);
		f[at + 6] = 6;
		f[at + 7] = 64;
		for (i = 8; i < 40; i++)
			f[at + i] = (uint8_t)(i * 3);
		at += 40;
	}
	memset(f + at, 1, tcp);
	put16(f + at + 4, 0xffff); /* a sequence number that wraps on the way */
	put16(f + at + 6, 0xff00);
	f[at + 12] = (uint8_t)(tcp / 4 << 4);
	f[at + 13] = 0x80 | 0x10 | 0x08 | 0x01; /* CWR ACK PSH FIN */
	at += tcp;
	for (i = 0; i < payload; i++)
		f[at + i] = (uint8_t)(i * 7 + (i >> 8));
	return at + payload;
}

/* A segment with a right checksum sums to all ones with its pseudo-header. */
static void check_transport(const uint8_t *f, uint32_t len)
{
	struct pv_net_headers h;

	ck_assert_int_eq(pv_net_find(f, len, &h), 0);
	ck_assert_uint_eq(h.at + h.len, len);
	ck_assert_uint_eq(pv_csum_add((uint32_t)h.pseudo + 6 + h.len, f + h.at, h.len), 0xffff);
}

static void check_sums(const uint8_t *f, uint32_t len)
{
	struct pv_net_headers h;

	check_transport(f, len);
	pv_net_find(f, len, &h);
	if (h.version == 4)
		ck_assert_uint_eq(pv_csum_add(0, f + h.ip, h.at - h.ip), 0xffff);
}

START_TEST(segments_carry_the_payload_once_with_headers_that_are_right)
{
	struct rng g = {seed};
	static uint8_t frame[65536], out[65536];
	unsigned k;

	for (k = 0; k < 600; k++) {
		unsigned version = k & 1 ? 4 : 6, tags = rng_below(&g, 3),
			 options = 4 * rng_below(&g, 11);
		uint32_t payload = rng_below(&g, 4) ? rng_below(&g, 65535 - 200) : rng_below(&g, 3);
		uint32_t len = super_frame(frame, version, tags, options, payload), i, at = 0;
		struct pv_net_meta meta = {.gso_type =
						   version == 4 ? PV_NET_GSO_TCP4 : PV_NET_GSO_TCP6,
					   .gso_size = (uint16_t)(8 + rng_below(&g, 9000))};
		uint32_t headers = len - payload;
		struct pv_gso s;

		ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), 0);
		for (i = 0; i < pv_gso_count(&s); i++) {
			uint32_t n = pv_gso_segment(&s, i, out), seq;
			const uint8_t *tcp = out + headers - 20 - options;
			bool last = i + 1 == pv_gso_count(&s);

			ck_assert_uint_le(n, pv_gso_room(&s));
			ck_assert(last || n == headers + meta.gso_size);
			ck_assert_int_eq(memcmp(out + headers, frame + headers + at, n - headers),
					 0);
			check_sums(out, n);
			seq = (uint32_t)get16(tcp + 4) << 16 | get16(tcp + 6);
			ck_assert_uint_eq(seq, 0xffffff00u + at);
			ck_assert_uint_eq(tcp[13] & 0x80, i ? 0 : 0x80);
			ck_assert_uint_eq(tcp[13] & 0x09, last ? 0x09 : 0);
			if (version == 4)
				ck_assert_uint_eq(get16(tcp - 16), (uint16_t)(0xfffe + i));
			at += n - headers;
		}
		ck_assert_uint_eq(at, payload);
	}
}
END_TEST

START_TEST(what_is_no_super_frame_is_refused)
{
	static uint8_t frame[4000];
	struct pv_net_meta meta = {.gso_type = PV_NET_GSO_TCP4, .gso_size = 1448};
	uint32_t len = super_frame(frame, 4, 0, 12, 3000), cut;
	struct pv_gso s;

	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), 0);
	for (cut = 0; cut < len; cut++)
		ck_assert_int_eq(pv_gso_begin(&s, frame, cut, &meta), -PV_EINVAL);
	meta.gso_size = PV_NET_GSO_MIN - 1;
	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), -PV_EINVAL);
	meta.gso_size = 1448;
	meta.gso_type = PV_NET_GSO_TCP6;
	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), -PV_EINVAL);
	meta.gso_type = PV_NET_GSO_TCP4;
	frame[23] = 17; /* UDP */
	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), -PV_EINVAL);
	frame[23] = 6;
	frame[20] = 0x20; /* a fragment */
	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), -PV_EINVAL);
	frame[20] = 0;
	frame[46] = 0xf0; /* a TCP header that is longer than it is, but not than the packet */
	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), 0);
	frame[46] = 0x40; /* and one shorter than any */
	ck_assert_int_eq(pv_gso_begin(&s, frame, len, &meta), -PV_EINVAL);
}
END_TEST

START_TEST(random_frames_are_survived)
{
	static const uint8_t key[PV_NET_HASH_KEY] = {1, 2, 3};
	static uint8_t out[70000];
	struct rng g = {seed};
	unsigned k;

	for (k = 0; k < test_runs(200000); k++) {
		uint32_t len = rng_below(&g, 160), i, start, field, hash, full;
		struct pv_net_meta meta = {.gso_type = (uint8_t)(1 + rng_below(&g, 2)),
					   .gso_size = (uint16_t)rng_below(&g, 60)};
		/* Exact size, so that the sanitizer sees a byte too far. */
		uint8_t *f = malloc(len ? len : 1);
		struct pv_gso s;

		full = super_frame(out, meta.gso_type == 1 ? 4 : 6, rng_below(&g, 3), 0, 100);
		for (i = 0; i < len; i++)
			f[i] = i < full && rng_below(&g, 30) ? out[i] : (uint8_t)rng_next(&g);
		if (pv_gso_begin(&s, f, len, &meta) == 0)
			for (i = 0; i < pv_gso_count(&s); i++)
				ck_assert_uint_le(pv_gso_segment(&s, i, out), len);
		(void)pv_net_hash(f, len, PV_NET_HASH_ALL, key, &hash);
		if (pv_csum_blank(f, len, &start, &field) == 0)
			ck_assert_uint_le(start + field + 2, len);
		(void)pv_csum_fill(f, len);
		free(f);
	}
}
END_TEST

START_TEST(sums_agree_with_a_plain_one)
{
	struct rng g = {seed};
	unsigned k;

	for (k = 0; k < 20000; k++) {
		uint8_t b[260];
		uint32_t len = rng_below(&g, 200), at = rng_below(&g, 9), i,
			 start = rng_next(&g) & 0xffff, sum = start;

		for (i = 0; i < sizeof(b); i++)
			b[i] = rng_below(&g, 3) ? 0xff : (uint8_t)rng_next(&g);
		for (i = 0; i < len; i++)
			sum += i & 1 ? b[at + i] : (uint32_t)b[at + i] << 8;
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		ck_assert_uint_eq(pv_csum_add(start, b + at, len), sum);
	}
}
END_TEST

START_TEST(a_blank_sum_when_filled_is_right)
{
	static uint8_t f[3000];
	uint32_t len, start, field, sum;
	unsigned version;

	for (version = 4; version <= 6; version += 2) {
		len = super_frame(f, version, 1, 8, 1001);
		ck_assert_int_eq(pv_csum_blank(f, len, &start, &field), 0);
		ck_assert_uint_eq(field, 16);
		/* What a card does: sum from start to the end, put it at the field. */
		sum = (uint16_t)~pv_csum_add(0, f + start, len - start);
		put16(f + start + field, sum);
		check_transport(f, len);
	}
}
END_TEST

/* Microsoft's verification suite for receive-side scaling: its key, two of its flows of each kind. */
static const uint8_t rss_key[PV_NET_HASH_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};

START_TEST(toeplitz_is_the_one_that_everybody_has)
{
	static const struct {
		uint8_t data[36];
		uint32_t ip, tcp, with_ports, without;
	} flows[] = {
		{{66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6},
		 8,
		 12,
		 0x51ccc178,
		 0x323e8fc2},
		{{199, 92, 111, 2, 65, 69, 140, 83, 0x37, 0x96, 0x12, 0x83},
		 8,
		 12,
		 0xc626b0ea,
		 0xd718262a},
		{{0x3f, 0xfe, 0x25, 0x01, 0x02, 0,    0x1f, 0xff, 0,	0,    0,    0,
		  0,	0,    0,    7,	  0x3f, 0xfe, 0x25, 0x01, 0x02, 0,    0,    3,
		  0,	0,    0,    0,	  0,	0,    0,    1,	  0x0a, 0xea, 0x06, 0xe6},
		 32,
		 36,
		 0x40207d3d,
		 0x2cc18cd5},
	};

	ck_assert_uint_eq(pv_net_toeplitz(rss_key, flows[_i].data, flows[_i].tcp),
			  flows[_i].with_ports);
	ck_assert_uint_eq(pv_net_toeplitz(rss_key, flows[_i].data, flows[_i].ip),
			  flows[_i].without);
}
END_TEST

START_TEST(the_hash_is_over_the_most_that_is_allowed)
{
	static uint8_t f[300];
	uint32_t len = super_frame(f, 4, 0, 0, 10), hash;

	memcpy(f + 26, "\x42\x09\x95\xbb\xa1\x8e\x64\x50\x0a\xea\x06\xe6", 12);
	ck_assert_uint_eq(pv_net_hash(f, len, PV_NET_HASH_ALL, rss_key, &hash), PV_NET_HASH_TCP4);
	ck_assert_uint_eq(hash, 0x51ccc178);
	ck_assert_uint_eq(pv_net_hash(f, len, PV_NET_HASH_IP4, rss_key, &hash), PV_NET_HASH_IP4);
	ck_assert_uint_eq(hash, 0x323e8fc2);
	ck_assert_uint_eq(pv_net_hash(f, len, PV_NET_HASH_IP6 | PV_NET_HASH_TCP6, rss_key, &hash),
			  0);
	f[20] = 0x20; /* only the first fragment would have ports */
	ck_assert_uint_eq(pv_net_hash(f, len, PV_NET_HASH_ALL, rss_key, &hash), PV_NET_HASH_IP4);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("frames");

	seed = test_seed("net frames");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, segments_carry_the_payload_once_with_headers_that_are_right);
	tcase_add_test(tc, what_is_no_super_frame_is_refused);
	tcase_add_test(tc, random_frames_are_survived);
	tcase_add_test(tc, sums_agree_with_a_plain_one);
	tcase_add_test(tc, a_blank_sum_when_filled_is_right);
	tcase_add_loop_test(tc, toeplitz_is_the_one_that_everybody_has, 0, 3);
	tcase_add_test(tc, the_hash_is_over_the_most_that_is_allowed);
	return run_case("net frames", tc);
}
