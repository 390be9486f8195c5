/*
 * sched_poll_unreadable_list_is_refused: Ports at an address that is not mapped: EFAULT.
 */
#include "conformance.h"

CASE(sched_poll_unreadable_list_is_refused)
{
	struct pv_sched_poll p = {.ports = BAD_ADDRESS, .nr_ports = 1, .timeout = 1};

	CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), -PV_EFAULT);
}
