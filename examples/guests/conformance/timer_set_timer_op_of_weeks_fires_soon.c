/*
 * timer_set_timer_op_of_weeks_fires_soon: A timeout of weeks, or one that has wrapped, is taken
 * for a mistake: the timer fires after a tenth of a second.
 */
#include "conformance.h"

CASE(timer_set_timer_op_of_weeks_fires_soon)
{
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_set_timer_op, 1ull << 62, 0), 0);
	CHECK(wait_pending((uint32_t)port, 2000));
	timer_done((uint32_t)port);
}
