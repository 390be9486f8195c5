/*
 * evtchn_unmask_raises_what_was_pending: Unmasking by hypercall clears the mask and, for a pending
 * port, sets selector and upcall_pending.
 */
#include "conformance.h"

CASE(evtchn_unmask_raises_what_was_pending)
{
	unsigned long flags = irq_save();
	struct pv_evtchn_unmask u;
	int raised, sel, still;
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	clear_selector();
	u.port = b;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_unmask, &u), 0);
	still = masked(b);
	sel = selected(b);
	raised = pv_vcpu_info(pv, 0)->evtchn_upcall_pending;
	set_mask(b);
	clear_selector();
	irq_restore(flags);
	CHECK(!still);
	CHECK(sel);
	CHECK_EQ(raised, 1);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
