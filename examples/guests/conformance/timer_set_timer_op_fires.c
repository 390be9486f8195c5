/*
 * timer_set_timer_op_fires: The older call set_timer_op raises VIRQ_TIMER at an absolute time,
 * too.
 */
#include "conformance.h"

CASE(timer_set_timer_op_fires)
{
	int port = timer_port();
	uint64_t at;

	CHECK(port > 0);
	at = kernel_now() + 20 * MS;
	CHECK_EQ(pv_hypercall2(pv, PV_HYPERVISOR_set_timer_op, at, 0), 0);
	CHECK(wait_pending(port, 20000));
	CHECK(kernel_now() >= at);
	timer_done(port);
}
