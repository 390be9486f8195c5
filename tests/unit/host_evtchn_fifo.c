/*
 * Claims about FIFO event channels on the host side: what the calls refuse, which queue an event
 * goes to, what the guest finds there, and words that a hostile guest has bent.
 *
 * Checklist section 4: bad vCPUs, offsets and pages (XSA-107, 221, 338), more ports than words
 * (XSA-342), 131071 ports with the lock given up now and then (XSA-344), bindings that fail after
 * exhaustion (XSA-496).
 */
#include "fifo_rig.h"

#include <string.h>
#include "run.h"

static struct fake_vmm f;
static struct fifo_reader r[4];

static void open(unsigned vcpus, unsigned pages)
{
	memset(r, 0, sizeof(r));
	fifo_open(&f, vcpus, 0, pages);
}

static int64_t send(uint32_t port)
{
	return fake_port_op(&f, PV_EVTCHNOP_send, port);
}

static int64_t unmask(uint32_t port)
{
	return fake_port_op(&f, PV_EVTCHNOP_unmask, port);
}

static int64_t close_port(uint32_t port)
{
	return fake_port_op(&f, PV_EVTCHNOP_close, port);
}

static bool status_closed(uint32_t port)
{
	struct pv_evtchn_status s = {.dom = PV_DOMID_SELF, .port = port};

	return !fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_status, &s, sizeof(s)) &&
	       s.status == PV_EVTCHNSTAT_closed;
}

/* An IPI port of the vCPU, unmasked. */
static uint32_t ipi(uint32_t vcpu)
{
	int64_t port = fake_ipi(&f, vcpu);

	ck_assert_int_gt(port, 0);
	ck_assert_int_eq(unmask((uint32_t)port), 0);
	return (uint32_t)port;
}

/* A port of ours that can move between vCPUs; sends go to `peer`. */
static uint32_t movable(uint32_t *peer)
{
	uint32_t port = (uint32_t)fake_unbound(&f, PV_DOMID_SELF);

	*peer = (uint32_t)fake_interdomain(&f, port);
	(void)pv_fifo_clear(fifo_word(&f, *peer), PV_FIFO_PENDING);
	ck_assert_int_eq(unmask(port), 0);
	return port;
}

/* ---- the calls */

START_TEST(init_control_refuses_what_is_no_place_for_a_block)
{
	static const struct {
		uint64_t gfn;
		uint32_t offset, vcpu;
		int64_t rc;
	} bad[] = {
		{FIFO_BLOCK, 0, 2, -PV_ENOENT},
		{FIFO_BLOCK, 0, UINT32_MAX, -PV_ENOENT},
		{FIFO_BLOCK, 4, 0, -PV_EINVAL},
		{FIFO_BLOCK, 4096 - 71, 0, -PV_EINVAL},
		{FIFO_BLOCK, 4096 - 64, 0, -PV_EINVAL},
		{FIFO_BLOCK, 4096, 0, -PV_EINVAL},
		{FIFO_BLOCK, UINT32_MAX - 7, 0, -PV_EINVAL},
		{FAKE_PAGES, 0, 0, -PV_EINVAL},
		{UINT64_MAX, 0, 0, -PV_EINVAL},
		{1ull << 52, 0, 0, -PV_EINVAL},
		{FAKE_SHARED, 0, 0, -PV_EINVAL},
		{FAKE_GRANTS, 0, 0, -PV_EINVAL},
	};

	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	fake_grants(&f);
	ck_assert_int_eq(fifo_init_control(&f, bad[_i].gfn, bad[_i].offset, bad[_i].vcpu),
			 bad[_i].rc);
	ck_assert(!f.fifo); /* still 2-level */
	ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY), -PV_EOPNOTSUPP);
	ck_assert_int_eq(fifo_init_control(&f, FIFO_BLOCK, 4096 - 72, 0), 17);
	ck_assert(f.fifo);
	/* and the second vCPU's the same */
	ck_assert_int_lt(fifo_init_control(&f, bad[_i].gfn, bad[_i].offset, bad[_i].vcpu | 1), 0);
	ck_assert_int_eq(fifo_init_control(&f, FIFO_BLOCK, 8, 1), 17);
	fake_close(&f);
}
END_TEST

