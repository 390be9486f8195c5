/*
 * Claims about save and restore of FIFO event channels: queues go on where they were, an older
 * state still comes in, and a state from a hostile stream is refused without effect.
 */
#include "fifo_rig.h"

#include <stddef.h>
#include <string.h>
#include "run.h"

#define ARRAY 32

static struct fake_vmm f, g;
static struct pv_state st, st2;
static struct pv_state_vcpu vcpus[2], vcpus2[2];
static struct pv_state_port ports[ARRAY], ports2[ARRAY];
static struct fifo_reader r[2];
static uint32_t a, b, late;

static int save(struct fake_vmm *v, struct pv_state *s, struct pv_state_vcpu *sv,
		struct pv_state_port *sp)
{
	memset(s, 0, sizeof(*s));
	s->vcpu = sv, s->nr_vcpus = 2;
	s->port = sp, s->nr_ports = ARRAY;
	return pv_domain_get_state(v->d, s);
}

static int64_t send(struct fake_vmm *v, uint32_t port)
{
	return fake_port_op(v, PV_EVTCHNOP_send, port);
}

/* Port a is first on a queue of vCPU 1, b behind it; `late` waits for a page of the array. */
static void busy_domain(void)
{
	fifo_open(&f, 2, 0, 0);
	memset(r, 0, sizeof(r));
	a = (uint32_t)fake_ipi(&f, 1);
	b = (uint32_t)fake_ipi(&f, 1);
	late = (uint32_t)fake_ipi(&f, 0);
	memset(fake_page(&f, FIFO_ARRAY), 0, 4096);
	ck_assert_int_eq(fifo_expand(&f, FIFO_ARRAY), 0);
	ck_assert_int_eq(fifo_priority(&f, a, 3), 0);
	ck_assert_int_eq(fifo_priority(&f, b, 3), 0);
	ck_assert_int_eq(send(&f, a), 0);
	ck_assert_int_eq(send(&f, b), 0);
	ck_assert_int_eq(save(&f, &st, vcpus, ports), 0);
}

static void arrive(void)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, 2);
	fake_open_cfg(&g, &cfg, false);
	memcpy(g.ram, f.ram, FAKE_PAGES * 4096);
}

static void leave(void)
{
	fake_close(&g);
	fake_close(&f);
}

START_TEST(state_comes_back_as_it_was)
{
	busy_domain();
	arrive();
	ck_assert_uint_eq(st.domain.event_fifo, 1);
	ck_assert_uint_eq(vcpus[1].fifo_tail[3], b);
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	ck_assert_int_eq(save(&g, &st2, vcpus2, ports2), 0);
	ck_assert_int_eq(memcmp(&st.domain, &st2.domain, sizeof(st.domain)), 0);
	ck_assert_int_eq(memcmp(vcpus, vcpus2, sizeof(vcpus)), 0);
	ck_assert_uint_eq(st.nr_ports, st2.nr_ports);
	ck_assert_int_eq(memcmp(ports, ports2, st.nr_ports * sizeof(ports[0])), 0);
	ck_assert(g.fifo);
	ck_assert_uint_eq(g.event_pages, 1);
	leave();
}
END_TEST

START_TEST(queues_go_on_where_they_were)
{
	uint32_t c;

	busy_domain();
	arrive();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	c = (uint32_t)fake_ipi(&g, 1);
	ck_assert_int_eq(fifo_priority(&g, c, 3), 0);
	ck_assert_int_eq(send(&g, c), 0);
	ck_assert_uint_eq(fifo_next(&g, &r[1], 1), a);
	ck_assert_uint_eq(fifo_next(&g, &r[1], 1), b);
	ck_assert_uint_eq(fifo_next(&g, &r[1], 1), c);
	ck_assert_uint_eq(fifo_next(&g, &r[1], 1), 0);
	/* b was the tail of a queue that is empty now: it may go elsewhere, and the queue stays */
	ck_assert_int_eq(fifo_priority(&g, c, 9), 0);
	ck_assert_int_eq(send(&g, c), 0);
	ck_assert_int_eq(send(&g, a), 0);
	ck_assert_uint_eq(fifo_next(&g, &r[1], 1), a);
	ck_assert_uint_eq(fifo_next(&g, &r[1], 1), c);
	leave();
}
END_TEST

START_TEST(event_without_a_word_is_carried)
{
	fifo_open(&f, 2, 0, 0);
	late = (uint32_t)fake_ipi(&f, 0);
	ck_assert_int_eq(send(&f, late), 0);
	ck_assert_int_eq(save(&f, &st, vcpus, ports), 0);
	ck_assert_uint_eq(ports[0].flags, PV_STATE_PORT_PENDING);
	arrive();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	memset(fake_page(&g, FIFO_ARRAY), 0, 4096);
	ck_assert_int_eq(fifo_expand(&g, FIFO_ARRAY), 0);
	memset(r, 0, sizeof(r));
	ck_assert_uint_eq(fifo_next(&g, &r[0], 0), late);
	leave();
}
END_TEST

