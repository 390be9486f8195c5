/*
 * evtchn_send_refuses_virq_port: A guest cannot raise a virtual interrupt by sending through its
 * port: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_send_refuses_virq_port)
{
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(send(port), -PV_EINVAL);
	CHECK(!pending(port));
	timer_done(port);
}