START_TEST(control_block_is_registered_once)
{
	open(2, 1);
	ck_assert_int_eq(fifo_init_control(&f, FIFO_BLOCK, 8, 0), -PV_EINVAL);
	ck_assert_int_eq(fifo_init_control(&f, FIFO_BLOCK + 2, 0, 1), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(failing_allocation_leaves_two_level_words)
{
	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	f.alloc_left = 0;
	ck_assert_int_eq(fifo_init_control(&f, FIFO_BLOCK, 0, 0), -PV_ENOMEM);
	f.alloc_left = -1;
	ck_assert(!f.fifo);
	ck_assert_int_eq(fake_ipi(&f, 0), 1);
	ck_assert_int_eq(send(1), 0);
	ck_assert(fake_pending(&f, 1));
	fake_close(&f);
}
END_TEST

START_TEST(array_takes_memory_and_no_more_than_128_pages)
{
	unsigned i;

	open(1, 0);
	ck_assert_int_eq(fifo_expand(&f, FAKE_PAGES), -PV_EINVAL);
	ck_assert_int_eq(fifo_expand(&f, FAKE_SHARED), -PV_EINVAL);
	ck_assert_int_eq(fifo_expand(&f, UINT64_MAX), -PV_EINVAL);
	for (i = 0; i < 128; i++)
		ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY + i % 16), 0);
	ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY), -PV_ENOSPC);
	ck_assert_uint_eq(f.event_pages, 128);
	fake_close(&f);
}
END_TEST

START_TEST(page_with_event_words_is_nothing_else)
{
	struct pv_evtchn_fifo_control_block *b;
	uint64_t pages[2] = {FIFO_ARRAY, FIFO_BLOCK};
	uint64_t gfn = pages[_i];
	uint64_t *entry;
	struct pv_gnttab_map_grant_ref map = {.host_addr = gfn * 4096,
					      .flags = PV_GNTMAP_host_map,
					      .ref = 10,
					      .dom = PV_DOMID_SELF};

	open(1, 1);
	entry = fake_grants(&f);
	entry[10] = (uint64_t)FAKE_DATA << 32 | FAKE_DOMID << 16 | PV_GTF_permit_access;
	ck_assert_int_eq(pv_domain_set_shared_info(f.d, gfn), -PV_EINVAL);
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &map, sizeof(map), 1), 0);
	ck_assert_int_lt(map.status, 0);
	/* and a page that shows another cannot hold them */
	map.host_addr = (FAKE_DATA + 2) * 4096;
	ck_assert_int_eq(fake_gnttab(&f, PV_GNTTABOP_map_grant_ref, &map, sizeof(map), 1), 0);
	ck_assert_int_eq(map.status, 0);
	ck_assert_int_eq(fifo_expand(&f, FAKE_DATA + 2), -PV_EINVAL);
	b = fifo_block(&f, 0);
	ck_assert_uint_eq(b->ready, 0);
	fake_close(&f);
}
END_TEST

static const uint32_t bad_ports[] = {128, 4095, 4096, 131071, 131072, 1u << 31, UINT32_MAX};

