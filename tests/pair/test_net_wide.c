/*
 * What a network frontend and a backend agree on beyond plain frames: queues, super-frames and checksums both ways, the
 * control ring, multicast control, headroom, the rate limit, bounced frames.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/errno.h>
#include <pv/abi/io/netif.h>
#include <pv/back/net.h>
#include <pv/front/net.h>
#include "mem_bus.h"
#include "run.h"

#define QUEUES 4u
#define SLOTS  4096u

/* A frame as either end saw it. */
struct seen {
	uint8_t *data;
	uint32_t len, queue;
	struct pv_net_meta meta;
};

static struct mem_bus bus;
static struct pv_netfront front;
static struct pv_netback back;
static struct pv_netback_far far;
static struct pv_netback_config bcfg;
static struct pv_netfront_config fcfg;
static struct pv_netfront_tx tx;
static struct pv_netfront_seg seg;
static uint8_t *mem, *frame; /* the backend's; a frame of the guest's, page aligned */
static struct seen sent[SLOTS], shown[SLOTS], supply[64];
static unsigned nr_sent, nr_shown, nr_supply, far_room, told_queues;
static uint32_t told_caps;
static uint64_t clock_ns, seed;

static void keep(struct seen *s, const void *data, uint32_t len, uint32_t queue,
		 const struct pv_net_meta *meta)
{
	*s = (struct seen){.data = malloc(len), .len = len, .queue = queue, .meta = *meta};
	memcpy(s->data, data, len);
}

static int far_tx(void *ctx, unsigned queue, const struct pv_netback_frame *f, unsigned n)
{
	unsigned i;

	for (i = 0; i < n && far_room; i++, far_room--)
		keep(&sent[nr_sent++], f[i].data, f[i].len, queue, &f[i].meta);
	return (int)i;
}

static int far_rx(void *ctx, unsigned queue, struct pv_netback_frame *f, unsigned n)
{
	struct seen *s = &supply[0];

	if (!nr_supply || s->queue != queue)
		return 0;
	if (s->len > f->len) {
		f->len = 0;
	} else {
		memcpy(f->data, s->data, s->len);
		f->len = s->len;
		f->meta = s->meta;
	}
	free(s->data);
	memmove(supply, supply + 1, --nr_supply * sizeof(*s));
	return 1;
}

static void far_front(void *ctx, unsigned queues, uint32_t caps)
{
	told_queues = queues;
	told_caps = caps;
}

static uint64_t far_now(void *ctx)
{
	return clock_ns;
}

static int show(void *arg, const struct pv_netfront_rx *rx)
{
	static uint8_t whole[PV_NET_MAX_FRAME];
	uint32_t i, at = 0;

	for (i = 0; i < rx->n; i++) {
		memcpy(whole + at, rx->frag[i].base, rx->frag[i].len);
		at += rx->frag[i].len;
	}
	ck_assert_uint_eq(at, rx->total);
	keep(&shown[nr_shown++], whole, at, rx->queue, &rx->meta);
	return 0;
}

static void forget(void)
{
	while (nr_sent)
		free(sent[--nr_sent].data);
	while (nr_shown)
		free(shown[--nr_shown].data);
	while (nr_supply)
		free(supply[--nr_supply].data);
}

/* Both configurations are at their defaults before; the test changes them in between. */
static void defaults(void)
{
	memset(&bcfg, 0, sizeof(bcfg));
	memset(&fcfg, 0, sizeof(fcfg));
	bcfg.caps = PV_NETBACK_CAP_CSUM | PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6;
	bcfg.queues = QUEUES;
	fcfg.gso = true;
	fcfg.ctrl = true;
	fcfg.rx_pages = 128;
	mem_bus_init(&bus);
	mem_dir_write(&bus, 0, "mac", "00:16:3e:01:aB:ff");
	far = (struct pv_netback_far){.size = sizeof(far),
				      .tx = far_tx,
				      .rx = far_rx,
				      .front = far_front,
				      .now = far_now};
	far_room = SLOTS;
	clock_ns = 1;
}

static void begin(void)
{
	int i, f = 0, b = 0;

	mem = aligned_alloc(4096, QUEUES * PV_NETBACK_MEM);
	frame = bus.front.pages_alloc(&bus, 18);
	ck_assert_int_eq(pv_netback_init(&back, &bus.back, &far, &bcfg, mem), 0);
	ck_assert_int_eq(pv_netfront_init(&front, &bus.front, &fcfg, show, NULL, NULL), 0);
	for (i = 0; i < 10; i++) {
		f = pv_netfront_step(&front);
		b = pv_netback_step(&back);
	}
	ck_assert_int_eq(f, PV_FRONT_CONNECTED);
	ck_assert_int_eq(b, PV_BACK_CONNECTED);
}

