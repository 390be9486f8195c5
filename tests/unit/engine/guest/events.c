/*
 * events.c: upcalls, sleeping and waking
 */
#include "guest.h"

static volatile uint64_t seen[4];

/* Take all pending ports below 256, as a kernel does. */
static void count_ports(struct trap_frame *f)
{
	volatile struct pv_vcpu_info *vi = vcpu_info();
	uint64_t sel = __atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

	expect(vi->evtchn_upcall_mask == 1);
	expect((uint32_t)f->cs == 0xe030 && f->ss == PV_FLAT_KERNEL_SS && !(f->cs >> 32));
	expect(f->rflags & 0x200);
	for (; sel; sel &= sel - 1) {
		unsigned word = (unsigned)__builtin_ctzll(sel) % 64;
		uint64_t bits =
			__atomic_exchange_n(&SHARED->evtchn_pending[word], 0, __ATOMIC_SEQ_CST);

		for (; bits; bits &= bits - 1)
			seen[word % 4]++;
	}
}

static void unmask(void)
{
	vcpu_info()->evtchn_upcall_mask = 0;
	__sync_synchronize();
}

static void many_events(void)
{
	install_upcall(count_ports);
	unmask();
	report(0, 1);
	/* Guest code runs all the time: only a signal can bring the upcall. */
	while (seen[0] < 1000)
		__builtin_ia32_pause();
	expect(seen[0] == 1000 && upcalls == 1000);
}

static void masked_events(void)
{
	install_upcall(count_ports);
	vcpu_info()->evtchn_upcall_mask = 1;
	HC2(TEST_SEND, 0, 7);
	expect(vcpu_info()->evtchn_upcall_pending == 1);
	for (int i = 0; i < 100; i++)
		HC1(TEST_ECHO, i);
	expect(upcalls == 0);
	unmask();
	expect(upcalls == 0);
	/* Any hypercall delivers, also one that the stub answers. */
	HC2(PV_HYPERVISOR_xen_version, PV_XENVER_version, 0);
	expect(upcalls == 1 && seen[0] == 1);
	HC2(TEST_SEND, 0, 7);
	expect(upcalls == 2 && seen[0] == 2);
	expect(vcpu_info()->evtchn_upcall_mask == 0);
}

static void block_and_wake(void)
{
	install_upcall(count_ports);
	for (uint64_t i = 1; i <= 200; i++) {
		uint64_t deadline = (uint64_t)HC0(TEST_NOW) + 100000;

		vcpu_info()->evtchn_upcall_mask = 1;
		HC1(TEST_TIMER, deadline);
		while (seen[0] < i)
			expect(HC1(PV_HYPERVISOR_sched_op, PV_SCHEDOP_block) == 0);
		expect((uint64_t)HC0(TEST_NOW) >= deadline);
	}
	expect(upcalls == 200);
}

static void poll(void)
{
	uint32_t port = 1;
	struct pv_sched_poll sp = {.ports = (uint64_t)&port, .nr_ports = 1};
	uint64_t now;

	vcpu_info()->evtchn_upcall_mask = 1;
	for (int i = 0; i < 20; i++) {
		now = (uint64_t)HC0(TEST_NOW);
		sp.timeout = now + 1000000;
		expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
		expect((uint64_t)HC0(TEST_NOW) >= sp.timeout);
		expect(!(SHARED->evtchn_pending[0] & 2));
	}
	/* The event comes before the time-out, and with upcalls masked. */
	for (int i = 0; i < 100; i++) {
		now = (uint64_t)HC0(TEST_NOW);
		HC1(TEST_TIMER, now + 100000);
		sp.timeout = i & 1 ? 0 : now + 10000000000;
		while (!(SHARED->evtchn_pending[0] & 2))
			expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
		expect((uint64_t)HC0(TEST_NOW) < now + 5000000000);
		__atomic_and_fetch(&SHARED->evtchn_pending[0], ~2ull, __ATOMIC_SEQ_CST);
		vcpu_info()->evtchn_upcall_pending = 0;
	}
	HC2(TEST_SEND, 0, 1);
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
	sp.nr_ports = 129;
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == -PV_EINVAL);
	sp.nr_ports = 1;
	port = 4096;
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == -PV_EINVAL);
	sp.ports = 8;
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == -PV_EFAULT);
}

