/*
 * Unmasking by hypercall puts a pending event on its queue.
 */
#include "conformance.h"

CASE_LAST(31, evtchn_fifo_unmask_links_what_was_pending)
{
	unsigned long flags = irq_save();
	struct pv_evtchn_unmask u;
	uint32_t a, b, after;
	int raised;

	CHECK(is_fifo());
	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	CHECK_EQ(send(a), 0);
	u.port = b;
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_unmask, &u), 0);
	after = word(b);
	raised = pv_vcpu_info(pv, 0)->evtchn_upcall_pending;
	set_mask(b);
	clear_selector();
	irq_restore(flags);
	CHECK_EQ(after, 1u << PV_EVTCHN_FIFO_PENDING | 1u << PV_EVTCHN_FIFO_LINKED);
	CHECK_EQ(raised, 1);
	CHECK(!selected(b));
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
