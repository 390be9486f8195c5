/*
 * evtchn_new_port_is_not_pending: A new port is not pending, even if the last owner of the number
 * left with an event.
 */
#include "conformance.h"

CASE(evtchn_new_port_is_not_pending)
{
	uint32_t a, b;
	int port;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(b), 0);
	CHECK(pending(a));
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_close, &(struct pv_evtchn_close){.port = b}), 0);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_close, &(struct pv_evtchn_close){.port = a}), 0);
	port = new_unbound();
	CHECK_EQ(port, a);
	CHECK(!pending(port));
	CHECK_EQ(close_port(port), 0);
}
