/*
 * evtchn_bind_interdomain_raises_local_port: Binding to a port makes the new port pending: what
 * was sent before the binding is not lost.
 */
#include "conformance.h"

CASE(evtchn_bind_interdomain_raises_local_port)
{
	struct pv_evtchn_bind_interdomain i = {.remote_dom = PV_DOMID_SELF};
	int port = new_unbound();

	CHECK(port > 0);
	i.remote_port = port;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_interdomain, &i), 0);
	set_mask(i.local_port);
	CHECK(pending(i.local_port));
	CHECK(!pending(port));
	CHECK_EQ(close_port(i.local_port), 0);
	CHECK_EQ(close_port(port), 0);
}
