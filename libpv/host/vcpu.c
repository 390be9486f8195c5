/*
 * HYPERVISOR_vcpu_op: the life of virtual CPUs, and what each of them registers.
 *
 * The vCPU number is the guest's and is checked once, in pv_do_vcpu_op.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>
#if defined(__x86_64__)
#include <pv/abi/hvm/hvm_vcpu.h>
#endif

static uint32_t context_size(const struct pv_domain *d)
{
#if defined(__x86_64__)
	return d->kind == PV_DOMAIN_PV ? sizeof(struct pv_vcpu_guest_context)
				       : sizeof(struct pv_vcpu_hvm_context);
#else
	(void)d;
	return 0; /* vCPUs of arm64 guests come up by PSCI, which is the engine's */
#endif
}

static int64_t do_initialise(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gva)
{
	uint32_t size = context_size(d);
	void *context;
	int rc;

	if (!d->vmm.vcpu_initialise || !size)
		return -PV_ENOSYS;
	if (d->vcpu[vcpu].initialised)
		return -PV_EEXIST;
	context = pv_domain_alloc(d, size);
	if (!context)
		return -PV_ENOMEM;
	rc = pv_guest_read(d, by, context, gva, size);
	if (!rc) {
		/*
		 * Claimed before the lock goes: a second initialise of it must not reach the hook.
		 */
		d->vcpu[vcpu].initialised = true;
		pv_domain_leave(d);
		rc = d->vmm.vcpu_initialise(d->vmm.ctx, by, vcpu, context, size);
		pv_domain_enter(d);
		if (rc < 0)
			d->vcpu[vcpu].initialised = false;
	}
	pv_domain_free(d, context, size);
	return rc < 0 ? rc : 0;
}

static void set_up(struct pv_domain *d, unsigned vcpu, bool up)
{
	d->vcpu[vcpu].up = up;
	pv_domain_runstate_set(d, vcpu, up ? PV_RUNSTATE_running : PV_RUNSTATE_offline);
}

static int64_t do_up(struct pv_domain *d, unsigned by, unsigned vcpu)
{
	int rc;

	if (!d->vmm.vcpu_up)
		return -PV_ENOSYS;
	if (!d->vcpu[vcpu].initialised)
		return -PV_EINVAL;
	if (d->vcpu[vcpu].up)
		return 0;
	set_up(d, vcpu, true);
	pv_domain_leave(d);
	rc = d->vmm.vcpu_up(d->vmm.ctx, by, vcpu);
	pv_domain_enter(d);
	if (rc < 0)
		set_up(d, vcpu, false);
	return rc < 0 ? rc : 0;
}

static bool last_up(const struct pv_domain *d, unsigned vcpu)
{
	uint32_t i;

	for (i = 0; i < d->max_vcpus; i++)
		if (i != vcpu && d->vcpu[i].up)
			return false;
	return true;
}

static int64_t do_down(struct pv_domain *d, unsigned by, unsigned vcpu)
{
	int rc;

	if (!d->vmm.vcpu_down)
		return -PV_ENOSYS;
	if (!d->vcpu[vcpu].up)
		return 0;
	if (last_up(d, vcpu)) /* nobody would be left to bring one up: power off, as Xen does */
		return pv_domain_do_shutdown(d, by, PV_SHUTDOWN_poweroff);
	set_up(d, vcpu, false);
	pv_domain_leave(d);
	rc = d->vmm.vcpu_down(d->vmm.ctx, by, vcpu);
	pv_domain_enter(d);
	if (rc < 0)
		set_up(d, vcpu, true);
	return rc < 0 ? rc : 0;
}

static int64_t do_runstate(struct pv_domain *d, unsigned by, unsigned vcpu, unsigned op,
			   uint64_t gva)
{
	struct pv_vcpu_register_runstate_memory_area area;
	struct pv_vcpu_runstate_info info;

	if (op == PV_VCPUOP_get_runstate_info) {
		pv_domain_runstate_read(d, vcpu, &info);
		return pv_guest_write(d, by, gva, &info, sizeof(info));
	}
	if (pv_guest_read(d, by, &area, gva, sizeof(area)))
		return -PV_EFAULT;
	pv_domain_runstate_read(d, vcpu, &info);
	if (area.addr.h && pv_domain_runstate_put(d, by, area.addr.h, &info))
		return -PV_EFAULT;
	d->vcpu[vcpu].runstate_gva = area.addr.h;
	pv_domain_runstate_publish(d, vcpu);
	return 0;
}