static void end(void)
{
	int i;

	pv_netfront_close(&front);
	for (i = 0; i < 8; i++) {
		pv_netback_step(&back);
		pv_netfront_step(&front);
	}
	pv_netback_destroy(&back);
	pv_netfront_destroy(&front);
	ck_assert_uint_eq(told_queues, 0);
	bus.front.pages_free(&bus, frame, 18);
	ck_assert(mem_bus_idle(&bus, 0));
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
	forget();
	free(mem);
}

static int work(void)
{
	int rc = 0;
	unsigned i;

	pv_netfront_push(&front);
	for (i = 0; i < front.nr_queues; i++)
		rc |= pv_netback_work(&back, i, 64);
	ck_assert_int_ge(pv_netfront_poll(&front, 1000), 0);
	return rc;
}

/* The guest's frame leaves whole; what became of it. */
static int send_frame(uint32_t len, const struct pv_net_meta *meta, uint32_t queue)
{
	seg = (struct pv_netfront_seg){frame, len};
	tx = (struct pv_netfront_tx){.seg = &seg, .nseg = 1, .meta = *meta, .queue = queue};
	return pv_netfront_send(&front, &tx);
}

static void offer(const void *data, uint32_t len, uint32_t queue, const struct pv_net_meta *meta)
{
	keep(&supply[nr_supply++], data, len, queue, meta);
}

/* TCP with a payload that tells its bytes apart. */
static uint32_t tcp(uint8_t *f, unsigned version, uint32_t payload)
{
	uint32_t at, i;

	memset(f, 2, 12);
	f[0] = 0;
	f[12] = version == 4 ? 8 : 0x86;
	f[13] = version == 4 ? 0 : 0xdd;
	at = version == 4 ? 34 : 54;
	memset(f + 14, 0, at - 14);
	if (version == 4) {
		f[14] = 0x45;
		f[16] = (uint8_t)((40 + payload) >> 8);
		f[17] = (uint8_t)(40 + payload);
		f[22] = 64;
		f[23] = 6;
		memcpy(f + 26, "\x42\x09\x95\xbb\xa1\x8e\x64\x50", 8);
	} else {
		f[14] = 0x60;
		f[18] = (uint8_t)((20 + payload) >> 8);
		f[19] = (uint8_t)(20 + payload);
		f[20] = 6;
		memset(f + 22, 0xfd, 32);
	}
	memset(f + at, 0, 20);
	memcpy(f + at, "\x0a\xea\x06\xe6", 4);
	f[at + 12] = 0x50;
	f[at + 13] = 0x18;
	for (i = 0; i < payload; i++)
		f[at + 20 + i] = (uint8_t)(i * 11 + (i >> 8));
	return at + 20 + payload;
}

static bool summed(const struct seen *s)
{
	struct pv_net_headers h;

	return pv_net_find(s->data, s->len, &h) == 0 &&
	       pv_csum_add((uint32_t)h.pseudo + h.proto + h.len, s->data + h.at, h.len) == 0xffff;
}

static const struct pv_net_meta plain = {0},
				blank = {.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID};

static struct pv_net_meta super(unsigned version, uint16_t size)
{
	return (struct pv_net_meta){.flags = PV_NET_CSUM_BLANK | PV_NET_CSUM_VALID,
				    .gso_type = version == 4 ? PV_NET_GSO_TCP4 : PV_NET_GSO_TCP6,
				    .gso_size = size};
}

START_TEST(every_queue_carries_frames_both_ways)
{
	unsigned split, queues, i;

	for (queues = 1; queues <= 6; queues++)
		for (split = 0; split < 2; split++) {
			defaults();
			fcfg.queues = queues;
			fcfg.split = split;
			begin();
			ck_assert_uint_eq(front.nr_queues, queues < QUEUES ? queues : QUEUES);
			ck_assert_uint_eq(pv_netback_queues(&back), front.nr_queues);
			ck_assert_uint_eq(told_queues, front.nr_queues);
			for (i = 0; i < front.nr_queues; i++) {
				uint32_t len = tcp(frame, 4, 100 + i);

				ck_assert_int_eq(send_frame(len, &plain, i), 0);
				offer(frame, len, i, &plain);
				work();
				ck_assert_int_eq(tx.status, 0);
				ck_assert_uint_eq(nr_sent, i + 1);
				ck_assert_uint_eq(sent[i].queue, i);
				ck_assert_uint_eq(nr_shown, i + 1);
				ck_assert_uint_eq(shown[i].queue, i);
				ck_assert_uint_eq(shown[i].len, len);
			}
			ck_assert_int_eq(send_frame(64, &plain, front.nr_queues), -PV_EINVAL);
			end();
		}
}
END_TEST

