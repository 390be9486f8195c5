/*
 * evtchn_bind_interdomain_refuses_free_port: A remote port that nobody allocated cannot be bound:
 * EINVAL.
 */
#include "conformance.h"

CASE(evtchn_bind_interdomain_refuses_free_port)
{
	struct pv_evtchn_bind_interdomain i = {.remote_dom = PV_DOMID_SELF, .remote_port = 1000};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_interdomain, &i), -PV_EINVAL);
	i.remote_port = UINT32_MAX;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_interdomain, &i), -PV_EINVAL);
}