START_TEST(every_operation_refuses_ports_that_do_not_exist)
{
	uint32_t port = bad_ports[_i];

	open(1, 1);
	ck_assert_int_eq(send(port), -PV_EINVAL);
	ck_assert_int_eq(unmask(port), -PV_EINVAL);
	ck_assert_int_eq(close_port(port), -PV_EINVAL);
	ck_assert_int_eq(fifo_priority(&f, port, 1), -PV_EINVAL);
	ck_assert_int_eq(fifo_to_vcpu(&f, port, 0), -PV_EINVAL);
	ck_assert_int_eq(fake_interdomain(&f, port), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

START_TEST(priority_is_checked_and_belongs_to_fifo)
{
	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	ck_assert_int_eq(fake_ipi(&f, 0), 1);
	ck_assert_int_eq(fifo_priority(&f, 1, 1), -PV_ENOSYS);
	fifo_start(&f, 1, 1);
	ck_assert_int_eq(fifo_priority(&f, 1, 15), 0);
	ck_assert_int_eq(fifo_priority(&f, 1, 16), -PV_EINVAL);
	ck_assert_int_eq(fifo_priority(&f, 1, UINT32_MAX), -PV_EINVAL);
	fake_close(&f);
}
END_TEST

/* ---- queues */

START_TEST(send_links_the_port_and_raises_once)
{
	uint32_t a, b;

	open(1, 1);
	a = ipi(0), b = ipi(0);
	ck_assert_int_eq(send(a), 0);
	ck_assert_uint_eq(*fifo_word(&f, a), PV_FIFO_PENDING | PV_FIFO_LINKED);
	ck_assert_uint_eq(fifo_block(&f, 0)->head[7], a);
	ck_assert_uint_eq(fifo_block(&f, 0)->ready, 1u << 7);
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[0].evtchn_upcall_pending, 1);
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_int_eq(send(a), 0);
	ck_assert_int_eq(send(b), 0);
	ck_assert_uint_eq(*fifo_word(&f, a), PV_FIFO_PENDING | PV_FIFO_LINKED | b);
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), a);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), b);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), 0);
	/* nothing of 2-level words was touched */
	ck_assert(!fake_pending(&f, a));
	ck_assert_uint_eq(fake_shared(&f)->vcpu_info[0].evtchn_pending_sel, 0);
	fake_close(&f);
}
END_TEST

START_TEST(events_of_one_priority_come_in_order_of_sending)
{
	uint32_t port[20], i;

	open(1, 1);
	for (i = 0; i < 20; i++)
		port[i] = ipi(0);
	for (i = 20; i-- > 0;)
		ck_assert_int_eq(send(port[i]), 0);
	for (i = 20; i-- > 0;)
		ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port[i]);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), 0);
	fake_close(&f);
}
END_TEST

START_TEST(higher_priority_comes_first)
{
	uint32_t port[16], i;

	open(1, 1);
	for (i = 0; i < 16; i++) {
		port[i] = ipi(0);
		ck_assert_int_eq(fifo_priority(&f, port[i], 15 - i), 0);
		ck_assert_int_eq(send(port[i]), 0);
	}
	for (i = 16; i-- > 0;)
		ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port[i]);
	fake_close(&f);
}
END_TEST

START_TEST(new_binding_has_the_default_priority)
{
	uint32_t port;

	open(1, 1);
	port = ipi(0);
	ck_assert_int_eq(fifo_priority(&f, port, 0), 0);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_uint_eq(ipi(0), port);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(fifo_block(&f, 0)->ready, 1u << PV_EVTCHN_FIFO_PRIORITY_DEFAULT);
	fake_close(&f);
}
END_TEST

START_TEST(masked_event_is_pending_and_not_linked_until_unmasked)
{
	uint32_t port;

	open(1, 1);
	port = (uint32_t)fake_ipi(&f, 0);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(*fifo_word(&f, port), PV_FIFO_PENDING | PV_FIFO_MASKED);
	ck_assert_uint_eq(f.kicks[0], 0);
	ck_assert_uint_eq(f.events, 1); /* whoever polls hears of it */
	ck_assert_int_eq(unmask(port), 0);
	ck_assert_uint_eq(*fifo_word(&f, port), PV_FIFO_PENDING | PV_FIFO_LINKED);
	ck_assert_uint_eq(f.kicks[0], 1);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port);
	ck_assert_int_eq(unmask(port), 0); /* quiet: nothing happens */
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), 0);
	fake_close(&f);
}
END_TEST

