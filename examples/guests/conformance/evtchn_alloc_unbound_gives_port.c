/*
 * evtchn_alloc_unbound_gives_port: A domain can allocate a port for itself to bind; its status is
 * unbound.
 */
#include "conformance.h"

CASE(evtchn_alloc_unbound_gives_port)
{
	struct pv_evtchn_status s;
	int port = new_unbound();

	CHECK(port > 0);
	CHECK_EQ(port_status(port, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_unbound);
	CHECK_EQ(s.u.unbound.dom, own_domid);
	CHECK_EQ(s.vcpu, 0);
	CHECK_EQ(close_port(port), 0);
}
