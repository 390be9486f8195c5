/*
 * evtchn_alloc_unbound_refuses_unknown_owner: A port cannot be allocated for a domain that does
 * not exist: ESRCH.
 */
#include "conformance.h"

CASE(evtchn_alloc_unbound_refuses_unknown_owner)
{
	struct pv_evtchn_alloc_unbound a = {.dom = NO_DOMAIN, .remote_dom = PV_DOMID_SELF};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_alloc_unbound, &a), -PV_ESRCH);
}
