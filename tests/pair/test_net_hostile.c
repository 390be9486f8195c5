/*
 * A hostile frontend against the network backend, played by hand on the raw rings.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/io/netif.h>
#include <pv/back/net.h>
#include "mem_bus.h"
#include "run.h"

static struct mem_bus bus;
static struct pv_netback back;
static struct pv_netback_far far;
static uint8_t mem[PV_NETBACK_MEM], *pages; /* tx ring, rx ring, data */
static uint32_t ref[20];
static uint32_t got; /* length of the last frame that the far end took, 0: none */
static uint8_t last[PV_NET_MAX_FRAME];

static int far_tx(void *ctx, unsigned queue, const struct pv_netback_frame *f, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		got = f[i].len;
		memcpy(last, f[i].data, f[i].len);
	}
	return (int)n;
}

static int far_rx(void *ctx, unsigned queue, struct pv_netback_frame *f, unsigned n)
{
	return 0;
}

static struct pv_sring *ring(void)
{
	return (struct pv_sring *)pages;
}

static struct pv_netif_tx_request *slot(uint32_t i)
{
	return (struct pv_netif_tx_request *)(pages + sizeof(struct pv_sring)) + (i & 255);
}

static void start(void)
{
	struct pv_netback_config cfg = {0};
	unsigned i;
	char v[12];

	mem_bus_init(&bus);
	pages = bus.front.pages_alloc(&bus, 20);
	bus.front.gref_alloc(&bus, ref, 20);
	for (i = 0; i < 20; i++)
		bus.front.permit(&bus, ref[i], pages + i * MEM_PAGE, false);
	for (i = 0; i < 18 * MEM_PAGE; i++)
		pages[2 * MEM_PAGE + i] = (uint8_t)(i * 7 + (i >> 8));
	bus.port[1] = (struct mem_port){.used = true};
	snprintf(v, sizeof(v), "%u", ref[0]);
	mem_dir_write(&bus, 0, "tx-ring-ref", v);
	snprintf(v, sizeof(v), "%u", ref[1]);
	mem_dir_write(&bus, 0, "rx-ring-ref", v);
	mem_dir_write(&bus, 0, "event-channel", "1");
	mem_dir_write(&bus, 0, "request-rx-copy", "1");
	mem_dir_write(&bus, 0, "feature-rx-notify", "1");
	far = (struct pv_netback_far){.size = sizeof(far), .tx = far_tx, .rx = far_rx};
	ck_assert_int_eq(pv_netback_init(&back, &bus.back, &far, &cfg, mem), 0);
	mem_dir_state(&bus, 0, 4);
	ck_assert_int_eq(pv_netback_step(&back), PV_BACK_CONNECTED);
}

static void stop(void)
{
	unsigned i;

	pv_netback_destroy(&back);
	ck_assert_uint_eq(bus.maps, 0);
	for (i = 0; i < 20; i++)
		bus.front.revoke(&bus, ref[i]);
	bus.front.gref_free(&bus, ref, 20);
	bus.front.pages_free(&bus, pages, 20);
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
}

/* Puts a frame of n slots; slot i has size[i] bytes of page i, from its start; the first names
 * `total`. */
static void put(const uint32_t *size, uint32_t n, uint32_t total)
{
	uint32_t i;

	for (i = 0; i < n; i++) {
		const struct pv_netif_tx_request r = {
			.gref = ref[2 + i % 18],
			.id = (uint16_t)(1000 + i),
			.size = (uint16_t)(i ? size[i] : total),
			.flags = i + 1 < n ? PV_NETTXF_more_data : 0,
		};

		pv_ring_copy_out(slot(ring()->req_prod + i), &r, sizeof(r));
	}
	ring()->req_prod += n;
}

/* Lets the backend work; every slot of the frame is answered with the same status, which is
 * returned. */
