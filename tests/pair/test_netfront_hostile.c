/*
 * A hostile backend against the network frontend, played by hand on the raw rings (XSA-391, XSA-396, XSA-403 and their
 * kind): whatever it writes, the guest lives, and the device works on or is given up with a reason, once.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <pv/abi/errno.h>
#include <pv/abi/io/netif.h>
#include <pv/front/net.h>
#include "mem_bus.h"
#include "run.h"

static struct mem_bus bus;
static struct pv_netfront front;
static struct pv_netfront_tx tx[4];
static struct pv_netfront_seg seg;
static uint8_t *frame;
static unsigned shown, last_len, events;

static int show(void *arg, const struct pv_netfront_rx *rx)
{
	uint32_t i, k, sum = 0;

	/* Every byte that is shown can be read. */
	for (i = 0; i < rx->n; i++) {
		for (k = 0; k < rx->frag[i].len; k += 61)
			(void)((const volatile uint8_t *)rx->frag[i].base)[k];
		sum += rx->frag[i].len;
	}
	ck_assert_uint_eq(sum, rx->total);
	ck_assert_uint_le(sum, PV_NET_MAX_FRAME);
	last_len = sum;
	shown++;
	return 0;
}

static void event(void *arg)
{
	events++;
}

static void start(bool gso)
{
	static const char *const offers[] = {"feature-rx-copy",		  "feature-sg",
					     "feature-gso-tcpv4",	  "feature-gso-tcpv6",
					     "feature-ipv6-csum-offload", "feature-ctrl-ring",
					     "feature-multicast-control"};
	struct pv_netfront_config cfg = {.rx_pages = 64, .gso = gso, .ctrl = true};
	unsigned i;

	mem_bus_init(&bus);
	mem_dir_write(&bus, 0, "mac", "00:16:3e:00:00:01");
	for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++)
		mem_dir_write(&bus, 1, offers[i], "1");
	ck_assert_int_eq(pv_netfront_init(&front, &bus.front, &cfg, show, event, NULL), 0);
	pv_netfront_step(&front);
	mem_dir_state(&bus, 1, 2);
	pv_netfront_step(&front);
	mem_dir_state(&bus, 1, 4);
	ck_assert_int_eq(pv_netfront_step(&front), PV_FRONT_CONNECTED);
	frame = bus.front.pages_alloc(&bus, 1);
	shown = events = 0;
	memset(tx, 0, sizeof(tx));
}

static void stop(void)
{
	pv_netfront_destroy(&front);
	ck_assert(tx[0].status != PV_NETFRONT_BUSY);
	bus.front.pages_free(&bus, frame, 1);
	ck_assert(mem_bus_idle(&bus, 0));
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
}

static struct pv_sring *ring(unsigned which)
{
	return front.q[0].ring_page[which];
}

static void *slot(unsigned which, uint32_t i)
{
	return (uint8_t *)(ring(which) + 1) + (i & 255) * (which ? 8 : 12);
}

static void send_frame(unsigned i)
{
	seg = (struct pv_netfront_seg){frame, 100};
	tx[i] = (struct pv_netfront_tx){.seg = &seg, .nseg = 1};
	ck_assert_int_eq(pv_netfront_send(&front, &tx[i]), 0);
	pv_netfront_push(&front);
}

static void answer_tx(uint16_t id, int16_t status)
{
	*(struct pv_netif_tx_response *)slot(0, ring(0)->rsp_prod) =
		(struct pv_netif_tx_response){.id = id, .status = status};
	ring(0)->rsp_prod++;
}

static void answer_rx(uint16_t id, uint16_t offset, uint16_t flags, int16_t status)
{
	*(struct pv_netif_rx_response *)slot(1, ring(1)->rsp_prod) = (struct pv_netif_rx_response){
		.id = id, .offset = offset, .flags = flags, .status = status};
	ring(1)->rsp_prod++;
}

static void gives_up(void)
{
	ck_assert_int_eq(pv_netfront_poll(&front, 100), -PV_EPROTO);
	ck_assert_int_eq(pv_netfront_poll(&front, 100), -PV_EPROTO);
	ck_assert_uint_eq(bus.nr_broken, 1);
	/* Whoever waits for a frame hears of it. */
	ck_assert(tx[0].status != PV_NETFRONT_BUSY);
	ck_assert(!pv_netfront_arm(&front));
	stop();
}

START_TEST(answers_to_frames_that_are_not_under_way)
{
	static const uint16_t ids[] = {1, 0, 256, 4000, 0xffff};
	unsigned i;

	for (i = 0; i < 5; i++) {
		start(false);
		send_frame(0);
		answer_tx(ids[i] == 1
				  ? (uint16_t)(((struct pv_netif_tx_request *)slot(0, 0))->id ^ 1)
				  : ids[i],
			  0);
		gives_up();
	}
}
END_TEST

