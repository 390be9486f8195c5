/*
 * timer_periodic_fires_again_and_again: A periodic timer raises VIRQ_TIMER every period until it
 * is stopped.
 */
#include "conformance.h"

CASE(timer_periodic_fires_again_and_again)
{
	struct pv_vcpu_set_periodic_timer t = {.period_ns = 10 * MS};
	int port = timer_port(), i;

	CHECK(port > 0);
	CHECK_EQ(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, &t), 0);
	for (i = 0; i < 3; i++) {
		CHECK(wait_pending(port, 20000));
		take_pending(port);
	}
	CHECK_EQ(vcpu_op(PV_VCPUOP_stop_periodic_timer, 0, NULL), 0);
	take_pending(port);
	sleep_ms(50);
	CHECK(!pending(port));
	timer_done(port);
}
