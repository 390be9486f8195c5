/*
 * evtchn_close_returns_peer_to_unbound: When one end closes, the other becomes unbound for the
 * same domain, and can be bound again.
 */
#include "conformance.h"

CASE(evtchn_close_returns_peer_to_unbound)
{
	struct pv_evtchn_bind_interdomain i = {.remote_dom = PV_DOMID_SELF};
	struct pv_evtchn_status s;
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(port_status(a, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_unbound);
	CHECK_EQ(s.u.unbound.dom, own_domid);
	CHECK_EQ(send(a), 0);
	i.remote_port = a;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_interdomain, &i), 0);
	set_mask(i.local_port);
	CHECK_EQ(close_port(i.local_port), 0);
	CHECK_EQ(close_port(a), 0);
}