START_TEST(an_answer_that_comes_twice)
{
	uint16_t id;

	start(false);
	send_frame(0);
	send_frame(1);
	id = ((struct pv_netif_tx_request *)slot(0, 0))->id;
	answer_tx(id, 0);
	answer_tx(id, 0);
	gives_up();
}
END_TEST

START_TEST(an_answer_to_an_extra_slot_that_was_not_sent)
{
	start(false);
	send_frame(0);
	answer_tx(0, PV_NETIF_RSP_NULL);
	gives_up();
}
END_TEST

START_TEST(more_answers_than_requests)
{
	static const uint32_t far_off[] = {2, 257, 0x80000000, 0xffffffff};
	unsigned i;

	for (i = 0; i < 8; i++) {
		start(false);
		send_frame(0);
		/* Of receive requests 64 are posted. */
		ring(i & 1)->rsp_prod = i == 1 ? 65 : far_off[i / 2];
		if (i == 3 || i == 1 || !(i & 1) || i > 3)
			gives_up();
		else
			stop();
	}
}
END_TEST

START_TEST(received_pieces_that_reach_beyond_their_page)
{
	static const struct {
		uint16_t offset;
		int16_t size;
	} bad[] = {{4096, 1}, {0, 4097}, {4000, 97}, {0xffff, 1}, {0xffff, 0x7fff}};
	unsigned i;

	for (i = 0; i < 5; i++) {
		start(false);
		answer_rx(0, bad[i].offset, 0, bad[i].size);
		gives_up();
	}
	start(false);
	answer_rx(0, 3996, 0, 100);
	ck_assert_int_eq(pv_netfront_poll(&front, 10), 1);
	ck_assert_uint_eq(last_len, 100);
	stop();
}
END_TEST

START_TEST(a_received_piece_with_another_ones_id)
{
	start(false);
	answer_rx(5, 0, 0, 100);
	gives_up();
}
END_TEST

START_TEST(a_received_frame_without_an_end)
{
	start(false);
	answer_rx(0, 0, PV_NETRXF_more_data, 100);
	gives_up();
	start(true);
	answer_rx(0, 0, PV_NETRXF_extra_info, 100);
	gives_up();
}
END_TEST

START_TEST(a_received_frame_that_is_too_long_is_dropped_whole)
{
	unsigned n;

	for (n = 15; n <= 40; n++) {
		unsigned i;

		start(false);
		for (i = 0; i < n; i++)
			answer_rx((uint16_t)i, 0, i + 1 < n ? PV_NETRXF_more_data : 0, 4096);
		answer_rx((uint16_t)n, 0, 0, 77);
		ck_assert_int_eq(pv_netfront_poll(&front, 100), n < 16 ? 2 : 1);
		ck_assert_uint_eq(last_len, 77);
		ck_assert_uint_eq(pv_netfront_rx_dropped(&front), n < 16 ? 0 : 1);
		/* Its pages were posted again. */
		ck_assert_uint_eq(ring(1)->req_prod, 64 + n + 1);
		stop();
	}
}
END_TEST

START_TEST(extras_that_nobody_asked_for_spoil_the_frame)
{
	unsigned type, size, kind;

	for (type = 0; type < 8; type++)
		for (kind = 0; kind < 4; kind++)
			for (size = 0; size <= 16; size += 8) {
				struct pv_netif_extra_info e = {.type = (uint8_t)type};
				bool good;

				start(type != 5);
				answer_rx(0, 0, PV_NETRXF_extra_info | PV_NETRXF_more_data, 100);
				e.u.gso.size = (uint16_t)size;
				e.u.gso.type = (uint8_t)kind;
				memcpy(slot(1, ring(1)->rsp_prod++), &e, sizeof(e));
				answer_rx(2, 0, 0, 100);
				good = type == PV_XEN_NETIF_EXTRA_TYPE_GSO && size >= 8 &&
				       (kind == 1 || kind == 2);
				ck_assert_int_eq(pv_netfront_poll(&front, 100), good);
				ck_assert_uint_eq(pv_netfront_rx_dropped(&front), !good);
				stop();
			}
}
END_TEST

/* XSA-396: a page that the backend still holds is not used again, and the guest does not fall over it. */
START_TEST(memory_that_the_backend_does_not_let_go_is_given_up)
{
	struct pv_netif_tx_request *r;
	void *va;

	start(false);
	send_frame(0);
	r = slot(0, 0);
	bus.grant[r->gref].readonly = false;
	ck_assert_int_eq(bus.back.map_ring(&bus, &r->gref, 1, &va), 0);
	answer_tx(r->id, 0);
	ck_assert_int_eq(pv_netfront_poll(&front, 10), -PV_EPROTO);
	ck_assert_int_eq(tx[0].status, -PV_EBUSY);
	pv_netfront_destroy(&front);
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
}
END_TEST

