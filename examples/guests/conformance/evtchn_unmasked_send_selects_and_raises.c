/*
 * evtchn_unmasked_send_selects_and_raises: An event on an unmasked port sets pending bit, selector
 * bit and upcall_pending of its vCPU.
 */
#include "conformance.h"

CASE(evtchn_unmasked_send_selects_and_raises)
{
	unsigned long flags = irq_save();
	int raised, sel, pend;
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	clear_mask(b);
	CHECK_EQ(send(a), 0);
	set_mask(b);
	pend = pending(b);
	sel = selected(b);
	raised = pv_vcpu_info(pv, 0)->evtchn_upcall_pending;
	clear_selector();
	irq_restore(flags);
	CHECK(pend);
	CHECK(sel);
	CHECK_EQ(raised, 1);
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
