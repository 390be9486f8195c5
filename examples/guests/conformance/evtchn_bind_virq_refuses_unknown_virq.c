/*
 * evtchn_bind_virq_refuses_unknown_virq: A virtual interrupt beyond the last is refused: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_bind_virq_refuses_unknown_virq)
{
	struct pv_evtchn_bind_virq b = {.virq = PV_NR_VIRQS, .vcpu = 0};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_virq, &b), -PV_EINVAL);
	b.virq = UINT32_MAX;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_virq, &b), -PV_EINVAL);
}