START_TEST(moved_port_goes_to_the_new_vcpu)
{
	uint32_t peer, port, other;

	open(2, 1);
	port = movable(&peer);
	other = ipi(0);
	ck_assert_int_eq(send(peer), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port);
	ck_assert_int_eq(fifo_to_vcpu(&f, port, 1), 0);
	ck_assert_int_eq(send(peer), 0);
	/* The old queue's tail was this port: an event there must not hang behind it now. */
	ck_assert_int_eq(send(other), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[1], 1), port);
	ck_assert_uint_eq(fifo_next(&f, &r[1], 1), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), other);
#if defined(__x86_64__) /* elsewhere vCPU 1 has upcall words only once it registers some */
	ck_assert_uint_eq(f.kicks[1], 1);
#endif
	fake_close(&f);
}
END_TEST

START_TEST(linked_port_stays_on_its_queue_when_moved)
{
	uint32_t peer, port;

	open(2, 1);
	port = movable(&peer);
	ck_assert_int_eq(send(peer), 0);
	ck_assert_int_eq(fifo_to_vcpu(&f, port, 1), 0);
	ck_assert_int_eq(fifo_priority(&f, port, 0), 0);
	ck_assert_int_eq(send(peer), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[1], 1), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port);
	ck_assert_int_eq(send(peer), 0);
	ck_assert_uint_eq(fifo_block(&f, 1)->ready, 1);
	ck_assert_uint_eq(fifo_next(&f, &r[1], 1), port);
	fake_close(&f);
}
END_TEST

START_TEST(event_for_a_vcpu_without_a_block_is_dropped)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PVH, 2, true);
	memset(r, 0, sizeof(r));
	fifo_start(&f, 1, 1); /* vCPU 0 alone has a control block (XSA-107, XSA-338) */
	port = ipi(1);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(*fifo_word(&f, port), 0);
	ck_assert_uint_eq(f.kicks[1], 0);
	*fifo_block(&f, 1) = (struct pv_evtchn_fifo_control_block){0};
	ck_assert_int_eq(fifo_init_control(&f, FIFO_BLOCK + 1, 8, 1), 17);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[1], 1), port);
	fake_close(&f);
}
END_TEST

/* ---- from 2-level words and back */

START_TEST(pending_events_survive_the_switch)
{
	uint32_t a, b;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	memset(r, 0, sizeof(r));
	a = (uint32_t)fake_ipi(&f, 0), b = (uint32_t)fake_ipi(&f, 0);
	ck_assert_int_eq(send(b), 0);
	fifo_start(&f, 1, 0);
	ck_assert_int_eq(send(a), 0); /* no word for it yet */
	memset(fake_page(&f, FIFO_ARRAY), 0, 4096);
	*fifo_word(&f, a) = PV_FIFO_MASKED;
	ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY), 0);
	ck_assert_uint_eq(*fifo_word(&f, a), PV_FIFO_MASKED | PV_FIFO_PENDING);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), b);
	ck_assert_int_eq(unmask(a), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), a);
	/* once */
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), 0);
	fake_close(&f);
}
END_TEST

START_TEST(closed_port_forgets_what_waited_for_its_word)
{
	open(1, 0);
	ck_assert_int_eq(fake_ipi(&f, 0), 1);
	ck_assert_int_eq(send(1), 0);
	ck_assert_int_eq(close_port(1), 0);
	ck_assert_int_eq(fake_ipi(&f, 0), 1);
	memset(fake_page(&f, FIFO_ARRAY), 0, 4096);
	ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY), 0);
	ck_assert_uint_eq(*fifo_word(&f, 1), 0);
	fake_close(&f);
}
END_TEST

START_TEST(reset_returns_to_two_level_words)
{
	uint32_t port;

	open(1, 1);
	port = ipi(0);
	ck_assert_int_eq(fifo_reset(&f), 0);
	ck_assert(!f.fifo);
	ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY), -PV_EOPNOTSUPP);
	ck_assert_int_eq(fake_ipi(&f, 0), port);
	ck_assert_int_eq(send(port), 0);
	ck_assert(fake_pending(&f, port));
	fake_clear(&f, port);
	/* and forth again */
	memset(r, 0, sizeof(r));
	fifo_start(&f, 1, 1);
	ck_assert_int_eq(unmask(port), 0);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port);
	fake_close(&f);
}
END_TEST

