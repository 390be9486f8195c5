/*
 * evtchn_status_refuses_unknown_domain: The status of a port of a domain that does not exist:
 * ESRCH.
 */
#include "conformance.h"

CASE(evtchn_status_refuses_unknown_domain)
{
	struct pv_evtchn_status s = {.dom = NO_DOMAIN, .port = 1};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_status, &s), -PV_ESRCH);
}
