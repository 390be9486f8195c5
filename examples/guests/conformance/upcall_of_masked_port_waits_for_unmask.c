/*
 * upcall_of_masked_port_waits_for_unmask: A masked port runs no handler until it is unmasked.
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

CASE(upcall_of_masked_port_waits_for_unmask)
{
	uint32_t a;
	int b;

	need_interrupts();
	a = new_unbound();
	b = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, a, handler, NULL);
	CHECK(b > 0);
	wait_count(1);
	count = 0;
	pv_evtchn_mask(pv, b);
	CHECK_EQ(send(a), 0);
	sleep_ms(5);
	CHECK_EQ(count, 0);
	CHECK_EQ(pv_evtchn_unmask(pv, b), 0);
	wait_count(1);
	CHECK_EQ(count, 1);
	CHECK_EQ(pv_evtchn_close(pv, b), 0);
	CHECK_EQ(close_port(a), 0);
}
