/*
 * evtchn_bind_interdomain_refuses_bound_port: A port that is bound already cannot be bound a
 * second time: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_bind_interdomain_refuses_bound_port)
{
	struct pv_evtchn_bind_interdomain i = {.remote_dom = PV_DOMID_SELF};
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	i.remote_port = a;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_interdomain, &i), -PV_EINVAL);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