START_TEST(super_frames_go_whole_where_both_ends_take_them)
{
	unsigned version;

	for (version = 4; version <= 6; version += 2) {
		struct pv_net_meta meta = super(version, 1448);
		uint32_t len;

		defaults();
		begin();
		ck_assert_uint_eq(told_caps, PV_NETBACK_CAP_CSUM | PV_NETBACK_CAP_CSUM6 |
						     PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6);
		len = tcp(frame, version, 60000);
		ck_assert_int_eq(send_frame(len, &meta, 0), 0);
		offer(frame, len, 0, &meta);
		work();
		ck_assert_int_eq(tx.status, 0);
		ck_assert_uint_eq(nr_sent, 1);
		ck_assert_uint_eq(sent[0].len, len);
		ck_assert_uint_eq(sent[0].meta.gso_type, meta.gso_type);
		ck_assert_uint_eq(sent[0].meta.gso_size, 1448);
		/* The far end's card finds the sum where it was told. */
		ck_assert_uint_eq(sent[0].meta.csum_start, version == 4 ? 34 : 54);
		ck_assert_uint_eq(sent[0].meta.csum_field, 16);
		ck_assert_uint_eq(nr_shown, 1);
		ck_assert_uint_eq(shown[0].len, len);
		ck_assert_uint_eq(shown[0].meta.gso_type, meta.gso_type);
		ck_assert_uint_eq(shown[0].meta.gso_size, 1448);
		ck_assert_uint_eq(shown[0].meta.flags, meta.flags);
		ck_assert_int_eq(memcmp(shown[0].data, frame, len), 0);
		end();
	}
}
END_TEST

START_TEST(super_frames_are_cut_up_for_a_far_end_that_takes_none)
{
	struct rng g = {seed};
	unsigned k, i;

	for (k = 0; k < 100; k++) {
		uint32_t payload = 1 + rng_below(&g, 60000), size = 200 + rng_below(&g, 8000), len,
			 at = 0, headers = k & 1 ? 54 : 74;
		struct pv_net_meta meta = super(k & 1 ? 4 : 6, (uint16_t)size);
		struct pv_netback_state st;
		unsigned turns = 0;

		defaults();
		bcfg.caps = 0;
		begin();
		len = tcp(frame, k & 1 ? 4 : 6, payload);
		ck_assert_int_eq(send_frame(len, &meta, 0), 0);
		/* It takes a few at a time, and the backend is moved meanwhile: none comes twice. */
		for (far_room = 0; tx.status == PV_NETFRONT_BUSY && turns < 10000; turns++) {
			int rc;

			rc = work();
			ck_assert(!(rc & PV_NETBACK_FAR_FULL) || far_room == 0);
			far_room = rng_below(&g, 9);
			if (k % 3)
				continue;
			pv_netback_quiesce(&back, true);
			ck_assert_int_eq(pv_netback_export(&back, &st), 0);
			pv_netback_destroy(&back);
			ck_assert_int_eq(pv_netback_import(&back, &st, sizeof(st)), 0);
			pv_netback_quiesce(&back, false);
		}
		ck_assert_int_eq(tx.status, 0);
		ck_assert_uint_eq(nr_sent, (payload + size - 1) / size);
		for (i = 0; i < nr_sent; i++) {
			ck_assert(summed(&sent[i]));
			ck_assert_uint_eq(sent[i].meta.gso_type, 0);
			ck_assert_int_eq(memcmp(sent[i].data + headers, frame + headers + at,
						sent[i].len - headers),
					 0);
			at += sent[i].len - headers;
		}
		ck_assert_uint_eq(at, payload);
		end();
	}
}
END_TEST

START_TEST(super_frames_for_a_guest_that_takes_none_are_cut_up_or_counted)
{
	struct pv_net_meta meta = super(4, 1448);
	struct pv_netback_stats st;
	uint32_t len, i, at = 0;

	defaults();
	fcfg.gso = false;
	bcfg.max_frame = 65535;
	begin();
	ck_assert_uint_eq(told_caps & (PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6), 0);
	len = tcp(frame, 4, 20000);
	offer(frame, len, 0, &meta);
	work();
	ck_assert_uint_eq(nr_shown, (20000 + 1447) / 1448);
	for (i = 0; i < nr_shown; i++) {
		ck_assert(summed(&shown[i]));
		ck_assert_uint_eq(shown[i].meta.gso_type, 0);
		ck_assert_int_eq(memcmp(shown[i].data + 54, frame + 54 + at, shown[i].len - 54), 0);
		at += shown[i].len - 54;
	}
	/* More segments than the ring has room for: nothing of it comes, and that is told. */
	meta.gso_size = 20;
	offer(frame, len, 0, &meta);
	work();
	pv_netback_stats(&back, &st);
	ck_assert_uint_eq(nr_shown, (20000 + 1447) / 1448);
	ck_assert_uint_eq(st.rx_dropped, 1);
	end();
}
END_TEST