static int answer(uint32_t n)
{
	uint32_t from = ring()->rsp_prod, i;
	int status = 0;

	got = 0;
	ck_assert_int_ge(pv_netback_work(&back, 0, 4), 0);
	ck_assert_uint_eq(ring()->rsp_prod, from + n);
	for (i = 0; i < n; i++) {
		struct pv_netif_tx_response *r = (void *)slot(from + i);

		ck_assert(i == 0 || r->status == status);
		status = r->status;
		ck_assert_uint_eq(r->id, 1000 + i);
		/* XSA-216: the rest of the slot is empty. */
		ck_assert(((uint32_t *)r)[1] == 0 && ((uint32_t *)r)[2] == 0);
	}
	return status;
}

/* XSA-423, XSA-432. */
START_TEST(every_split_and_every_size_arrives_or_is_refused)
{
	struct rng g = {test_seed("splits")};
	uint32_t n, total, i;

	start();
	for (total = 0; total <= 65535; total += total < 200 ? 1 : 1 + rng_below(&g, 60))
		for (n = 1; n <= 18; n++) {
			uint32_t size[18], left = total;
			bool fits = true;

			/* Random cuts of up to a page; the first slot has what is left. */
			for (i = n - 1; i > 0; i--) {
				size[i] = rng_below(&g, left + 1 < 4097 ? left + 1 : 4097);
				if (left > 4096 * i)
					size[i] = 4096;
				left -= size[i];
			}
			size[0] = left;
			fits = left <= 4096 && total >= 14;
			put(size, n, total);
			ck_assert_int_eq(answer(n), fits ? PV_NETIF_RSP_OKAY : PV_NETIF_RSP_ERROR);
			ck_assert_uint_eq(got, fits ? total : 0);
			for (i = 0, left = 0; fits && i < n; left += size[i++])
				ck_assert_int_eq(
					memcmp(last + left, pages + (2 + i) * MEM_PAGE, size[i]),
					0);
		}
	stop();
}
END_TEST

/* XSA-90. */
START_TEST(sizes_that_do_not_add_up_are_answered_with_errors)
{
	static const uint32_t size[2] = {0, 600};

	start();
	put(size, 2, 599);
	ck_assert_int_eq(answer(2), PV_NETIF_RSP_ERROR);
	put(size, 2, 600);
	ck_assert_int_eq(answer(2), PV_NETIF_RSP_OKAY);
	put(size, 1, 13);
	ck_assert_int_eq(answer(1), PV_NETIF_RSP_ERROR);
	stop();
}
END_TEST

START_TEST(chains_of_more_than_18_slots_are_answered_whole)
{
	uint32_t size[200], n;

	start();
	memset(size, 0, sizeof(size));
	for (n = 19; n <= 200; n++) {
		put(size, n, 100);
		ck_assert_int_eq(answer(n), PV_NETIF_RSP_ERROR);
		ck_assert_uint_eq(got, 0);
	}
	stop();
}
END_TEST

START_TEST(slot_beyond_its_page_and_bad_reference_are_refused)
{
	static const uint32_t size[1] = {100};
	uint32_t off;

	start();
	for (off = 3990; off < 65536; off += off < 4100 ? 1 : 911) {
		put(size, 1, 100);
		slot(ring()->req_prod - 1)->offset = (uint16_t)off;
		ck_assert_int_eq(answer(1), off <= 3996 ? PV_NETIF_RSP_OKAY : PV_NETIF_RSP_ERROR);
	}
	put(size, 1, 100);
	slot(ring()->req_prod - 1)->gref = 4000;
	ck_assert_int_eq(answer(1), PV_NETIF_RSP_ERROR);
	stop();
}
END_TEST

START_TEST(chain_without_an_end_stops_the_device_once)
{
	static const uint32_t size[1] = {100};

	start();
	put(size, 1, 100);
	slot(ring()->req_prod - 1)->flags = PV_NETTXF_more_data;
	ck_assert_int_eq(pv_netback_work(&back, 0, 4), -PV_EPROTO);
	ck_assert_int_eq(pv_netback_work(&back, 0, 4), -PV_EPROTO);
	ck_assert_uint_eq(bus.nr_broken, 1);
	ck_assert_int_eq(pv_netback_step(&back), -PV_EPROTO);
	stop();
}
END_TEST

