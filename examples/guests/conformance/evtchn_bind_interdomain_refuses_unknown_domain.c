/*
 * evtchn_bind_interdomain_refuses_unknown_domain: A port of a domain that does not exist cannot be
 * bound: ESRCH.
 */
#include "conformance.h"

CASE(evtchn_bind_interdomain_refuses_unknown_domain)
{
	struct pv_evtchn_bind_interdomain i = {.remote_dom = NO_DOMAIN, .remote_port = 1};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_interdomain, &i), -PV_ESRCH);
}