/* Who takes what: a guest without checksums, one without those of IPv6, a far end without. */
START_TEST(a_blank_checksum_is_completed_for_whoever_does_not_take_it)
{
	unsigned version, no_csum, no_csum6, caps;

	for (version = 4; version <= 6; version += 2)
		for (no_csum = 0; no_csum < 2; no_csum++)
			for (no_csum6 = 0; no_csum6 < 2; no_csum6++)
				for (caps = 0; caps < 2; caps++) {
					bool takes = !no_csum && !(version == 6 && no_csum6);
					uint32_t len;

					defaults();
					fcfg.no_csum = no_csum;
					fcfg.no_csum6 = no_csum6;
					bcfg.caps = caps ? PV_NETBACK_CAP_CSUM : 0;
					begin();
					len = tcp(frame, version, 777);
					ck_assert_int_eq(send_frame(len, &blank, 0), 0);
					offer(frame, len, 0, &blank);
					work();
					ck_assert_uint_eq(nr_sent, 1);
					ck_assert_uint_eq(summed(&sent[0]), !caps);
					ck_assert_uint_eq(sent[0].meta.flags & PV_NET_CSUM_BLANK,
							  caps ? PV_NET_CSUM_BLANK : 0);
					ck_assert_uint_eq(nr_shown, 1);
					ck_assert_uint_eq(summed(&shown[0]), !takes);
					ck_assert_uint_eq(shown[0].meta.flags & PV_NET_CSUM_BLANK,
							  takes ? PV_NET_CSUM_BLANK : 0);
					ck_assert(shown[0].meta.flags & PV_NET_CSUM_VALID);
					end();
				}
}
END_TEST

START_TEST(a_blank_checksum_of_nothing_that_has_one_is_an_error)
{
	defaults();
	begin();
	tcp(frame, 4, 100);
	frame[23] = 1; /* ICMP */
	ck_assert_int_eq(send_frame(154, &blank, 0), 0);
	work();
	ck_assert_int_eq(tx.status, -PV_EIO);
	ck_assert_uint_eq(nr_sent, 0);
	end();
}
END_TEST

START_TEST(headroom_is_left_and_can_change_while_connected)
{
	uint32_t len, room;

	defaults();
	fcfg.headroom = 256;
	begin();
	/* 18 pieces of 3840 bytes. */
	len = tcp(frame, 4, 65000);
	offer(frame, len, 0, &(struct pv_net_meta){.flags = 3, .gso_type = 1, .gso_size = 1400});
	work();
	ck_assert_uint_eq(nr_shown, 1);
	ck_assert_int_eq(memcmp(shown[0].data, frame, len), 0);
	ck_assert_uint_eq(back.conn.headroom, 256);
	for (room = 0; room <= 512; room += 128) {
		char v[8];

		/* As Linux's netfront does it: the state first, the key, then Connected again. */
		mem_dir_state(&bus, 0, 7);
		ck_assert_int_eq(pv_netback_step(&back), PV_BACK_CONNECTED);
		ck_assert_int_eq(bus.dir[1].state, 8);
		snprintf(v, sizeof(v), "%u", room);
		mem_dir_write(&bus, 0, "xdp-headroom", v);
		mem_dir_state(&bus, 0, 4);
		ck_assert_int_eq(pv_netback_step(&back), PV_BACK_CONNECTED);
		ck_assert_uint_eq(back.conn.headroom, room <= 256 ? room : 0);
		offer(frame, len, 0,
		      &(struct pv_net_meta){.flags = 3, .gso_type = 1, .gso_size = 1400});
		work();
		ck_assert_uint_eq(nr_shown, 2 + room / 128);
	}
	end();
}
END_TEST

static int filter(uint8_t what, uint8_t last)
{
	tx = (struct pv_netfront_tx){.mcast = what, .addr = {1, 0, 0x5e, 0, 0, last}};
	ck_assert_int_eq(pv_netfront_send(&front, &tx), 0);
	work();
	return tx.status;
}

static unsigned arrive(uint8_t first, uint8_t last)
{
	unsigned before = nr_shown;
	uint32_t len = tcp(frame, 4, 10);

	memcpy(frame,
	       (uint8_t[]){first, first == 0xff ? 0xff : 0, first == 0xff ? 0xff : 0x5e,
			   first == 0xff ? 0xff : 0, first == 0xff ? 0xff : 0, last},
	       6);
	offer(frame, len, 0, &plain);
	work();
	return nr_shown - before;
}

