/*
 * upcall_keeps_registers: Upcalls in the middle of a computation leave every register as it was.
 */
#include "conformance.h"

static volatile unsigned count;

static void handler(void *arg, uint32_t port)
{
	count++;
}

CASE(upcall_keeps_registers)
{
	struct pv_vcpu_set_periodic_timer t = {.period_ns = 2 * MS};
	uint64_t sum, i, want = 0, rounds = 0, end;
	int port;

	need_interrupts();
	vcpu_op(PV_VCPUOP_stop_singleshot_timer, 0, NULL);
	port = pv_evtchn_bind_virq(pv, PV_VIRQ_TIMER, 0, handler, NULL);
	CHECK(port > 0);
	for (i = 0; i < 100000; i++)
		want = want * 31 + i;
	count = 0;
	CHECK_EQ(vcpu_op(PV_VCPUOP_set_periodic_timer, 0, &t), 0);
	end = kernel_now() + 3000 * MS;
	while (kernel_now() < end && count < 20) {
		sum = 0;
		for (i = 0; i < 100000; i++) {
			sum = sum * 31 + i;
			__asm__ volatile("" : "+r"(sum), "+r"(i));
		}
		CHECK_EQ(sum, want);
		rounds++;
	}
	CHECK_EQ(vcpu_op(PV_VCPUOP_stop_periodic_timer, 0, NULL), 0);
	CHECK(count > 0);
	CHECK(rounds > 0);
	CHECK_EQ(pv_evtchn_close(pv, port), 0);
}
