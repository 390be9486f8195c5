/*
 * An event whose word does not exist yet is kept, and raised when the array reaches it.
 */
#include "conformance.h"

static volatile unsigned count;

static void handler(void *arg, uint32_t port)
{
	count++;
}

CASE_LAST(39, evtchn_fifo_event_beyond_the_array_comes_when_it_grows)
{
	static uint32_t ours[1100];
	struct pv_evtchn_bind_interdomain b = {.remote_dom = PV_DOMID_SELF};
	unsigned i, n = 0;
	int rc = 0, high = 0;

	CHECK(is_fifo());
	need_interrupts();
	CHECK(!pv_evtchn_fifo_word(pv, 1024));
	for (; n < 1100 && high < 1023; high = rc) {
		rc = new_unbound();
		if (rc < 0)
			break;
		ours[n++] = (uint32_t)rc;
	}
	b.remote_port = ours[0];
	/* Binding raises the new port. */
	if (rc >= 0)
		rc = evtchn_op(PV_EVTCHNOP_bind_interdomain, &b);
	if (!rc) {
		rc = pv_evtchn_handle(pv, b.local_port, handler, NULL);
		for (i = 0; i < 1000 && !count; i++)
			sleep_ms(10);
		pv_evtchn_close(pv, b.local_port);
	}
	for (i = 0; i < n; i++)
		CHECK_EQ(close_port(ours[i]), 0);
	SKIP_IF(rc == -PV_ENOSPC, "the domain may not have so many ports");
	CHECK_EQ(rc, 0);
	CHECK(b.local_port >= 1024);
	CHECK_EQ(count, 1);
}