START_TEST(multicast_comes_when_it_was_asked_for)
{
	struct pv_netback_stats st;
	unsigned i;

	defaults();
	fcfg.mcast = true;
	begin();
	ck_assert_uint_eq(arrive(1, 9), 0);
	ck_assert_uint_eq(arrive(0, 9), 1);
	ck_assert_uint_eq(arrive(0xff, 0xff), 1);
	ck_assert_int_eq(filter(PV_NETFRONT_MCAST_ADD, 9), 0);
	ck_assert_int_eq(filter(PV_NETFRONT_MCAST_ADD, 9), 0);
	ck_assert_uint_eq(arrive(1, 9), 1);
	ck_assert_uint_eq(arrive(1, 8), 0);
	ck_assert_int_eq(filter(PV_NETFRONT_MCAST_DEL, 9), 0);
	ck_assert_int_eq(filter(PV_NETFRONT_MCAST_DEL, 9), 0);
	ck_assert_uint_eq(arrive(1, 9), 0);
	/* The list has an end, and says so. */
	for (i = 0; i < PV_NETBACK_MCAST; i++)
		ck_assert_int_eq(filter(PV_NETFRONT_MCAST_ADD, (uint8_t)i), 0);
	ck_assert_int_eq(filter(PV_NETFRONT_MCAST_ADD, 200), -PV_EIO);
	ck_assert_uint_eq(nr_sent, 0);
	pv_netback_stats(&back, &st);
	ck_assert_uint_eq(st.rx_filtered, 3);
	/* Its mind may change while it is connected. */
	mem_dir_write(&bus, 0, "request-multicast-control", "0");
	ck_assert_int_eq(pv_netback_step(&back), PV_BACK_CONNECTED);
	ck_assert_uint_eq(arrive(1, 201), 1);
	end();
}
END_TEST

static uint32_t ctrl(uint16_t type, uint32_t a, uint32_t b, uint32_t c, uint32_t *data)
{
	uint32_t status = 99, none;
	int rc;

	ck_assert_int_eq(pv_netfront_ctrl(&front, type, (uint32_t[]){a, b, c}), 0);
	ck_assert_int_eq(pv_netfront_ctrl(&front, type, (uint32_t[]){a, b, c}), -PV_EAGAIN);
	ck_assert_int_eq(pv_netfront_ctrl_poll(&front, &status, &none), 0);
	rc = pv_netback_work(&back, 0, 1);
	ck_assert(rc & PV_NETBACK_CONTROL);
	ck_assert_int_eq(pv_netback_control(&back), 0);
	ck_assert(!(pv_netback_work(&back, 0, 1) & PV_NETBACK_CONTROL));
	ck_assert_int_eq(pv_netfront_ctrl_poll(&front, &status, data ? data : &none), 1);
	return status;
}

#define OP(name)      PV_XEN_NETIF_CTRL_TYPE_##name
#define SUCCESS	      PV_XEN_NETIF_CTRL_STATUS_SUCCESS
#define INVALID	      PV_XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define NOT_SUPPORTED PV_XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED

START_TEST(control_requests_are_answered_as_xen_netback_answers)
{
	uint32_t data = 0, i;
	uint32_t *table;

	defaults();
	fcfg.queues = QUEUES;
	begin();
	table = front.ctrl_data;
	ck_assert_uint_eq(ctrl(OP(GET_HASH_FLAGS), 0, 0, 0, NULL), NOT_SUPPORTED);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_FLAGS), 1, 0, 0, NULL), INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_ALGORITHM), 2, 0, 0, NULL), INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_ALGORITHM), 1, 0, 0, NULL), SUCCESS);
	ck_assert_uint_eq(ctrl(OP(GET_HASH_FLAGS), 0, 0, 0, &data), SUCCESS);
	ck_assert_uint_eq(data, 15);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_FLAGS), 16, 0, 0, NULL), INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_FLAGS), 15, 0, 0, NULL), SUCCESS);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_KEY), front.ctrl_data_ref, 41, 0, NULL), INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_KEY), 4000, 40, 0, NULL), INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_KEY), front.ctrl_data_ref, 40, 0, NULL), SUCCESS);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_KEY), 4000, 0, 0, NULL), SUCCESS);
	ck_assert_uint_eq(ctrl(OP(GET_HASH_MAPPING_SIZE), 0, 0, 0, &data), SUCCESS);
	ck_assert_uint_eq(data, PV_NETBACK_HASH_MAPPING);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING_SIZE), 129, 0, 0, NULL), INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING_SIZE), 128, 0, 0, NULL), SUCCESS);
	for (i = 0; i < 128; i++)
		table[i] = i % QUEUES;
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING), front.ctrl_data_ref, 128, 0, NULL), SUCCESS);
	ck_assert_uint_eq(back.conn.hash_mapping[127], 127 % QUEUES);
	/* Sums that wrap, tables that reach beyond the end, queues that there are not. */
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING), front.ctrl_data_ref, 0xffffffff, 2, NULL),
			  INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING), front.ctrl_data_ref, 2, 0xffffffff, NULL),
			  INVALID);
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING), front.ctrl_data_ref, 2, 127, NULL), INVALID);
	table[0] = 3;
	table[1] = QUEUES;
	ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING), front.ctrl_data_ref, 2, 0, NULL), INVALID);
	ck_assert_uint_eq(back.conn.hash_mapping[0], 0);
	ck_assert_uint_eq(ctrl(OP(GET_GREF_MAPPING_SIZE), 0, 0, 0, NULL), NOT_SUPPORTED);
	ck_assert_uint_eq(ctrl(OP(ADD_GREF_MAPPING), 0, 0, 0, NULL), NOT_SUPPORTED);
	ck_assert_uint_eq(ctrl(0xffff, 0, 0, 0, NULL), NOT_SUPPORTED);
	end();
}
END_TEST

