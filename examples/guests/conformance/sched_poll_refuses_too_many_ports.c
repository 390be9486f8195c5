/*
 * sched_poll_refuses_too_many_ports: A poll on more than 128 ports is refused: EINVAL.
 */
#include "conformance.h"

CASE(sched_poll_refuses_too_many_ports)
{
	uint32_t *ports = pages_alloc(1);
	struct pv_sched_poll p = {.ports = ADDR(ports), .nr_ports = 129, .timeout = 1};

	CHECK(ports);
	CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), -PV_EINVAL);
	pages_free(ports, 1);
}
