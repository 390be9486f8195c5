/*
 * HYPERVISOR_sched_op: yield, block, poll, and the ways a guest ends itself.
 *
 * An engine may answer yield, block and poll by itself; what arrives here works by the VMM's
 * block hook. A vCPU that sleeps holds nothing: the lock is given up around the hook.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>

#define MAX_POLL_PORTS 128u

static void sleep_until(struct pv_domain *d, unsigned vcpu, uint64_t deadline)
{
	if (!d->vmm.block)
		return;
	pv_domain_runstate_set(d, vcpu, PV_RUNSTATE_blocked);
	pv_domain_leave(d);
	d->vmm.block(d->vmm.ctx, vcpu, deadline);
	pv_domain_enter(d);
	pv_domain_runstate_set(d, vcpu, PV_RUNSTATE_running);
}

static int64_t do_block(struct pv_domain *d, unsigned vcpu)
{
	struct pv_vcpu_info *vi = pv_domain_vi(d, vcpu, 1);

	/* Unmask before the test: partner of pending-before-kick in pv_domain_port_raise. */
	if (vi && d->kind == PV_DOMAIN_PV)
		__atomic_store_n(pv_evtchn_upcall_mask(vi), 0, __ATOMIC_SEQ_CST);
	if (!pv_domain_upcall_ready(d, vcpu))
		sleep_until(d, vcpu, 0);
	return 0;
}

static int64_t do_poll(struct pv_domain *d, unsigned vcpu, uint64_t gva)
{
	struct pv_sched_poll a;
	bool ready = false;
	uint32_t i, port;
	int64_t rc = 0;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.nr_ports > MAX_POLL_PORTS)
		return -PV_EINVAL;
	/* Listen before looking: an event after the test below kicks us. */
	d->vcpu[vcpu].polling = true;
	d->nr_pollers++;
	for (i = 0; i < a.nr_ports && !rc; i++) {
		if (pv_guest_read(d, vcpu, &port, a.ports + i * 4ull, 4))
			rc = -PV_EFAULT;
		else if (!pv_domain_port(d, port))
			rc = -PV_EINVAL;
		else
			ready |= pv_domain_port_pending(d, port);
	}
	if (!rc && !ready && !pv_domain_upcall_ready(d, vcpu))
		sleep_until(d, vcpu, a.timeout);
	d->vcpu[vcpu].polling = false;
	d->nr_pollers--;
	return rc;
}

int64_t pv_domain_do_shutdown(struct pv_domain *d, unsigned vcpu, unsigned reason)
{
	int64_t rc = 0;

	if (!d->shut_down) {
		d->shut_down = true;
		d->shutdown_reason = d->shutdown_code_set ? d->shutdown_code : reason;
	}
	reason = d->shutdown_reason;
	if (d->vmm.shutdown) {
		pv_domain_leave(d);
		rc = d->vmm.shutdown(d->vmm.ctx, vcpu, reason);
		pv_domain_enter(d);
	}
	return rc;
}

static int64_t do_shutdown(struct pv_domain *d, unsigned vcpu, unsigned cmd, uint64_t gva)
{
	struct pv_sched_shutdown a;

	if (pv_guest_read(d, vcpu, &a, gva, sizeof(a)))
		return -PV_EFAULT;
	if (a.reason > PV_SHUTDOWN_MAX)
		return -PV_EINVAL;
	if (cmd == PV_SCHEDOP_shutdown)
		return pv_domain_do_shutdown(d, vcpu, a.reason);
	if (!d->shutdown_code_set) /* the first one is meant */
		d->shutdown_code = a.reason;
	d->shutdown_code_set = true;
	return 0;
}

int64_t pv_do_sched_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	union {
		struct pv_sched_remote_shutdown remote;
		struct pv_sched_watchdog watchdog;
	} a;

	switch (arg[0]) {
	case PV_SCHEDOP_yield:
		if (d->vmm.yield) {
			pv_domain_leave(d);
			d->vmm.yield(d->vmm.ctx, vcpu);
			pv_domain_enter(d);
		}
		return 0;
	case PV_SCHEDOP_block: return do_block(d, vcpu);
	case PV_SCHEDOP_poll: return do_poll(d, vcpu, arg[1]);
	case PV_SCHEDOP_shutdown:
	case PV_SCHEDOP_shutdown_code: return do_shutdown(d, vcpu, (unsigned)arg[0], arg[1]);
	case PV_SCHEDOP_remote_shutdown:
		if (pv_guest_read(d, vcpu, &a.remote, arg[1], sizeof(a.remote)))
			return -PV_EFAULT;
		/* Nobody may, and of the domains that nobody may only two exist, by their numbers. */
		return a.remote.domain_id == 0 || a.remote.domain_id == d->domid ? -PV_EPERM
										 : -PV_ESRCH;
	case PV_SCHEDOP_watchdog:
		if (pv_guest_read(d, vcpu, &a.watchdog, arg[1], sizeof(a.watchdog)))
			return -PV_EFAULT;
		return pv_domain_watchdog(d, a.watchdog.id, a.watchdog.timeout);
	case PV_SCHEDOP_pin_override: return -PV_EPERM;
	default: return -PV_ENOSYS;
	}
}