START_TEST(received_frames_come_hashed_on_the_queue_that_was_mapped)
{
	static const uint8_t key[PV_NET_HASH_KEY] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
	struct pv_net_meta meta = super(4, 1400);
	struct pv_netback_state st;
	uint32_t *table, i, to;

	for (to = 0; to < QUEUES; to++) {
		uint32_t len;

		defaults();
		fcfg.queues = QUEUES;
		begin();
		table = front.ctrl_data;
		ck_assert_uint_eq(ctrl(OP(SET_HASH_ALGORITHM), 1, 0, 0, NULL), SUCCESS);
		ck_assert_uint_eq(ctrl(OP(SET_HASH_FLAGS), 15, 0, 0, NULL), SUCCESS);
		memcpy(table, key, sizeof(key));
		ck_assert_uint_eq(ctrl(OP(SET_HASH_KEY), front.ctrl_data_ref, 40, 0, NULL),
				  SUCCESS);
		ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING_SIZE), 64, 0, 0, NULL), SUCCESS);
		for (i = 0; i < 64; i++)
			table[i] = i == 0x51ccc178 % 64 ? to : (to + 1) % QUEUES;
		ck_assert_uint_eq(ctrl(OP(SET_HASH_MAPPING), front.ctrl_data_ref, 64, 0, NULL),
				  SUCCESS);
		/* The configuration moves with the backend. */
		pv_netback_quiesce(&back, true);
		ck_assert_int_eq(pv_netback_export(&back, &st), 0);
		pv_netback_destroy(&back);
		ck_assert_int_eq(pv_netback_import(&back, &st, sizeof(st)), 0);
		pv_netback_quiesce(&back, false);
		len = tcp(frame, 4, 9000);
		offer(frame, len, 1, &meta);
		work();
		work();
		ck_assert_uint_eq(nr_shown, 1);
		ck_assert_uint_eq(shown[0].queue, to);
		ck_assert_uint_eq(shown[0].meta.hash_type, PV_NET_HASH_TCP4);
		ck_assert_uint_eq(shown[0].meta.hash, 0x51ccc178);
		ck_assert_uint_eq(shown[0].meta.gso_size, 1400);
		ck_assert_int_eq(memcmp(shown[0].data, frame, len), 0);
		/* What has no hash goes by the mapping's first entry, without the extra slot. */
		frame[12] = 8;
		frame[13] = 6;
		offer(frame, 60, 0, &plain);
		work();
		work();
		ck_assert_uint_eq(nr_shown, 2);
		ck_assert_uint_eq(shown[1].queue, (to + 1) % QUEUES);
		ck_assert_uint_eq(shown[1].meta.hash_type, 0);
		end();
	}
}
END_TEST

START_TEST(a_state_of_the_first_version_is_taken_up)
{
	struct pv_netback_state st;
	uint32_t len;

	defaults();
	fcfg.ctrl = false;
	begin();
	pv_netback_quiesce(&back, true);
	ck_assert_int_eq(pv_netback_export(&back, &st), 0);
	pv_netback_destroy(&back);
	/* What it did not know is whatever lies behind it. */
	memset((uint8_t *)&st + PV_NETBACK_STATE_SIZE_1, 0xff,
	       sizeof(st) - PV_NETBACK_STATE_SIZE_1);
	ck_assert_int_eq(pv_netback_import(&back, &st, PV_NETBACK_STATE_SIZE_1 - 1), -PV_EINVAL);
	ck_assert_int_eq(pv_netback_import(&back, &st, sizeof(st)), -PV_EINVAL);
	st.features &= 7;
	ck_assert_int_eq(pv_netback_import(&back, &st, PV_NETBACK_STATE_SIZE_1), 0);
	pv_netback_quiesce(&back, false);
	len = tcp(frame, 4, 100);
	ck_assert_int_eq(send_frame(len, &blank, 0), 0);
	offer(frame, len, 0, &blank);
	work();
	ck_assert_uint_eq(nr_sent, 1);
	ck_assert_uint_eq(nr_shown, 1);
	end();
}
END_TEST

