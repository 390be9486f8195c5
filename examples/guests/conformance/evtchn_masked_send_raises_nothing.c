/*
 * evtchn_masked_send_raises_nothing: An event on a masked port sets its pending bit and neither
 * selector nor upcall_pending.
 */
#include "conformance.h"

CASE(evtchn_masked_send_raises_nothing)
{
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	CHECK_EQ(send(a), 0);
	CHECK(pending(b));
	CHECK(!selected(b));
	CHECK_EQ(pv_vcpu_info(pv, 0)->evtchn_upcall_pending, 0);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
