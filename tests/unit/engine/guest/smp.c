/*
 * smp.c: several vCPUs at once
 */
#include "guest.h"

#define ROUNDS 3000u

static volatile uint64_t finished, received, sent;

static void take(struct trap_frame *f)
{
	volatile struct pv_vcpu_info *vi = vcpu_info();

	(void)f;
	vi->evtchn_pending_sel = 0;
	__atomic_and_fetch(&SHARED->evtchn_pending[1], ~(1ull << (vcpu_id() + 8)),
			   __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&received, 1, __ATOMIC_SEQ_CST);
}

/* A vCPU must only ever see its own state in the stub, whoever else calls at the same time. */
static void hammer(void)
{
	unsigned id = vcpu_id();

	install_upcall(take);
	vcpu_info()->evtchn_upcall_mask = 0;
	for (uint64_t i = 0; i < ROUNDS; i++) {
		uint64_t mine = id * 1000000ull + i;

		expect(HC2(PV_HYPERVISOR_set_debugreg, 1, mine) == 0);
		expect(HC2(PV_HYPERVISOR_xen_version, PV_XENVER_version, 0) == (4 << 16 | 17));
		expect(HC1(PV_HYPERVISOR_get_debugreg, 1) == (int64_t)mine);
		if (i % 8 == 0)
			expect(HC1(TEST_ECHO, mine) == (int64_t)mine);
		if (i % 64 == 0) {
			HC2(TEST_SEND, (id + 1) % 4, 64 + (id + 1) % 4 + 8);
			__atomic_add_fetch(&sent, 1, __ATOMIC_SEQ_CST);
		}
		if (i % 512 == 0)
			HC1(PV_HYPERVISOR_sched_op, PV_SCHEDOP_yield);
	}
	__atomic_add_fetch(&finished, 1, __ATOMIC_SEQ_CST);
}

/* Pages that everybody writes, in no order: what a dirty log must not lose. */
static void storm(void)
{
	uint64_t x = 88172645463325252ull + vcpu_id(), n = 0;
	uint64_t pages = (RAM_SIZE - SCRATCH_GPA) >> 12;

	for (;;) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		/* Mostly a few pages, sometimes any. */
		uint64_t page = x & 15 ? (x >> 8) % 64 : (x >> 8) % pages;

		*(volatile uint64_t *)(SCRATCH + (page << 12) + 8 * vcpu_id()) = x;
		if (++n % 1024 == 0)
			HC1(TEST_ECHO, n);
	}
}

void tasks_smp(unsigned task)
{
	switch (task) {
	case TASK_SMP_BOOT:
		for (unsigned i = 1; i < 4; i++)
			HC2(TEST_BOOT, i, TASK_SMP_WORKER);
		hammer();
		while (finished < 4)
			HC1(PV_HYPERVISOR_sched_op, PV_SCHEDOP_yield);
		/* Events to one port merge; none may be left over. */
		for (unsigned i = 0; i < 1000 && SHARED->evtchn_pending[1]; i++)
			HC1(TEST_SLEEP, 1000);
		expect(!SHARED->evtchn_pending[1]);
		expect(received > 0 && received <= sent);
		break;
	case TASK_SMP_WORKER:
		hammer();
		for (;;)
			HC1(PV_HYPERVISOR_sched_op, PV_SCHEDOP_block);
	case TASK_STORM_BOOT:
		HC2(TEST_BOOT, 1, TASK_STORM);
		storm();
		break;
	case TASK_STORM: storm(); break;
	default: return;
	}
	done(0);
}
