/*
 * sched_poll_sees_pending_port: A poll on a port that is pending already returns at once, although
 * the port is masked.
 */
#include "conformance.h"

CASE(sched_poll_sees_pending_port)
{
	struct pv_sched_poll p = {.nr_ports = 1};
	uint32_t a, b;

	CHECK_EQ(new_pair(&a, &b), 0);
	CHECK_EQ(send(a), 0);
	p.ports = ADDR(&b);
	CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), 0);
	CHECK(pending(b));
	CHECK_EQ(close_port(b), 0);
	CHECK_EQ(close_port(a), 0);
}
