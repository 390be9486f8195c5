/*
 * evtchn_bad_pointer_is_refused: An argument at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(evtchn_bad_pointer_is_refused)
{
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_send, (void *)BAD_ADDRESS), -PV_EFAULT);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_alloc_unbound, (void *)BAD_ADDRESS), -PV_EFAULT);
}
