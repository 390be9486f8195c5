/*
 * vcpu_ipi_wakes_a_polling_vcpu: An IPI wakes another vCPU that sleeps in a poll on its port.
 */
#include "conformance.h"

static unsigned state;
static uint32_t port;

static void sleeper(void *arg)
{
	struct pv_sched_poll p = {.ports = ADDR(&port), .nr_ports = 1};

	__atomic_store_n(&state, 1, __ATOMIC_RELEASE);
	while (!pending(port))
		sched_op(PV_SCHEDOP_poll, &p);
	__atomic_store_n(&state, 2, __ATOMIC_RELEASE);
}

CASE(vcpu_ipi_wakes_a_polling_vcpu)
{
	struct pv_evtchn_bind_ipi b = {.vcpu = 1};
	unsigned i;

	SKIP_IF(guest->vcpus < 2, "one vCPU");
	need_queues(1);
	CHECK_EQ(evtchn_op(PV_EVTCHNOP_bind_ipi, &b), 0);
	set_mask(b.port);
	take_pending(b.port);
	port = b.port;
	state = 0;
	CHECK_EQ(cpu_start(1, sleeper, NULL), 0);
	while (__atomic_load_n(&state, __ATOMIC_ACQUIRE) < 1)
		pv_sched_yield(pv);
	sleep_ms(20);
	CHECK_EQ(state, 1);
	CHECK_EQ(send(port), 0);
	for (i = 0; i < 2000 && __atomic_load_n(&state, __ATOMIC_ACQUIRE) < 2; i++)
		sleep_ms(5);
	CHECK_EQ(state, 2);
	while (cpu_is_up(1))
		pv_sched_yield(pv);
	CHECK_EQ(close_port(port), 0);
}
