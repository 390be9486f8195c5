/*
 * A masked event is pending only; an unmasked one is on a queue, and raises the upcall.
 */
#include "conformance.h"

CASE_LAST(30, evtchn_fifo_event_is_linked_unless_masked)
{
	unsigned long flags = irq_save();
	uint32_t a, b, quiet, loud;
	int raised;

	CHECK(is_fifo());
	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	CHECK_EQ(send(a), 0);
	quiet = word(b);
	take_pending(b);
	clear_mask(b);
	CHECK_EQ(send(a), 0);
	loud = word(b);
	raised = pv_vcpu_info(pv, 0)->evtchn_upcall_pending;
	set_mask(b);
	clear_selector();
	irq_restore(flags);
	CHECK_EQ(quiet, 1u << PV_EVTCHN_FIFO_PENDING | 1u << PV_EVTCHN_FIFO_MASKED);
	/* Something else may have come behind it: the console's, xenstore's. */
	CHECK_EQ(loud & ~PV_EVTCHN_FIFO_LINK_MASK,
		 1u << PV_EVTCHN_FIFO_PENDING | 1u << PV_EVTCHN_FIFO_LINKED);
	CHECK_EQ(raised, 1);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
