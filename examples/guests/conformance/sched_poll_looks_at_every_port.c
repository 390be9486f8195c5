/*
 * sched_poll_looks_at_every_port: A poll on several ports is woken by any of them.
 */
#include "conformance.h"

CASE(sched_poll_looks_at_every_port)
{
	uint64_t start = kernel_now();
	uint32_t port[3];
	struct pv_sched_poll p = {
		.ports = ADDR(port), .nr_ports = 3, .timeout = start + 20000 * MS};
	int timer = timer_port();

	CHECK(timer > 0);
	CHECK_EQ(new_pair(&port[0], &port[1]), 0);
	port[2] = timer;
	CHECK_EQ(singleshot(start + 10 * MS, 0), 0);
	while (!pending(timer) && kernel_now() < p.timeout)
		CHECK_EQ(sched_op(PV_SCHEDOP_poll, &p), 0);
	CHECK(pending(timer));
	CHECK(kernel_now() - start < 10000 * MS);
	timer_done(timer);
	CHECK_EQ(close_port(port[1]), 0);
	CHECK_EQ(close_port(port[0]), 0);
}
