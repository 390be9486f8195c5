/*
 * evtchn_bind_virq_global_needs_vcpu_zero: A virtual interrupt of the whole domain can only be
 * bound to vCPU 0 at first: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_bind_virq_global_needs_vcpu_zero)
{
	struct pv_evtchn_bind_virq b = {.virq = PV_VIRQ_DOM_EXC, .vcpu = 1};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_virq, &b), -PV_EINVAL);
}