START_TEST(runaway_producers_stop_the_device)
{
	static const uint32_t bad[] = {257, 0x80000000, 0xffffffff};
	unsigned i;

	for (i = 0; i < 6; i++) {
		start();
		((struct pv_sring *)(pages + i % 2 * MEM_PAGE))->req_prod = bad[i / 2];
		ck_assert_int_eq(pv_netback_work(&back, 0, 4), -PV_EPROTO);
		ck_assert_uint_eq(bus.nr_broken, 1);
		stop();
	}
}
END_TEST

START_TEST(extras_that_mean_nothing_are_refused)
{
	static const uint32_t size[1] = {100};
	struct pv_netif_extra_info *e;
	unsigned type;

	for (type = 0; type < 256; type++) {
		start();
		put(size, 1, 100);
		slot(0)->flags = PV_NETTXF_extra_info;
		e = (void *)slot(1);
		memset(e, 0, 12);
		e->type = (uint8_t)type;
		e->u.gso.size = 1400;
		e->u.gso.type = 1;
		ring()->req_prod++;
		ck_assert_int_ge(pv_netback_work(&back, 0, 4), 0);
		/* An address for the multicast filter is the only thing that is well formed. */
		ck_assert_int_eq(((struct pv_netif_tx_response *)slot(0))->status,
				 type == PV_XEN_NETIF_EXTRA_TYPE_MCAST_ADD ||
						 type == PV_XEN_NETIF_EXTRA_TYPE_MCAST_DEL
					 ? PV_NETIF_RSP_OKAY
					 : PV_NETIF_RSP_ERROR);
		ck_assert_uint_eq(got, 0);
		ck_assert_int_eq(((struct pv_netif_tx_response *)slot(1))->status,
				 PV_NETIF_RSP_NULL);
		stop();
	}
}
END_TEST

/* XSA-155: what is read twice is two things. A thread changes each word of the ring while the backend reads. */
static void *flip(void *arg)
{
	const uint32_t *stop = arg;
	struct rng g = {7};

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		uint32_t *words = (uint32_t *)(pages + sizeof(struct pv_sring));
		uint32_t at = rng_below(&g, 256 * 3), old;

		old = __atomic_load_n(&words[at], __ATOMIC_RELAXED);
		__atomic_store_n(&words[at], rng_below(&g, 4) ? rng_next(&g) : old ^ 0xffff0000,
				 __ATOMIC_RELAXED);
		__atomic_store_n(&words[at], old, __ATOMIC_RELAXED);
	}
	return NULL;
}

