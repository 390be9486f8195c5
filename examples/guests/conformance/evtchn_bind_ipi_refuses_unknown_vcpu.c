/*
 * evtchn_bind_ipi_refuses_unknown_vcpu: An IPI port for a vCPU that does not exist is refused:
 * ENOENT.
 */
#include "conformance.h"

CASE(evtchn_bind_ipi_refuses_unknown_vcpu)
{
	struct pv_evtchn_bind_ipi b = {.vcpu = 4096};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_ipi, &b), -PV_ENOENT);
}
