/*
 * evtchn_bind_ipi_sends_to_self: An IPI port is sent through to raise itself; its status says ipi
 * and which vCPU.
 */
#include "conformance.h"

CASE(evtchn_bind_ipi_sends_to_self)
{
	struct pv_evtchn_bind_ipi b = {.vcpu = 0};
	struct pv_evtchn_status s;

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_ipi, &b), 0);
	set_mask(b.port);
	CHECK_EQ(port_status(b.port, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_ipi);
	CHECK_EQ(s.vcpu, 0);
	CHECK(!pending(b.port));
	CHECK_EQ(send(b.port), 0);
	CHECK(pending(b.port));
	CHECK_EQ(close_port(b.port), 0);
}