START_TEST(slots_that_change_while_they_are_read_are_survived)
{
	uint32_t size[18], done = 0, k, i, n;
	struct rng g = {test_seed("flip")};
	pthread_t thread;

	start();
	ck_assert(!pthread_create(&thread, NULL, flip, &done));
	for (k = 0; k < test_runs(20000); k++) {
		n = 1 + rng_below(&g, 18);
		for (i = 0; i < n; i++)
			size[i] = 1 + rng_below(&g, 3000);
		put(size, n, 14 + rng_below(&g, 60000));
		/* Far_tx and the bus look at what comes of it: a length, a piece of a page. */
		if (pv_netback_work(&back, 0, 64) >= 0)
			continue;
		__atomic_store_n(&done, 1, __ATOMIC_RELAXED);
		pthread_join(thread, NULL);
		stop();
		done = 0;
		start();
		ck_assert(!pthread_create(&thread, NULL, flip, &done));
	}
	__atomic_store_n(&done, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	stop();
}
END_TEST

/* XSA-448, XSA-39: extras and chains by a grammar of everything that may stand anywhere. */
START_TEST(any_chain_of_slots_and_extras_is_answered_slot_by_slot)
{
	struct rng g = {test_seed("grammar")};
	uint32_t k, i;

	start();
	for (k = 0; k < test_runs(60000); k++) {
		uint32_t n = 0, from = ring()->rsp_prod, extras = 0, data = 0;
		bool more = true, extra = false;

		while (more || extra) {
			struct pv_netif_tx_request *r = slot(ring()->req_prod + n);
			struct pv_netif_extra_info *e = (void *)r;

			n++;
			if (extra) {
				extras++;
				extra = extras < 8 && rng_below(&g, 3) == 0;
				*e = (struct pv_netif_extra_info){.type = (uint8_t)rng_below(&g, 7),
								  .flags = extra};
				e->u.gso.size =
					(uint16_t)(rng_below(&g, 2) ? 1400 : rng_below(&g, 9));
				e->u.gso.type = (uint8_t)rng_below(&g, 4);
				continue;
			}
			extra = data == 0 && rng_below(&g, 2);
			data++;
			more = data < 40 && rng_below(&g, 4) != 0;
			*r = (struct pv_netif_tx_request){
				.gref = rng_below(&g, 9) ? ref[2 + rng_below(&g, 18)]
							 : rng_next(&g),
				.offset = (uint16_t)rng_below(&g, 200),
				.id = (uint16_t)data,
				.size = (uint16_t)(data == 1 ? 14 + rng_below(&g, 60000)
							     : rng_below(&g, 4000)),
				.flags = (uint16_t)(rng_below(&g, 4) |
						    (more ? PV_NETTXF_more_data : 0) |
						    (extra ? PV_NETTXF_extra_info : 0) |
						    (rng_below(&g, 5) ? 0 : 0xfff0)),
			};
		}
		ring()->req_prod += n;
		ck_assert_int_ge(pv_netback_work(&back, 0, 64), 0);
		ck_assert_uint_eq(ring()->rsp_prod, from + n);
		for (i = 0; i < n; i++) {
			struct pv_netif_tx_response *r = (void *)slot(from + i);
			bool null = i >= 1 && i < 1 + extras;

			ck_assert(null == (r->status == PV_NETIF_RSP_NULL));
			ck_assert(((uint32_t *)r)[1] == 0 && ((uint32_t *)r)[2] == 0);
		}
	}
	stop();
}
END_TEST

START_TEST(a_super_frame_whose_sum_is_not_blank_is_cut_up_all_the_same)
{
	static const uint8_t head[54] = {2,
					 0,
					 0,
					 0,
					 0,
					 2,
					 2,
					 0,
					 0,
					 0,
					 0,
					 1,
					 8,
					 0,
					 0x45,
					 0,
					 [16] = 3000 >> 8,
					 [17] = 3000 & 255,
					 [22] = 64,
					 6,
					 [26] = 10,
					 0,
					 0,
					 1,
					 10,
					 0,
					 0,
					 2,
					 [46] = 0x50,
					 0x10};
	const uint32_t size[1] = {0};
	struct pv_netif_extra_info e = {.type = PV_XEN_NETIF_EXTRA_TYPE_GSO};
	struct pv_net_headers h;

	start();
	memcpy(pages + 2 * MEM_PAGE, head, sizeof(head));
	e.u.gso.size = 1448;
	e.u.gso.type = PV_XEN_NETIF_GSO_TYPE_TCPV4;
	put(size, 1, 3014);
	slot(0)->flags = PV_NETTXF_extra_info;
	memcpy(slot(1), &e, sizeof(e));
	ring()->req_prod++;
	ck_assert_int_ge(pv_netback_work(&back, 0, 4), 0);
	ck_assert_int_eq(((struct pv_netif_tx_response *)slot(0))->status, PV_NETIF_RSP_OKAY);
	/* The last of three. */
	ck_assert_uint_eq(got, 54 + 2960 - 2 * 1448);
	ck_assert_int_eq(pv_net_find(last, got, &h), 0);
	ck_assert_uint_eq(pv_csum_add((uint32_t)h.pseudo + 6 + h.len, last + h.at, h.len), 0xffff);
	stop();
}
END_TEST

/* XSA-361, XSA-362, XSA-365: the k-th piece of a frame cannot be copied. */
START_TEST(kth_copy_that_fails_costs_the_frame_and_nothing_else)
{
	uint32_t size[18], k, i;

	start();
	for (i = 0; i < 18; i++)
		size[i] = 1000;
	for (k = 0; k < 18; k++) {
		put(size, 18, 18000);
		bus.fail_back_after = k;
		ck_assert_int_eq(answer(18), PV_NETIF_RSP_ERROR);
		bus.fail_back_after = -1;
		put(size, 18, 18000);
		ck_assert_int_eq(answer(18), PV_NETIF_RSP_OKAY);
		ck_assert_uint_eq(got, 18000);
	}
	stop();
}
END_TEST

/* XSA-350, XSA-465: any state at any time, with rings that work in between. */
START_TEST(any_sequence_of_states_leaves_nothing_behind)
{
	struct rng g = {test_seed("states")};
	unsigned connected = 0, k;
	char v[12];

	start();
	for (k = 0; k < test_runs(100000); k++) {
		switch (rng_below(&g, 8)) {
		case 0:
			mem_dir_write(&bus, 0, "multi-queue-num-queues",
				      rng_below(&g, 3) ? "1" : "9");
			break;
		case 1:
			snprintf(v, sizeof(v), "%u",
				 rng_below(&g, 8) ? ref[0] : rng_below(&g, 5000));
			mem_dir_write(&bus, 0, "tx-ring-ref", v);
			break;
		case 2: (void)pv_netback_work(&back, 0, 4); break;
		case 3: (void)pv_netback_arm(&back, 0, 0); break;
		case 4: bus.port[1].bound = false; break;
		default: mem_dir_state(&bus, 0, (int)rng_below(&g, 10)); break;
		}
		if (rng_below(&g, 3) == 0)
			memset(ring(), 0, sizeof(*ring()));
		connected += pv_netback_step(&back) == PV_BACK_CONNECTED;
		if (!back.connected)
			ck_assert_uint_eq(bus.maps, 0);
	}
	printf("# %u steps connected\n", connected);
	ck_assert_uint_gt(connected, test_runs(100000) / 100);
	/* One that was unbound behind its back is no breach of the backend's. */
	bus.port[1].bound = true;
	bus.error[0] = 0;
	stop();
}
END_TEST

/* XSA-332, XSA-157, XSA-146: a frontend that makes noise makes one line. */
START_TEST(a_frontend_that_is_wrong_for_ever_is_told_of_once)
{
	unsigned k;

	start();
	ring()->req_prod = 0x80000000;
	for (k = 0; k < 10000; k++) {
		ck_assert_int_eq(pv_netback_work(&back, 0, 4), -PV_EPROTO);
		ck_assert(!pv_netback_arm(&back, 0, 0));
	}
	ck_assert_uint_eq(bus.nr_broken, 1);
	stop();
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("frontend");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, every_split_and_every_size_arrives_or_is_refused);
	tcase_add_test(tc, sizes_that_do_not_add_up_are_answered_with_errors);
	tcase_add_test(tc, chains_of_more_than_18_slots_are_answered_whole);
	tcase_add_test(tc, slot_beyond_its_page_and_bad_reference_are_refused);
	tcase_add_test(tc, chain_without_an_end_stops_the_device_once);
	tcase_add_test(tc, runaway_producers_stop_the_device);
	tcase_add_test(tc, extras_that_mean_nothing_are_refused);
	tcase_add_test(tc, slots_that_change_while_they_are_read_are_survived);
	tcase_add_test(tc, any_chain_of_slots_and_extras_is_answered_slot_by_slot);
	tcase_add_test(tc, a_super_frame_whose_sum_is_not_blank_is_cut_up_all_the_same);
	tcase_add_test(tc, kth_copy_that_fails_costs_the_frame_and_nothing_else);
	tcase_add_test(tc, any_sequence_of_states_leaves_nothing_behind);
	tcase_add_test(tc, a_frontend_that_is_wrong_for_ever_is_told_of_once);
	return run_case("net hostile", tc);
}
