/*
 * A closed port that is still on a queue stays out of use until the guest has taken it off.
 */
#include "conformance.h"

CASE_LAST(36, evtchn_fifo_linked_port_is_not_given_out_again)
{
	unsigned long flags = irq_save();
	int first, second, linked;
	uint32_t a, b;

	CHECK(is_fifo());
	CHECK_EQ(new_pair(&a, &b), 0);
	clear_selector();
	clear_mask(b);
	CHECK_EQ(send(a), 0);
	set_mask(b);
	linked = selected(b);
	CHECK_EQ(close_port(b), 0);
	first = new_unbound();
	clear_selector();
	second = new_unbound();
	irq_restore(flags);
	CHECK(linked);
	CHECK(first > 0 && first != (int)b);
	CHECK_EQ(second, b);
	CHECK_EQ(close_port(first), 0);
	CHECK_EQ(close_port(second), 0);
	CHECK_EQ(close_port(a), 0);
}