START_TEST(a_received_page_that_the_backend_does_not_let_go_is_given_up)
{
	uint32_t ref;
	void *va;

	start(false);
	ref = front.q[0].rx_ref[front.q[0].rx_slot_page[0]];
	ck_assert_int_eq(bus.back.map_ring(&bus, &ref, 1, &va), 0);
	answer_rx(0, 0, 0, 100);
	ck_assert_int_eq(pv_netfront_poll(&front, 10), -PV_EPROTO);
	ck_assert_uint_eq(shown, 0);
	pv_netfront_destroy(&front);
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
}
END_TEST

/* XSA-391: events with nothing behind them change nothing. */
START_TEST(a_storm_of_events_leaves_a_device_that_works)
{
	unsigned i;

	start(false);
	send_frame(0);
	for (i = 0; i < 100000; i++) {
		bus.back.notify(&bus, front.q[0].port[0]);
		ck_assert_int_eq(pv_netfront_poll(&front, 64), 0);
		ck_assert(!pv_netfront_arm(&front));
	}
	ck_assert_uint_eq(events, 100000);
	ck_assert_uint_eq(ring(1)->req_prod, 64);
	answer_tx(((struct pv_netif_tx_request *)slot(0, 0))->id, 0);
	answer_rx(0, 0, 0, 60);
	ck_assert_int_eq(pv_netfront_poll(&front, 64), 1);
	ck_assert_int_eq(tx[0].status, 0);
	stop();
}
END_TEST

START_TEST(control_answers_to_no_request)
{
	const uint32_t none[3] = {0};
	struct pv_sring *ctrl;
	uint32_t status, data;

	start(false);
	ctrl = front.ctrl_page;
	ck_assert_ptr_nonnull(ctrl);
	ck_assert_int_eq(pv_netfront_ctrl(&front, 1, none), 0);
	((struct pv_netif_ctrl_response *)(ctrl + 1))->id = 999;
	ctrl->rsp_prod = 1;
	ck_assert_int_eq(pv_netfront_ctrl_poll(&front, &status, &data), -PV_EPROTO);
	gives_up();
	start(false);
	ctrl = front.ctrl_page;
	ck_assert_int_eq(pv_netfront_ctrl(&front, 1, none), 0);
	ctrl->rsp_prod = 3;
	ck_assert_int_eq(pv_netfront_ctrl_poll(&front, &status, &data), -PV_EPROTO);
	gives_up();
}
END_TEST

START_TEST(any_states_and_any_bytes_are_survived)
{
	struct rng g = {test_seed("hostile backend")};
	unsigned k, i, broke = 0;

	for (k = 0; k < test_runs(3000); k++) {
		start(k & 1);
		for (i = 0; i < 40 && !front.broken && front.ready; i++) {
			switch (rng_below(&g, 5)) {
			case 0:
				if (tx[i % 4].status != PV_NETFRONT_BUSY)
					send_frame(i % 4);
				break;
			case 1: mem_dir_state(&bus, 1, (int)rng_below(&g, 10)); break;
			case 2:
				if (rng_below(&g, 3))
					answer_rx((uint16_t)(ring(1)->rsp_prod & 255),
						  (uint16_t)rng_below(&g, 4000),
						  (uint16_t)rng_below(&g, 32),
						  (int16_t)rng_below(&g, 100));
				else
					answer_tx((uint16_t)rng_below(&g, 260),
						  (int16_t)(rng_below(&g, 4) - 2));
				break;
			case 3: (void)pv_netfront_poll(&front, rng_below(&g, 9)); break;
			default: (void)pv_netfront_step(&front); break;
			}
		}
		broke += front.broken;
		stop();
	}
	printf("# %u devices of %u given up\n", broke, test_runs(3000));
	ck_assert_uint_gt(broke, test_runs(3000) / 10);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("backend");

	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, answers_to_frames_that_are_not_under_way);
	tcase_add_test(tc, an_answer_that_comes_twice);
	tcase_add_test(tc, an_answer_to_an_extra_slot_that_was_not_sent);
	tcase_add_test(tc, more_answers_than_requests);
	tcase_add_test(tc, received_pieces_that_reach_beyond_their_page);
	tcase_add_test(tc, a_received_piece_with_another_ones_id);
	tcase_add_test(tc, a_received_frame_without_an_end);
	tcase_add_test(tc, a_received_frame_that_is_too_long_is_dropped_whole);
	tcase_add_test(tc, extras_that_nobody_asked_for_spoil_the_frame);
	tcase_add_test(tc, memory_that_the_backend_does_not_let_go_is_given_up);
	tcase_add_test(tc, a_received_page_that_the_backend_does_not_let_go_is_given_up);
	tcase_add_test(tc, a_storm_of_events_leaves_a_device_that_works);
	tcase_add_test(tc, control_answers_to_no_request);
	tcase_add_test(tc, any_states_and_any_bytes_are_survived);
	return run_case("netfront hostile", tc);
}
