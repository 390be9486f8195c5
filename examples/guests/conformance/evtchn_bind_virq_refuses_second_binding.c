/*
 * evtchn_bind_virq_refuses_second_binding: A virtual interrupt of a vCPU has one port at most:
 * EEXIST.
 */
#include "conformance.h"

CASE(evtchn_bind_virq_refuses_second_binding)
{
	struct pv_evtchn_bind_virq b = {.virq = PV_VIRQ_TIMER, .vcpu = 0};
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_virq, &b), -PV_EEXIST);
	timer_done(port);
}
