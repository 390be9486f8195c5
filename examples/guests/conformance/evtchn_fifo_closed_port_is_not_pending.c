/*
 * Closing clears the pending bit of the word.
 */
#include "conformance.h"

CASE_LAST(35, evtchn_fifo_closed_port_is_not_pending)
{
	struct pv_evtchn_close c;
	uint32_t a, b;

	CHECK(is_fifo());
	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	CHECK(pending(b));
	c.port = b;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_close, &c), 0);
	CHECK(!pending(b));
	CHECK(masked(b));
	CHECK_EQ(close_port(a), 0);
}
