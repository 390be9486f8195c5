/*
 * The event array is made of memory.
 */
#include "conformance.h"

CASE_LAST(22, evtchn_fifo_expand_array_refuses_bad_frame)
{
	struct pv_evtchn_expand_array e = {1ull << 39};

	CHECK(is_fifo());
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_expand_array, &e), -PV_EINVAL);
}
