/*
 * upcall_event_during_handler_is_not_lost: An event that arrives while its handler runs makes it
 * run again.
 */
#include "conformance.h"

static volatile unsigned count, resend;
static uint32_t peer;

static void handler(void *arg, uint32_t port)
{
	count++;
	if (resend) {
		resend--;
		send(peer);
	}
}

/* Upcalls come at the next chance; give them ten seconds of it. */
static void wait_count(unsigned n)
{
	uint64_t end = kernel_now() + 10000 * MS;

	while (count < n && kernel_now() < end)
		pv_sched_yield(pv);
}

CASE(upcall_event_during_handler_is_not_lost)
{
	uint32_t a;
	int b;

	need_interrupts();
	a = new_unbound();
	peer = a;
	resend = 0;
	b = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, a, handler, NULL);
	CHECK(b > 0);
	wait_count(1);
	count = 0;
	resend = 3;
	CHECK_EQ(send(a), 0);
	wait_count(4);
	CHECK_EQ(count, 4);
	CHECK_EQ(pv_evtchn_close(pv, b), 0);
	CHECK_EQ(close_port(a), 0);
}
