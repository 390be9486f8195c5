/*
 * evtchn_bind_interdomain_to_self: Two ports of one domain can be bound to each other; each status
 * names the other.
 */
#include "conformance.h"

CASE(evtchn_bind_interdomain_to_self)
{
	struct pv_evtchn_status s;
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK(a != b);
	CHECK_EQ(port_status(a, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_interdomain);
	CHECK_EQ(s.u.interdomain.port, b);
	CHECK_EQ(s.u.interdomain.dom, own_domid);
	CHECK_EQ(port_status(b, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_interdomain);
	CHECK_EQ(s.u.interdomain.port, a);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