START_TEST(no_lie_in_a_state_is_believed)
{
	struct pv_netback_state st, lie;
	unsigned i;

	defaults();
	fcfg.queues = QUEUES;
	begin();
	pv_netback_quiesce(&back, true);
	ck_assert_int_eq(pv_netback_export(&back, &st), 0);
	pv_netback_destroy(&back);
	for (i = 0; i < 12; i++) {
		lie = st;
		switch (i) {
		case 0: lie.nr_queues = QUEUES + 1; break;
		case 1: lie.nr_ports = 3; break;
		case 2: lie.more[2].rx_rsp_prod++; break;
		case 3: lie.ctrl_req_cons++; break;
		case 4: lie.headroom = 257; break;
		case 5: lie.hash_size = 129; break;
		case 6: lie.hash_size = 1, lie.hash_mapping[0] = QUEUES; break;
		case 7: lie.nr_mcast = 65; break;
		case 8: lie.hash_types = 16; break;
		case 9: lie.features = 64; break;
		case 10: lie.more[1].tx_segment = 65536; break;
		default: lie.more[0].rx_ref = 4000; break;
		}
		ck_assert_msg(pv_netback_import(&back, &lie, sizeof(lie)) < 0, "lie %u", i);
		ck_assert_uint_eq(bus.maps, 0);
	}
	ck_assert_int_eq(pv_netback_import(&back, &st, sizeof(st)), 0);
	end();
}
END_TEST

START_TEST(the_rate_is_kept_and_no_frame_waits_for_ever)
{
	uint64_t bytes = 0;
	uint32_t len, i;

	defaults();
	/* 100 kB every 10 ms: 10 MB/s. A burst of 128 KiB at first. */
	bcfg.rate_bytes = 100000;
	bcfg.rate_us = 10000;
	begin();
	len = tcp(frame, 4, 20000);
	for (i = 0; i < 100000 && clock_ns < 1000000000; i++) {
		struct pv_net_meta meta = super(4, 1448);
		unsigned before = nr_sent;
		int rc;

		if (i == 0 || tx.status != PV_NETFRONT_BUSY)
			ck_assert_int_eq(send_frame(len, &meta, 0), 0);
		rc = work();
		for (; before < nr_sent; before++)
			bytes += sent[before].len;
		if (rc & PV_NETBACK_NO_CREDIT) {
			ck_assert_uint_gt(pv_netback_credit_at(&back), clock_ns);
			clock_ns = pv_netback_credit_at(&back);
		}
		if (nr_sent > 1000)
			forget();
	}
	ck_assert_msg(bytes > 9500000 && bytes < 10300000, "%llu bytes in a second",
		      (unsigned long long)bytes);
	end();
}
END_TEST

START_TEST(what_the_far_end_did_not_take_is_not_paid_for)
{
	uint32_t len, i;

	defaults();
	bcfg.rate_bytes = 10000;
	bcfg.rate_us = 10000;
	begin();
	len = tcp(frame, 4, 1000);
	ck_assert_int_eq(send_frame(len, &plain, 0), 0);
	far_room = 0;
	for (i = 0; i < 100; i++)
		ck_assert(work() & PV_NETBACK_FAR_FULL);
	far_room = 1;
	ck_assert(!(work() & PV_NETBACK_NO_CREDIT));
	ck_assert_int_eq(tx.status, 0);
	end();
}
END_TEST

/* XSA-392: what a frontend does not read is bounded. */
START_TEST(stale_frames_are_dropped_and_counted)
{
	struct pv_netback_stats st;
	uint32_t len, i;

	defaults();
	fcfg.rx_pages = 20;
	begin();
	len = tcp(frame, 4, 1400);
	for (i = 0; i < 60; i++)
		offer(frame, len, 0, &plain);
	/* The guest does not look: what fits is in its ring, the rest stays where it was. */
	ck_assert(pv_netback_work(&back, 0, 64) & PV_NETBACK_NO_ROOM);
	ck_assert_uint_gt(nr_supply, 30);
	i = nr_supply;
	while (pv_netback_drain(&back, 0, 8))
		;
	pv_netback_stats(&back, &st);
	ck_assert_uint_eq(st.rx_dropped, i);
	ck_assert_uint_eq(nr_supply, 0);
	offer(frame, len, 0, &plain);
	for (i = 0; i < 4; i++)
		work();
	ck_assert_uint_eq(shown[nr_shown - 1].len, len);
	ck_assert_uint_eq(nr_supply, 0);
	end();
}
END_TEST

