/*
 * What is pending in 2-level words is pending in FIFO words after the change.
 */
#include "conformance.h"

CASE_LAST(20, evtchn_fifo_switch_keeps_pending_events)
{
	uint32_t a, b;

	SKIP_IF(is_fifo(), "the domain has FIFO words already");
	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	CHECK(pending(b));
	CHECK(!pending(a));
	CHECK_EQ(pv_evtchn_fifo_init(pv), 0);
	CHECK(is_fifo());
	CHECK(pending(b));
	CHECK(masked(b));
	CHECK(!selected(b));
	CHECK(!pending(a));
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
