/*
 * evtchn_bind_vcpu_refuses_ports_of_a_vcpu: Ports that belong to one vCPU by nature (a per-vCPU
 * virtual interrupt, an IPI) stay there: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_bind_vcpu_refuses_ports_of_a_vcpu)
{
	struct pv_evtchn_bind_ipi i = {.vcpu = 0};
	struct pv_evtchn_bind_vcpu v = {.vcpu = 0};
	int port = timer_port();

	CHECK(port > 0);
	v.port = port;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_vcpu, &v), -PV_EINVAL);
	timer_done(port);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_ipi, &i), 0);
	v.port = i.port;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_vcpu, &v), -PV_EINVAL);
	CHECK_EQ(close_port(i.port), 0);
}