/* XSA-403: a page that is granted shows what else lies in it. */
START_TEST(an_untrusted_backend_sees_frames_and_nothing_else)
{
	unsigned trusted, i, k;

	for (trusted = 0; trusted < 2; trusted++) {
		const struct pv_netif_tx_request *r;
		const uint8_t *page;
		uint32_t len;

		defaults();
		mem_dir_write(&bus, 0, "trusted", trusted ? "1" : "0");
		begin();
		ck_assert_uint_eq(front.bounced, !trusted);
		memset(frame, 0x5e, 4096);
		len = tcp(frame, 4, 1000);
		ck_assert_int_eq(send_frame(len, &plain, 0), 0);
		r = (const void *)((const uint8_t *)front.q[0].ring_page[0] +
				   sizeof(struct pv_sring));
		page = mem_grant_page(&bus, r->gref);
		ck_assert_uint_eq(page == frame, trusted);
		for (i = 0, k = 0; i < 4096; i++)
			k += page[i] == 0x5e;
		ck_assert_uint_eq(k > 2000, trusted);
		work();
		ck_assert_uint_eq(nr_sent, 1);
		ck_assert_int_eq(memcmp(sent[0].data, frame, len), 0);
		end();
	}
}
END_TEST

START_TEST(a_frame_of_many_pieces_is_bounced_whole)
{
	struct rng g = {seed};
	unsigned k;

	defaults();
	fcfg.bounce = true;
	begin();
	for (k = 0; k < 300; k++) {
		uint32_t len = tcp(frame, 4, rng_below(&g, 60000));

		ck_assert_int_eq(send_frame(len, &plain, 0), 0);
		work();
		ck_assert_int_eq(tx.status, 0);
		ck_assert_uint_eq(sent[0].len, len);
		ck_assert_int_eq(memcmp(sent[0].data, frame, len), 0);
		forget();
	}
	end();
}
END_TEST

START_TEST(a_frontend_of_old_gets_linear_frames)
{
	uint32_t len;

	defaults();
	fcfg.no_sg = true;
	bcfg.max_frame = 9000;
	begin();
	ck_assert_uint_eq(told_caps & (PV_NETBACK_CAP_GSO4 | PV_NETBACK_CAP_GSO6), 0);
	len = tcp(frame, 4, 4000);
	offer(frame, len, 0, &plain);
	len = tcp(frame, 4, 5000); /* does not fit */
	offer(frame, len, 0, &plain);
	len = tcp(frame, 4, 1460);
	offer(frame, len, 0, &blank);
	work();
	ck_assert_uint_eq(nr_shown, 2);
	ck_assert_uint_eq(shown[0].len, 4054);
	ck_assert_uint_eq(shown[1].len, 1514);
	ck_assert_uint_eq(back.q[0].stats.rx_errors, 1);
	end();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("wide");

	seed = test_seed("net wide");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, every_queue_carries_frames_both_ways);
	tcase_add_test(tc, super_frames_go_whole_where_both_ends_take_them);
	tcase_add_test(tc, super_frames_are_cut_up_for_a_far_end_that_takes_none);
	tcase_add_test(tc, super_frames_for_a_guest_that_takes_none_are_cut_up_or_counted);
	tcase_add_test(tc, a_blank_checksum_is_completed_for_whoever_does_not_take_it);
	tcase_add_test(tc, a_blank_checksum_of_nothing_that_has_one_is_an_error);
	tcase_add_test(tc, headroom_is_left_and_can_change_while_connected);
	tcase_add_test(tc, multicast_comes_when_it_was_asked_for);
	tcase_add_test(tc, control_requests_are_answered_as_xen_netback_answers);
	tcase_add_test(tc, received_frames_come_hashed_on_the_queue_that_was_mapped);
	tcase_add_test(tc, a_state_of_the_first_version_is_taken_up);
	tcase_add_test(tc, no_lie_in_a_state_is_believed);
	tcase_add_test(tc, the_rate_is_kept_and_no_frame_waits_for_ever);
	tcase_add_test(tc, what_the_far_end_did_not_take_is_not_paid_for);
	tcase_add_test(tc, stale_frames_are_dropped_and_counted);
	tcase_add_test(tc, an_untrusted_backend_sees_frames_and_nothing_else);
	tcase_add_test(tc, a_frame_of_many_pieces_is_bounced_whole);
	tcase_add_test(tc, a_frontend_of_old_gets_linear_frames);
	return run_case("net wide", tc);
}
