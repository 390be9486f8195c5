/*
 * evtchn_unmask_of_quiet_port_raises_nothing: Unmasking a port that is not pending only clears its
 * mask.
 */
#include "conformance.h"

CASE(evtchn_unmask_of_quiet_port_raises_nothing)
{
	struct pv_evtchn_unmask u;
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	u.port = b;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_unmask, &u), 0);
	CHECK(!masked(b));
	CHECK(!selected(b));
	CHECK_EQ(pv_vcpu_info(pv, 0)->evtchn_upcall_pending, 0);
	set_mask(b);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