static int64_t do_time_area(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gva)
{
	struct pv_vcpu_register_time_memory_area area;
	static const struct pv_vcpu_time_info none;

	if (pv_guest_read(d, by, &area, gva, sizeof(area)))
		return -PV_EFAULT;
	if (area.addr.h && pv_guest_write(d, by, area.addr.h, &none, sizeof(none)))
		return -PV_EFAULT;
	d->vcpu[vcpu].time_gva = area.addr.h;
	pv_domain_time_vcpu(d, vcpu);
	return 0;
}

static int64_t do_set_timer(struct pv_domain *d, unsigned by, unsigned vcpu, unsigned op,
			    uint64_t gva)
{
	struct pv_vcpu_set_singleshot_timer single;
	struct pv_vcpu_set_periodic_timer periodic;

	if (op == PV_VCPUOP_set_periodic_timer) {
		if (pv_guest_read(d, by, &periodic, gva, sizeof(periodic)))
			return -PV_EFAULT;
		return pv_domain_timer_op(d, by, vcpu, op, periodic.period_ns);
	}
	if (by != vcpu)
		return -PV_EINVAL;
	if (pv_guest_read(d, by, &single, gva, sizeof(single)))
		return -PV_EFAULT;
	/* PV_VCPU_SSHOTTMR_future is ignored, as Xen 4.17 does: a past time fires at once. */
	return pv_domain_timer_op(d, by, vcpu, op, single.timeout_abs_ns);
}

int64_t pv_do_vcpu_op(struct pv_domain *d, unsigned by, const uint64_t *arg)
{
	struct pv_vcpu_register_vcpu_info info;
	unsigned vcpu = (unsigned)arg[1];
	uint64_t gva = arg[2];

	if ((uint32_t)arg[1] >= d->max_vcpus)
		return -PV_ENOENT;
	switch (arg[0]) {
	case PV_VCPUOP_initialise: return do_initialise(d, by, vcpu, gva);
	case PV_VCPUOP_up: return do_up(d, by, vcpu);
	case PV_VCPUOP_down: return do_down(d, by, vcpu);
	case PV_VCPUOP_is_up: return d->vcpu[vcpu].up;
	case PV_VCPUOP_get_runstate_info:
	case PV_VCPUOP_register_runstate_memory_area:
		return do_runstate(d, by, vcpu, (unsigned)arg[0], gva);
	case PV_VCPUOP_set_periodic_timer:
	case PV_VCPUOP_set_singleshot_timer:
		return do_set_timer(d, by, vcpu, (unsigned)arg[0], gva);
	case PV_VCPUOP_stop_periodic_timer:
	case PV_VCPUOP_stop_singleshot_timer:
		return pv_domain_timer_op(d, by, vcpu, (unsigned)arg[0], 0);
	case PV_VCPUOP_register_vcpu_info:
		if (pv_guest_read(d, by, &info, gva, sizeof(info)))
			return -PV_EFAULT;
		return pv_domain_register_vcpu_info(d, by, vcpu, info.mfn, info.offset);
	case PV_VCPUOP_register_vcpu_time_memory_area: return do_time_area(d, by, vcpu, gva);
	case PV_VCPUOP_get_physid: return -PV_EINVAL; /* no vCPU is pinned to a CPU */
	default: return -PV_ENOSYS;
	}
}

int pv_domain_vcpu_is_up(struct pv_domain *d, unsigned vcpu)
{
	int up;

	if (vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	pv_domain_enter(d);
	up = d->vcpu[vcpu].up;
	pv_domain_leave(d);
	return up;
}

int pv_domain_vcpu_set_up(struct pv_domain *d, unsigned vcpu, int up)
{
	if (vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	pv_domain_enter(d);
	d->vcpu[vcpu].initialised |= up != 0;
	set_up(d, vcpu, up != 0);
	pv_domain_leave(d);
	return 0;
}
