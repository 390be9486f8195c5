/*
 * upcall_runs_the_handler: An event on a bound port interrupts the vCPU and runs its handler,
 * once.
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

CASE(upcall_runs_the_handler)
{
	uint32_t a;
	int b;

	need_interrupts();
	count = 0;
	a = new_unbound();
	CHECK((int)a > 0);
	b = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, a, handler, NULL);
	CHECK(b > 0);
	count = 0;
	CHECK_EQ(send(a), 0);
	wait_count(1);
	CHECK_EQ(count, 1);
	CHECK(!pending(b));
	CHECK_EQ(pv_evtchn_close(pv, b), 0);
	CHECK_EQ(close_port(a), 0);
}
