/*
 * evtchn_unmask_refuses_bad_port: Unmasking a port beyond the table is refused: EINVAL.
 */
#include "conformance.h"

CASE(evtchn_unmask_refuses_bad_port)
{
	struct pv_evtchn_unmask u = {.port = UINT32_MAX};

	CHECK_EQ(evtchn_op(PV_EVTCHNOP_unmask, &u), -PV_EINVAL);
}