/* ---- routes of an engine's fast path */

static unsigned rings;

static void ring(void *arg)
{
	(void)arg;
	rings++;
}

START_TEST(send_to_a_host_end_touches_no_word)
{
	struct pv_host_port hp = {.domid = FAKE_BACKEND, .kick = 3, .fn = ring};
	uint32_t port, before;

	open(1, 1);
	rings = 0;
	port = (uint32_t)fake_unbound(&f, FAKE_BACKEND);
	ck_assert_int_eq(pv_domain_evtchn_bind_host(f.d, &hp, port), 0);
	ck_assert_uint_eq(pv_domain_route(f.d, port).kind, PV_ROUTE_KICK);
	ck_assert_uint_eq(pv_domain_route(f.d, port).kick, 3);
	before = *fifo_word(&f, port);
	ck_assert_int_eq(send(port), 0);
	ck_assert_uint_eq(rings, 2);
	ck_assert_uint_eq(*fifo_word(&f, port), before);
	ck_assert_int_eq(unmask(port), 0);
	ck_assert_int_eq(pv_domain_evtchn_send(f.d, &hp), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), port);
	fake_close(&f);
}
END_TEST

START_TEST(engine_is_told_that_local_sends_need_the_library)
{
	uint32_t port;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	port = (uint32_t)fake_ipi(&f, 0);
	ck_assert_uint_eq(f.route.kind, PV_ROUTE_LOCAL);
	fifo_start(&f, 1, 1);
	ck_assert_uint_eq(f.route_port, port);
	ck_assert_uint_eq(f.route.kind, PV_ROUTE_NONE);
	ck_assert_uint_eq(pv_domain_route(f.d, port).kind, PV_ROUTE_NONE);
	fake_close(&f);
}
END_TEST

/* ---- hostile words */

START_TEST(links_that_lead_nowhere_lead_the_host_nowhere)
{
	static const uint32_t links[] = {0, 1, 2, 3, 0x1ffff, 1024, 4095};
	uint32_t a, b, i;

	open(1, 1);
	a = ipi(0), b = ipi(0);
	for (i = 0; i < 1000; i++) {
		/* circles, ports beyond the array, LINKED set and cleared at will */
		*fifo_word(&f, a) =
			links[i % 7] | (i & 8 ? PV_FIFO_LINKED : 0) | (i & 16 ? PV_FIFO_BUSY : 0);
		*fifo_word(&f, b) = links[i / 7 % 7] | (i & 32 ? PV_FIFO_LINKED : 0);
		fifo_block(&f, 0)->head[7] = UINT32_MAX;
		fifo_block(&f, 0)->ready = i & 64 ? UINT32_MAX : 0;
		ck_assert_int_eq(send(i & 1 ? a : b), 0);
		ck_assert_int_eq(send(i & 2 ? a : b), 0);
		ck_assert_int_eq(unmask(i & 4 ? a : b), 0);
	}
	/* A guest that mends its words is served again. */
	memset(fake_page(&f, FIFO_ARRAY), 0, 4096);
	*fifo_block(&f, 0) = (struct pv_evtchn_fifo_control_block){0};
	ck_assert_int_eq(send(a), 0);
	ck_assert_int_eq(send(b), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), a);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), b);
	fake_close(&f);
}
END_TEST

START_TEST(port_that_stays_linked_is_not_given_out_again)
{
	uint32_t port;

	open(1, 1);
	port = ipi(0);
	(void)pv_fifo_set(fifo_word(&f, port), PV_FIFO_LINKED);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_int_eq(fake_ipi(&f, 0), port + 1);
	ck_assert_int_eq(fake_ipi(&f, 0), port + 2);
	(void)pv_fifo_clear(fifo_word(&f, port), PV_FIFO_LINKED);
	ck_assert_int_eq(fake_ipi(&f, 0), port);
	ck_assert_int_eq(fake_ipi(&f, 0), port + 3);
	fake_close(&f);
}
END_TEST

