/*
 * FIFO words reach further than 2-level ones, and the ports up there work.
 */
#include "conformance.h"

static volatile unsigned count;

static void handler(void *arg, uint32_t port)
{
	count++;
}

CASE_LAST(40, evtchn_fifo_has_more_than_4096_ports)
{
	static uint32_t ours[4200];
	unsigned i, n = 0;
	int rc = 0, high = 0;

	CHECK(is_fifo());
	need_interrupts();
	for (; n < 4200 && high < 4100; high = rc) {
		rc = new_unbound();
		if (rc < 0)
			break;
		ours[n++] = (uint32_t)rc;
	}
	if (rc >= 0)
		rc = pv_evtchn_bind_interdomain(pv, PV_DOMID_SELF, high, handler, NULL);
	if (rc > 0) {
		uint32_t port = (uint32_t)rc;

		for (i = 0; i < 1000 && !count; i++)
			sleep_ms(10);
		count = 0;
		rc = send(high);
		for (i = 0; i < 1000 && !count; i++)
			sleep_ms(10);
		pv_evtchn_close(pv, port);
	}
	for (i = 0; i < n; i++)
		CHECK_EQ(close_port(ours[i]), 0);
	SKIP_IF(rc == -PV_ENOSPC, "the domain may not have so many ports");
	CHECK_EQ(rc, 0);
	CHECK(high > 4096);
	CHECK_EQ(count, 1);
}
