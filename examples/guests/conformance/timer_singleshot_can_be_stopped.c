/*
 * timer_singleshot_can_be_stopped: A single-shot timer that was stopped does not fire.
 */
#include "conformance.h"

CASE(timer_singleshot_can_be_stopped)
{
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(singleshot(kernel_now() + 200 * MS, 0), 0);
	CHECK_EQ(vcpu_op(PV_VCPUOP_stop_singleshot_timer, 0, NULL), 0);
	sleep_ms(260);
	CHECK(!pending(port));
	timer_done(port);
}