/* As a reader of an older stream leaves it: nothing known of FIFO, early events in their bitmap. */
START_TEST(state_of_before_fifo_comes_in)
{
	struct pv_domain_config cfg;

	fake_config(&cfg, PV_DOMAIN_PVH, 2);
	fake_open_cfg(&f, &cfg, false);
	ck_assert_int_eq(fake_ipi(&f, 0), 1);
	ck_assert_int_eq(save(&f, &st, vcpus, ports), 0);
	st.domain.early_pending[0] = 2;
	ports[0].priority = 0;
	arrive();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	ck_assert_int_eq(pv_domain_set_shared_info(g.d, FAKE_SHARED), 0);
	ck_assert(fake_pending(&g, 1));
	leave();
}
END_TEST

static const struct {
	const char *what;
	void *at;
	size_t size;
	uint64_t value;
} lies[] = {
#define LIE(lvalue, v)                                                     \
	{                                                                  \
#lvalue " = " #v, &(lvalue), sizeof(lvalue), (uint64_t)(v) \
	}
	LIE(st.domain.event_fifo, 2),
	LIE(st.domain.event_fifo, 0),
	LIE(st.domain.event_pages, 0),
	LIE(st.domain.event_pages, 2),
	LIE(st.domain.event_pages, 129),
	LIE(st.domain.event_pages, UINT32_MAX),
	LIE(st.domain.event_page_gfn[0], FAKE_PAGES),
	LIE(st.domain.event_page_gfn[0], UINT64_MAX),
	LIE(st.domain.event_page_gfn[0], 1ull << 52),
	LIE(st.domain.event_page_gfn[0], FAKE_SHARED),
	LIE(st.domain.event_page_gfn[127], 1),
	LIE(vcpus[0].fifo_block_gpa, FAKE_SHARED * 4096),
	LIE(vcpus[0].fifo_block_gpa, FIFO_BLOCK * 4096 + 4),
	LIE(vcpus[0].fifo_block_gpa, FIFO_BLOCK * 4096 + 4096 - 64),
	LIE(vcpus[0].fifo_block_gpa, FAKE_PAGES * 4096ull),
	LIE(vcpus[0].fifo_block_gpa, UINT64_MAX - 7),
	LIE(vcpus[1].fifo_tail[3], 4096),
	LIE(vcpus[1].fifo_tail[15], UINT32_MAX),
	LIE(ports[0].priority, 16),
	LIE(ports[0].priority, UINT16_MAX),
	LIE(ports[0].flags, PV_STATE_PORT_PENDING),
	LIE(ports[2].port, 4096),
};

START_TEST(lie_is_refused_without_effect)
{
	busy_domain();
	arrive();
	/* A second page with nothing behind it, and no page at all for ports that count on one. */
	if (lies[_i].at == &st.domain.event_pages && lies[_i].value == 2)
		st.domain.event_page_gfn[1] = FAKE_PAGES + 5;
	if (lies[_i].at == &st.domain.event_pages && !lies[_i].value)
		st.domain.event_page_gfn[0] = FIFO_ARRAY;
	memcpy(lies[_i].at, &lies[_i].value, lies[_i].size);
	ck_assert_msg(pv_domain_set_state(g.d, &st) < 0, "accepted: %s", lies[_i].what);
	ck_assert(!g.fifo);
	ck_assert_int_eq(save(&g, &st2, vcpus2, ports2), 0);
	ck_assert_uint_eq(st2.nr_ports, 0);
	ck_assert_uint_eq(st2.domain.event_fifo, 0);
	fake_close(&f);
	busy_domain();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	leave();
}
END_TEST

START_TEST(tail_that_is_no_port_any_more_does_no_harm)
{
	uint32_t q;

	busy_domain();
	for (q = 0; q < 16; q++)
		vcpus[0].fifo_tail[q] = vcpus[1].fifo_tail[q] = 4095 - q;
	arrive();
	ck_assert_int_eq(pv_domain_set_state(g.d, &st), 0);
	ck_assert_int_eq(send(&g, late), 0);
	ck_assert_uint_eq(fifo_next(&g, &r[0], 0), late);
	leave();
}
END_TEST

START_TEST(failing_allocation_leaves_it_fresh)
{
	long left;
	int rc;

	busy_domain();
	arrive();
	for (left = 0;; left++) {
		g.alloc_left = left;
		rc = pv_domain_set_state(g.d, &st);
		if (!rc)
			break;
		ck_assert_int_eq(rc, -PV_ENOMEM);
		ck_assert(!g.fifo);
	}
	ck_assert_int_ge(left, 1);
	leave();
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("fifo state");

	tcase_add_test(t, state_comes_back_as_it_was);
	tcase_add_test(t, queues_go_on_where_they_were);
	tcase_add_test(t, event_without_a_word_is_carried);
	tcase_add_test(t, state_of_before_fifo_comes_in);
	tcase_add_loop_test(t, lie_is_refused_without_effect, 0,
			    (int)(sizeof(lies) / sizeof(lies[0])));
	tcase_add_test(t, tail_that_is_no_port_any_more_does_no_harm);
	tcase_add_test(t, failing_allocation_leaves_it_fresh);
	return run_case("fifo state", t);
}
