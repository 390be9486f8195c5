/*
 * evtchn_bind_vcpu_moves_port: A bound port can be moved to another vCPU; its status says which.
 */
#include "conformance.h"

CASE(evtchn_bind_vcpu_moves_port)
{
	struct pv_evtchn_bind_vcpu v;
	struct pv_evtchn_status s;
	uint32_t a, b;

	SKIP_IF(guest->vcpus < 2, "one vCPU");
	CHECK_EQ(new_pair(&a, &b), 0);
	v = (struct pv_evtchn_bind_vcpu){.port = a, .vcpu = 1};
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_vcpu, &v), 0);
	CHECK_EQ(port_status(a, &s), 0);
	CHECK_EQ(s.vcpu, 1);
	CHECK_EQ(port_status(b, &s), 0);
	CHECK_EQ(s.vcpu, 0);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
