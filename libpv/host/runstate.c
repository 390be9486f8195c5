/*
 * Runstate: how long each vCPU ran, waited and slept, kept here and published where the guest
 * asked.
 *
 * The area is at an address of the guest's, virtual or physical; a write to it that fails is its loss.
 */
#include "access.h"
#include "compat.h"

#include <pv/abi/vcpu.h>

static void account(struct pv_vcpu *v, uint64_t now)
{
	if (now > v->runstate_entry)
		v->runstate_time[v->runstate] += now - v->runstate_entry;
	v->runstate_entry = now;
}

static void fill(const struct pv_vcpu *v, struct pv_vcpu_runstate_info *r)
{
	memset(r, 0, sizeof(*r)); /* padding goes to the guest too */
	r->state = (int32_t)v->runstate;
	r->state_entry_time = v->runstate_entry;
	memcpy(r->time, v->runstate_time, sizeof(r->time));
}

/* Part of a runstate area, in the guest's layout. */
static int put(struct pv_domain *d, unsigned by, bool phys, uint64_t addr, size_t offset,
	       const void *from, size_t len)
{
	if (d->narrow && !phys)
		return pv_view_write(d, by, pv_view(PV_LAYOUT_RUNSTATE, (uint32_t)addr) + offset,
				     from, len);
	return pv_area_write(d, by, phys, addr + offset, from, len);
}

int pv_domain_runstate_put(struct pv_domain *d, unsigned by, uint64_t gva, const void *info)
{
	return put(d, by, false, gva, 0, info, sizeof(struct pv_vcpu_runstate_info));
}

void pv_domain_runstate_publish(struct pv_domain *d, unsigned vcpu)
{
	const size_t entry = offsetof(struct pv_vcpu_runstate_info, state_entry_time);
	struct pv_vcpu *v = &d->vcpu[vcpu];
	bool flag = d->vm_assist >> PV_VMASST_TYPE_runstate_update_flag & 1;
	struct pv_vcpu_runstate_info r;

	if (!v->runstate_gva)
		return;
	fill(v, &r);
	if (flag) {
		r.state_entry_time |= PV_XEN_RUNSTATE_UPDATE;
		if (put(d, vcpu, v->runstate_phys, v->runstate_gva, entry, &r.state_entry_time, 8))
			return;
		/* Flag before contents, contents before no flag: partner, the guest's reader. */
		__atomic_thread_fence(__ATOMIC_RELEASE);
	}
	if (put(d, vcpu, v->runstate_phys, v->runstate_gva, 0, &r, sizeof(r)) || !flag)
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	r.state_entry_time &= ~PV_XEN_RUNSTATE_UPDATE;
	(void)put(d, vcpu, v->runstate_phys, v->runstate_gva, entry, &r.state_entry_time, 8);
}

void pv_domain_runstate_set(struct pv_domain *d, unsigned vcpu, unsigned state)
{
	struct pv_vcpu *v = &d->vcpu[vcpu];

	if (state == v->runstate)
		return;
	account(v, pv_domain_now(d));
	v->runstate = state;
	pv_domain_runstate_publish(d, vcpu);
}

void pv_domain_runstate_read(struct pv_domain *d, unsigned vcpu, void *info)
{
	struct pv_vcpu *v = &d->vcpu[vcpu];
	uint64_t now = pv_domain_now(d);
	struct pv_vcpu_runstate_info *r = info;

	fill(v, r);
	if (now > v->runstate_entry)
		r->time[v->runstate] += now - v->runstate_entry;
}

void pv_domain_runstate(struct pv_domain *d, unsigned vcpu, unsigned state)
{
	if (vcpu >= d->max_vcpus || state > PV_RUNSTATE_offline)
		return;
	pv_domain_enter(d);
	pv_domain_runstate_set(d, vcpu, state);
	pv_domain_leave(d);
}
