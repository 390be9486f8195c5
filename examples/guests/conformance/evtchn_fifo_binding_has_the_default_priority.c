/*
 * A port that is bound again has the default priority: after one of 6, before one of 8.
 */
#include "conformance.h"

static uint32_t port[3], seen[3];
static volatile unsigned nr_seen;

static void handler(void *arg, uint32_t p)
{
	if (nr_seen < 3)
		seen[nr_seen] = p;
	nr_seen++;
}

CASE_LAST(34, evtchn_fifo_binding_has_the_default_priority)
{
	static const uint32_t prio[2] = {8, 6};
	uint32_t a, b, ours[3], i;
	unsigned long flags;
	int p, q;

	CHECK(is_fifo());
	need_interrupts();
	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(pv_evtchn_set_priority(pv, b, 0), 0);
	CHECK_EQ(pv_evtchn_set_priority(pv, a, 0), 0);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
	for (i = 0; i < 3; i++) {
		p = new_unbound();
		q = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, p, handler, NULL);
		CHECK(q > 0);
		ours[i] = (uint32_t)p;
		port[i] = (uint32_t)q;
	}
	/* The first is one of the numbers that were closed just now. */
	CHECK_EQ(pv_evtchn_set_priority(pv, port[1], prio[0]), 0);
	CHECK_EQ(pv_evtchn_set_priority(pv, port[2], prio[1]), 0);
	flags = irq_save();
	clear_selector();
	nr_seen = 0;
	for (i = 0; i < 3; i++)
		CHECK_EQ(send(ours[i]), 0);
	pv_upcall(pv, 0);
	irq_restore(flags);
	CHECK_EQ(nr_seen, 3);
	CHECK_EQ(seen[0], port[2]);
	CHECK_EQ(seen[1], port[0]);
	CHECK_EQ(seen[2], port[1]);
	for (i = 0; i < 3; i++) {
		CHECK_EQ(pv_evtchn_close(pv, port[i]), 0);
		CHECK_EQ(close_port(ours[i]), 0);
	}
}