/* The words are the guest's own to write, so it plays the sender too. */
static void poll_fifo(void)
{
	volatile uint32_t *words = (volatile uint32_t *)SCRATCH;
	uint32_t port = 1;
	struct pv_sched_poll sp = {.ports = (uint64_t)&port, .nr_ports = 1};
	uint64_t now;

	vcpu_info()->evtchn_upcall_mask = 1;
	/* What 2-level words say means nothing. */
	HC2(TEST_SEND, 0, 1);
	vcpu_info()->evtchn_upcall_pending = 0;
	sp.timeout = (uint64_t)HC0(TEST_NOW) + 1000000;
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
	expect((uint64_t)HC0(TEST_NOW) >= sp.timeout);
	/* Words of both pages, masked or not. */
	for (int i = 0; i < 4; i++) {
		port = i & 1 ? 2047 : 1;
		words[port] =
			1u << PV_EVTCHN_FIFO_PENDING | (i & 2 ? 1u << PV_EVTCHN_FIFO_MASKED : 0);
		now = (uint64_t)HC0(TEST_NOW);
		sp.timeout = now + 10000000000;
		expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
		expect((uint64_t)HC0(TEST_NOW) < now + 5000000000);
		words[port] = 0;
	}
	/* Beyond the array nothing is pending, beyond the ABI there is nothing. */
	port = 2048;
	words[port] = ~0u;
	sp.timeout = (uint64_t)HC0(TEST_NOW) + 1000000;
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
	expect((uint64_t)HC0(TEST_NOW) >= sp.timeout);
	port = 131072;
	expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == -PV_EINVAL);
}

/* A timer that fires while guest code runs. */
static void timer(void)
{
	install_upcall(count_ports);
	unmask();
	for (uint64_t i = 1; i <= 50; i++) {
		HC1(TEST_TIMER, (uint64_t)HC0(TEST_NOW) + 200000);
		while (seen[0] < i)
			__builtin_ia32_pause();
	}
}

static void routed_send(void)
{
	struct pv_evtchn_send send = {.port = 5};

	for (int i = 0; i < 10; i++)
		expect(HC2(PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_send, &send) == 0);
	send.port = 6;
	expect(HC2(PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_send, &send) == -PV_ENOSYS);
	send.port = 1u << 31;
	expect(HC2(PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_send, &send) == -PV_ENOSYS);
	expect(HC2(PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_send, 8) == -PV_EFAULT);
}

/* Vector registers belong to the guest whatever interrupts it. */
static void fpu_and_signals(void)
{
	uint64_t a = 0x1122334455667788, b = 0x99aabbccddeeff00, x, y;

	install_upcall(count_ports);
	unmask();
	report(0, 1);
	__asm__ volatile("movq %0, %%xmm3; movq %1, %%xmm15" ::"r"(a), "r"(b));
	while (seen[0] < 100)
		__asm__ volatile("pause");
	HC1(TEST_SLEEP, 100);
	HC1(PV_HYPERVISOR_sched_op, PV_SCHEDOP_yield);
	__asm__ volatile("movq %%xmm3, %0; movq %%xmm15, %1" : "=r"(x), "=r"(y));
	expect(x == a && y == b);
}

void tasks_events(unsigned task)
{
	switch (task) {
	case TASK_EVENTS: many_events(); break;
	case TASK_EVENTS_MASKED: masked_events(); break;
	case TASK_EVENTS_BLOCK: block_and_wake(); break;
	case TASK_EVENTS_POLL: poll(); break;
	case TASK_EVENTS_POLL_FIFO: poll_fifo(); break;
	case TASK_TIMER: timer(); break;
	case TASK_ROUTED_SEND: routed_send(); break;
	case TASK_FPU_SIGNALS: fpu_and_signals(); break;
	default: return;
	}
	done(0);
}
