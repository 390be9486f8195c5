/*
 * A reset closes every port and returns to 2-level words.
 */
#include "conformance.h"

CASE_LAST(90, evtchn_fifo_reset_returns_to_two_level_words)
{
	struct pv_evtchn_reset r = {PV_DOMID_SELF};
	struct pv_evtchn_expand_array e;
	struct pv_evtchn_status s;
	uint32_t a, b;
	void *page;

	CHECK(is_fifo());
	/* The rest of the run would go unheard. */
	SKIP_IF(pv->console_ring || pv->store_ring, "the console has a port to lose");
	page = pages_alloc(1);
	CHECK(page);
	CHECK_EQ(new_pair(&a, &b), 0);
	irq_save();
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_reset, &r), 0);
	CHECK_EQ(port_status(b, &s), 0);
	CHECK_EQ(s.status, PV_EVTCHNSTAT_closed);
	e.array_gfn = va_to_gfn(page);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_expand_array, &e), -PV_EOPNOTSUPP);
	pv->evtchn.fifo = NULL;
	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	CHECK(pending(b));
}
