/*
 * The event array cannot grow while the domain has 2-level words.
 */
#include "conformance.h"

CASE_LAST(10, evtchn_fifo_expand_array_needs_a_control_block)
{
	struct pv_evtchn_expand_array e;
	void *page;

	SKIP_IF(is_fifo(), "the domain has FIFO words already");
	page = pages_alloc(1);
	CHECK(page);
	e.array_gfn = va_to_gfn(page);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_expand_array, &e), -PV_EOPNOTSUPP);
	pages_free(page, 1);
}
