/*
 * sched_poll_refuses_port_beyond_table: A poll on a port beyond the table is refused: EINVAL.
 */
#include "conformance.h"

CASE(sched_poll_refuses_port_beyond_table)
{
	uint32_t port = UINT32_MAX;
	struct pv_sched_poll p = {.ports = ADDR(&port), .nr_ports = 1, .timeout = 1};

	CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), -PV_EINVAL);
}