START_TEST(one_page_for_the_whole_array_is_the_guests_own_loss)
{
	uint32_t i, port = 0;

	open(1, 0);
	memset(fake_page(&f, FIFO_BLOCK), 0, 4096);
	for (i = 0; i < 128; i++) /* even the control block's */
		ck_assert_int_eq(fifo_expand(&f, FIFO_BLOCK), 0);
	for (i = 0; i < 3000; i++) {
		port = (uint32_t)fake_ipi(&f, 0);
		(void)unmask(port);
		(void)send(port);
	}
	ck_assert_int_eq(fifo_reset(&f), 0);
	fake_close(&f);
}
END_TEST

/* ---- many ports */

START_TEST(ports_end_where_the_limit_is)
{
	uint32_t i;

	fifo_open(&f, 1, 5000, 5);
	memset(r, 0, sizeof(r));
	for (i = 1; i < 5000; i++)
		ck_assert_int_eq(fake_ipi(&f, 0), i);
	/* XSA-496: what fails leaves nothing behind */
	ck_assert_int_eq(fake_ipi(&f, 0), -PV_ENOSPC);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), -PV_ENOSPC);
	ck_assert_int_eq(fake_unbound(&f, 0), -PV_ENOSPC);
	ck_assert_int_eq(fake_interdomain(&f, 4999), -PV_ENOSPC);
	ck_assert_int_eq(pv_domain_virq(f.d, 0, PV_VIRQ_TIMER), 0);
	ck_assert_int_eq(unmask(4999), 0);
	ck_assert_int_eq(send(4999), 0);
	ck_assert_uint_eq(fifo_next(&f, &r[0], 0), 4999);
	ck_assert_int_eq(close_port(4998), 0);
	ck_assert_int_eq(fake_virq(&f, PV_VIRQ_TIMER, 0), 4998);
	fake_close(&f);
}
END_TEST

START_TEST(two_level_words_end_at_4096_whatever_the_limit_is)
{
	struct pv_domain_config cfg;
	uint32_t i;

	fake_config(&cfg, PV_DOMAIN_PVH, 1);
	cfg.max_ports = 131072;
	fake_open_cfg(&f, &cfg, true);
	for (i = 1; i < 4096; i++)
		ck_assert_int_eq(fake_ipi(&f, 0), i);
	ck_assert_int_eq(fake_ipi(&f, 0), -PV_ENOSPC); /* XSA-342: no bit for it */
	fifo_start(&f, 1, 5);
	ck_assert_int_eq(fake_ipi(&f, 0), 4096);
	ck_assert_int_eq(send(4096), 0);
	ck_assert_uint_eq(*fifo_word(&f, 4096), PV_FIFO_MASKED | PV_FIFO_PENDING);
	fake_close(&f);
}
END_TEST

static void (*real_unlock)(void *ctx);
static bool meddle;
static int64_t inner;
static uint32_t made;

/* Somebody gets the lock that reset gives up: resets as well, and binds a port. */
static void meddling_unlock(void *ctx)
{
	struct pv_evtchn_reset again = {PV_DOMID_SELF};

	real_unlock(ctx);
	if (!meddle)
		return;
	meddle = false; /* not for the calls made here */
	if (!status_closed(1)) {
		meddle = true;
		return;
	}
	inner = fake_op(&f, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_reset, &again,
			sizeof(again));
	made = (uint32_t)fake_ipi(&f, 0);
}

