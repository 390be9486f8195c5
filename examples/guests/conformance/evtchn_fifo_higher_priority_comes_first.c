/*
 * Of events that wait, those of higher priority (the lower number) come first.
 */
#include "conformance.h"

#define N 5

static uint32_t seen[N];
static volatile unsigned nr_seen;

static void handler(void *arg, uint32_t port)
{
	if (nr_seen < N)
		seen[nr_seen] = port;
	nr_seen++;
}

CASE_LAST(33, evtchn_fifo_higher_priority_comes_first)
{
	uint32_t ours[N], port[N];
	unsigned long flags;
	unsigned i;

	CHECK(is_fifo());
	need_interrupts();
	for (i = 0; i < N; i++) {
		int p = new_unbound(), q;

		q = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, p, handler, NULL);
		CHECK(q > 0);
		ours[i] = (uint32_t)p;
		port[i] = (uint32_t)q;
		CHECK_EQ(pv_evtchn_set_priority(pv, port[i], 3 * (N - 1 - i)), 0);
	}
	/* Binding raises each once. */
	flags = irq_save();
	clear_selector();
	nr_seen = 0;
	for (i = 0; i < N; i++)
		CHECK_EQ(send(ours[i]), 0);
	CHECK_EQ(nr_seen, 0);
	pv_upcall(pv, 0);
	irq_restore(flags);
	CHECK_EQ(nr_seen, N);
	for (i = 0; i < N; i++)
		CHECK_EQ(seen[i], port[N - 1 - i]);
	for (i = 0; i < N; i++) {
		CHECK_EQ(pv_evtchn_close(pv, port[i]), 0);
		CHECK_EQ(close_port(ours[i]), 0);
	}
}
