/*
 * timer_singleshot_future_flag_changes_nothing: The future flag is ignored: a time that has passed
 * fires at once with it, too.
 */
#include "conformance.h"

CASE(timer_singleshot_future_flag_changes_nothing)
{
	int port = timer_port();

	CHECK(port > 0);
	CHECK_EQ(singleshot(1, PV_VCPU_SSHOTTMR_future), 0);
	CHECK(wait_pending(port, 20000));
	timer_done(port);
}
