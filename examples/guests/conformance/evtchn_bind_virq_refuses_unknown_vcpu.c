/*
 * evtchn_bind_virq_refuses_unknown_vcpu: A per-vCPU virtual interrupt of a vCPU that does not
 * exist is refused: ENOENT.
 */
#include "conformance.h"

CASE(evtchn_bind_virq_refuses_unknown_vcpu)
{
	struct pv_evtchn_bind_virq b = {.virq = PV_VIRQ_TIMER, .vcpu = 4096};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_virq, &b), -PV_ENOENT);
}
