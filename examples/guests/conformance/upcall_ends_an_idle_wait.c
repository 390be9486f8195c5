/*
 * upcall_ends_an_idle_wait: A vCPU that waits for events is woken by a timer, well before its own
 * deadline.
 */
#include "conformance.h"

static volatile unsigned count;

static void handler(void *arg, uint32_t port)
{
	count++;
}

CASE(upcall_ends_an_idle_wait)
{
	uint64_t start;
	int port;

	need_interrupts();
	vcpu_op(PV_VCPUOP_stop_singleshot_timer, 0, NULL);
	port = pv_evtchn_bind_virq(pv, PV_VIRQ_TIMER, 0, handler, NULL);
	CHECK(port > 0);
	count = 0;
	start = kernel_now();
	CHECK_EQ(singleshot(start + 20 * MS, 0), 0);
	while (!count && kernel_now() < start + 20000 * MS)
		kernel_wait(start + 20000 * MS);
	CHECK_EQ(count, 1);
	CHECK(kernel_now() - start < 10000 * MS);
	vcpu_op(PV_VCPUOP_stop_singleshot_timer, 0, NULL);
	CHECK_EQ(pv_evtchn_close(pv, port), 0);
}
