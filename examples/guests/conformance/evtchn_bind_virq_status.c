/*
 * evtchn_bind_virq_status: A port bound to a virtual interrupt says virq, which, and of which
 * vCPU.
 */
#include "conformance.h"

CASE(evtchn_bind_virq_status)
{
	struct pv_evtchn_status s;
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(port_status(port, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_virq);
	CHECK_EQ(s.u.virq, PV_VIRQ_TIMER);
	CHECK_EQ(s.vcpu, 0);
	timer_done(port);
}
