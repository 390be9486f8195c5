/*
 * evtchn_bind_vcpu_refuses_unknown_vcpu: A port cannot be moved to a vCPU that does not exist:
 * ENOENT.
 */
#include "conformance.h"

CASE(evtchn_bind_vcpu_refuses_unknown_vcpu)
{
	struct pv_evtchn_bind_vcpu v;
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	v = (struct pv_evtchn_bind_vcpu){.port = a, .vcpu = 4096};
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_vcpu, &v), -PV_ENOENT);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
