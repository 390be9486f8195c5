/*
 * Timers: single-shot and periodic ones of each vCPU, and the domain's watchdogs.
 *
 * Everything of one vCPU (the watchdogs go with vCPU 0) shares the one deadline that the VMM
 * keeps for it. Times come from the guest: any value is possible, none may overflow into the past
 * or loop.
 */
#include "domain.h"

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>

#define PERIOD_MIN   1000000ull /* 1 ms, as Xen */
#define PERIOD_MAX   (1ull << 56)
#define HUGE_TIMEOUT (1ull << 50)
#define HUGE_RETRY   100000000ull

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

void pv_domain_timer_arm(struct pv_domain *d, unsigned vcpu)
{
	struct pv_vcpu *v = &d->vcpu[vcpu];
	uint64_t next = v->singleshot;
	uint32_t i;

	if (v->period)
		next = sooner(next, v->period_next);
	for (i = 0; vcpu == 0 && i < PV_STATE_WATCHDOGS; i++)
		next = sooner(next, d->watchdog[i]);
	if (next == v->timer_armed)
		return;
	v->timer_armed = next;
	if (d->vmm.timer_set)
		d->vmm.timer_set(d->vmm.ctx, vcpu, next);
}

int64_t pv_domain_timer_op(struct pv_domain *d, unsigned by, unsigned vcpu, unsigned op,
			   uint64_t arg)
{
	struct pv_vcpu *v = &d->vcpu[vcpu];

	switch (op) {
	case PV_VCPUOP_set_periodic_timer:
		if (arg < PERIOD_MIN || arg > PERIOD_MAX)
			return -PV_EINVAL;
		v->period = arg;
		v->period_next = pv_domain_now(d) + arg;
		break;
	case PV_VCPUOP_stop_periodic_timer: v->period = 0; break;
	case PV_VCPUOP_set_singleshot_timer:
		if (by != vcpu)
			return -PV_EINVAL;
		v->singleshot = arg ? arg : 1; /* time 0 is past, not "off" */
		break;
	default:
		if (by != vcpu)
			return -PV_EINVAL;
		v->singleshot = 0;
		break;
	}
	pv_domain_timer_arm(d, vcpu);
	return 0;
}

int64_t pv_do_set_timer_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	uint64_t at = arg[0], now = pv_domain_now(d);

	if (!at)
		return pv_domain_timer_op(d, vcpu, vcpu, PV_VCPUOP_stop_singleshot_timer, 0);
	/* Old Linux lets its ticks wrap; Xen makes it look again soon instead of in 13 days or never. */
	if (at >> 63 || (at > now && at - now >= HUGE_TIMEOUT))
		at = now + HUGE_RETRY;
	return pv_domain_timer_op(d, vcpu, vcpu, PV_VCPUOP_set_singleshot_timer, at);
}

int64_t pv_domain_watchdog(struct pv_domain *d, uint32_t id, uint32_t seconds)
{
	/* 2^32 seconds are 2^62 ns: no overflow for a thousand years of uptime */
	uint64_t deadline = pv_domain_now(d) + seconds * 1000000000ull;
	int64_t rc = 0;

	if (id > PV_STATE_WATCHDOGS)
		return -PV_EINVAL;
	if (!id) {
		while (id < PV_STATE_WATCHDOGS && d->watchdog[id])
			id++;
		if (id == PV_STATE_WATCHDOGS)
			return -PV_ENOSPC;
		rc = ++id;
	} else if (!d->watchdog[id - 1]) {
		return -PV_EINVAL;
	} else if (!seconds) {
		deadline = 0;
	}
	d->watchdog[id - 1] = rc && !deadline ? 1 : deadline;
	pv_domain_timer_arm(d, 0);
	return rc;
}

void pv_domain_timer_fired(struct pv_domain *d, unsigned vcpu)
{
	bool tick = false, bark = false;
	struct pv_vcpu *v;
	uint64_t now;
	uint32_t i;

	if (vcpu >= d->max_vcpus)
		return;
	pv_domain_enter(d);
	v = &d->vcpu[vcpu];
	now = pv_domain_now(d);
	if (v->singleshot && v->singleshot <= now) {
		v->singleshot = 0;
		tick = true;
	}
	if (v->period && v->period_next <= now) {
		/* Missed ticks are one tick; the phase is kept. */
		v->period_next = now + v->period - (now - v->period_next) % v->period;
		tick = true;
	}
	for (i = 0; vcpu == 0 && i < PV_STATE_WATCHDOGS; i++) {
		if (d->watchdog[i] && d->watchdog[i] <= now) {
			d->watchdog[i] = 0;
			bark = true;
		}
	}
	if (tick)
		(void)pv_domain_virq_locked(d, vcpu, PV_VIRQ_TIMER);
	v->timer_armed = 0;
	pv_domain_timer_arm(d, vcpu);
	if (bark)
		(void)pv_domain_do_shutdown(d, 0, PV_SHUTDOWN_watchdog);
	pv_domain_leave(d);
}