START_TEST(reset_tells_what_was_bound_behind_its_back)
{
	uint32_t i;

	fake_init(&f);
	real_unlock = f.vmm.unlock;
	f.vmm.unlock = meddling_unlock;
	meddle = false;
	fifo_create(&f, 1, 0, 1);
	for (i = 1; i < 300; i++)
		ck_assert_int_eq(fake_unbound(&f, 0), i);
	meddle = true;
	ck_assert_int_eq(fifo_reset(&f), -PV_EAGAIN); /* XSA-358, XSA-505 */
	ck_assert_int_eq(inner, -PV_EBUSY);
	ck_assert(f.fifo);
	ck_assert_int_eq(send(made), 0);
	ck_assert_int_eq(close_port(made), 0);
	ck_assert_int_eq(fifo_reset(&f), 0);
	ck_assert(!f.fifo);
	fake_close(&f);
}
END_TEST

static unsigned held, longest;
static void (*real_lock)(void *ctx);

static void counting_lock(void *ctx)
{
	real_lock(ctx);
	held = 0;
}

static void counting_route(void *ctx, uint32_t port, struct pv_route route)
{
	(void)ctx, (void)port, (void)route;
	if (++held > longest)
		longest = held;
}

START_TEST(reset_of_131071_ports_lets_others_at_the_lock)
{
	uint32_t i;

	fake_init(&f);
	real_lock = f.vmm.lock;
	f.vmm.lock = counting_lock;
	f.vmm.route_changed = counting_route;
	fifo_create(&f, 1, 131072, 128);
	for (i = 1; i < 131072; i++)
		ck_assert_int_eq(fake_unbound(&f, 0), i);
	ck_assert_int_eq(fake_unbound(&f, 0), -PV_ENOSPC);
	ck_assert_int_le(f.allocated, 4 << 20); /* what pv/vmm.h promises */
	longest = 0;
	ck_assert_int_eq(fifo_reset(&f), 0);
	ck_assert_uint_ge(longest, 1);
	ck_assert_uint_le(longest, 128); /* XSA-344: closed at one go */
	ck_assert_int_eq(fake_unbound(&f, 0), 1);
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fifo event channels");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, init_control_refuses_what_is_no_place_for_a_block, 0, 12);
	tcase_add_test(t, control_block_is_registered_once);
	tcase_add_test(t, failing_allocation_leaves_two_level_words);
	tcase_add_test(t, array_takes_memory_and_no_more_than_128_pages);
	tcase_add_loop_test(t, page_with_event_words_is_nothing_else, 0, 2);
	tcase_add_loop_test(t, every_operation_refuses_ports_that_do_not_exist, 0, 7);
	tcase_add_test(t, priority_is_checked_and_belongs_to_fifo);
	tcase_add_test(t, send_links_the_port_and_raises_once);
	tcase_add_test(t, events_of_one_priority_come_in_order_of_sending);
	tcase_add_test(t, higher_priority_comes_first);
	tcase_add_test(t, new_binding_has_the_default_priority);
	tcase_add_test(t, masked_event_is_pending_and_not_linked_until_unmasked);
	tcase_add_test(t, moved_port_goes_to_the_new_vcpu);
	tcase_add_test(t, linked_port_stays_on_its_queue_when_moved);
	tcase_add_test(t, event_for_a_vcpu_without_a_block_is_dropped);
	tcase_add_test(t, pending_events_survive_the_switch);
	tcase_add_test(t, closed_port_forgets_what_waited_for_its_word);
	tcase_add_test(t, reset_returns_to_two_level_words);
	tcase_add_test(t, send_to_a_host_end_touches_no_word);
	tcase_add_test(t, engine_is_told_that_local_sends_need_the_library);
	tcase_add_test(t, links_that_lead_nowhere_lead_the_host_nowhere);
	tcase_add_test(t, port_that_stays_linked_is_not_given_out_again);
	tcase_add_test(t, one_page_for_the_whole_array_is_the_guests_own_loss);
	tcase_add_test(t, ports_end_where_the_limit_is);
	tcase_add_test(t, two_level_words_end_at_4096_whatever_the_limit_is);
	tcase_add_test(t, reset_tells_what_was_bound_behind_its_back);
	tcase_add_test(t, reset_of_131071_ports_lets_others_at_the_lock);
	return run_case("fifo event channels", t);
}
