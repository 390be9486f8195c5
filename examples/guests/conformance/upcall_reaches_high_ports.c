/*
 * upcall_reaches_high_ports: Ports beyond the first word of 64 bits run their handlers.
 */
#include "conformance.h"

static volatile unsigned count;

static void handler(void *arg, uint32_t port)
{
	count++;
}

/* Upcalls come at the next chance; give them ten seconds of it. */
static void wait_count(unsigned n)
{
	uint64_t end = kernel_now() + 10000 * MS;

	while (count < n && kernel_now() < end)
		pv_sched_yield(pv);
}

CASE(upcall_reaches_high_ports)
{
	int low[70], b = 0;
	unsigned i;

	need_interrupts();
	for (i = 0; i < 70; i++)
		low[i] = new_unbound();
	CHECK(low[69] > 69);
	b = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, low[69], handler, NULL);
	CHECK(b >= 64);
	wait_count(1);
	count = 0;
	CHECK_EQ(send(low[69]), 0);
	wait_count(1);
	CHECK_EQ(count, 1);
	CHECK_EQ(pv_evtchn_close(pv, b), 0);
	for (i = 0; i < 70; i++)
		CHECK_EQ(close_port(low[i]), 0);
}
