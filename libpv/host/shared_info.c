/*
 * shared_info and the places of vcpu_info: where a vCPU's event words are.
 *
 * Both are ordinary guest pages that the guest may scribble over at any time; nothing read from
 * them is believed here. The guest chooses where they lie, so every place is checked against the
 * pages that already mean something (XSA-507 and its like: one frame, two purposes).
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/vcpu.h>

struct pv_shared_info *pv_domain_si(struct pv_domain *d, int write)
{
	return d->shared_info_gfn == PV_NO_GPA ? NULL
					       : pv_domain_page(d, d->shared_info_gfn, write);
}

uint64_t pv_domain_vcpu_info_gpa_locked(struct pv_domain *d, unsigned vcpu)
{
	if (d->vcpu[vcpu].info_gpa != PV_NO_GPA)
		return d->vcpu[vcpu].info_gpa;
	if (vcpu >= PV_XEN_LEGACY_MAX_VCPUS || d->shared_info_gfn == PV_NO_GPA)
		return PV_NO_GPA;
	return d->shared_info_gfn * PV_PAGE + offsetof(struct pv_shared_info, vcpu_info) +
	       vcpu * sizeof(struct pv_vcpu_info);
}

struct pv_vcpu_info *pv_domain_vi(struct pv_domain *d, unsigned vcpu, int write)
{
	uint64_t gpa = pv_domain_vcpu_info_gpa_locked(d, vcpu);

	return gpa == PV_NO_GPA
		       ? NULL
		       : d->vmm.gpa_map(d->vmm.ctx, gpa, sizeof(struct pv_vcpu_info), write);
}

bool pv_domain_gfn_frame(struct pv_domain *d, uint64_t gfn)
{
	uint32_t i;

	for (i = 0; i < d->grant_frames; i++)
		if (d->grant_gfn[i] == gfn)
			return true;
	for (i = 0; d->grant_version == 2 && i < PV_STATE_STATUS_FRAMES; i++)
		if (d->status_gfn[i] == gfn)
			return true;
	return gfn == d->shared_info_gfn;
}

bool pv_domain_gfn_special(struct pv_domain *d, uint64_t gfn)
{
	uint32_t i;

	if (pv_domain_gfn_frame(d, gfn) || pv_domain_fifo_gfn(d, gfn))
		return true;
	for (i = 0; i < d->max_vcpus; i++)
		if (d->vcpu[i].info_gpa != PV_NO_GPA && d->vcpu[i].info_gpa / PV_PAGE == gfn)
			return true;
	return false;
}

static void tell_vcpu_infos(struct pv_domain *d)
{
	uint32_t i;

	if (!d->vmm.vcpu_info_set)
		return;
	for (i = 0; i < d->max_vcpus && i < PV_XEN_LEGACY_MAX_VCPUS; i++)
		if (d->vcpu[i].info_gpa == PV_NO_GPA)
			d->vmm.vcpu_info_set(d->vmm.ctx, i, pv_domain_vcpu_info_gpa_locked(d, i));
}

static size_t mask_size(const struct pv_domain *d)
{
	return d->narrow ? sizeof(((struct pv_x86_32_shared_info *)0)->evtchn_mask)
			 : sizeof(((struct pv_shared_info *)0)->evtchn_mask);
}

/* Events that there was no word for. */
static void raise_early(struct pv_domain *d)
{
	uint32_t i;

	for (i = 1; !d->fifo && i < pv_domain_port_limit(d); i++) {
		struct pv_port_state *p = pv_domain_port(d, i);

		if (!p || !p->pending)
			continue;
		p->pending = 0;
		pv_domain_port_raise(d, i);
	}
}

void pv_domain_latch_width(struct pv_domain *d, unsigned vcpu)
{
	bool narrow = d->vcpu[vcpu].compat;
	struct pv_shared_info *si = pv_domain_si(d, 1);
	uint32_t i;

	if (narrow == d->narrow)
		return;
	d->narrow = narrow;
	/* What is pending stays where it was, and unmasking finds it. FIFO words have one form only. */
	if (si)
		memset(pv_evtchn_2l_mask(si, narrow), 0xff, mask_size(d));
	for (i = 0; !d->fifo && i < d->max_vcpus; i++) {
		struct pv_vcpu_info *vi = pv_domain_vi(d, i, 1);

		if (vi)
			pv_evtchn_2l_select_none(vi, narrow);
	}
	pv_domain_time_wallclock(d);
	if (si)
		raise_early(d);
}

/* A page that nobody used before: everything masked, clocks filled in, early events applied. */
static void init_shared_info(struct pv_domain *d, struct pv_shared_info *si)
{
	uint32_t i;

	memset(si, 0, PV_PAGE);
	memset(pv_evtchn_2l_mask(si, d->narrow), 0xff, mask_size(d));
	for (i = 0; i < PV_XEN_LEGACY_MAX_VCPUS; i++)
		*pv_evtchn_upcall_mask(&si->vcpu_info[i]) = 1;
	pv_domain_time_wallclock(d);
	for (i = 0; i < d->max_vcpus; i++)
		pv_domain_time_vcpu(d, i);
	raise_early(d);
}

int pv_domain_move_shared_info(struct pv_domain *d, uint64_t gfn)
{
	uint64_t was = d->shared_info_gfn;
	struct pv_shared_info *si, *old;
	int rc = 0;

	if (gfn > PV_GFN_MAX)
		return -PV_EINVAL;
	if (gfn == was)
		return 0;
	if (pv_domain_gfn_special(d, gfn) || pv_domain_gfn_mapped(d, gfn, 1))
		return -PV_EINVAL;
	if (d->vmm.frame_set)
		rc = d->vmm.frame_set(d->vmm.ctx, gfn, 1);
	si = rc ? NULL : pv_domain_page(d, gfn, 1);
	if (!si)
		return -PV_EINVAL;
	old = pv_domain_si(d, 0);
	d->shared_info_gfn = gfn;
	if (old)
		pv_shared_read(si, old, PV_PAGE);
	else
		init_shared_info(d, si);
	if (was != PV_NO_GPA && d->vmm.frame_set)
		(void)d->vmm.frame_set(d->vmm.ctx, was, 0);
	tell_vcpu_infos(d);
	return 0;
}

int pv_domain_register_vcpu_info(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gfn,
				 uint32_t offset)
{
	struct pv_vcpu *v = &d->vcpu[vcpu];
	struct pv_vcpu_info *vi, *old;

	if (offset > PV_PAGE - sizeof(*vi) || offset % _Alignof(struct pv_vcpu_info))
		return -PV_ENXIO;
	if (v->info_gpa != PV_NO_GPA)
		return -PV_EINVAL;
	if (by != vcpu && v->up)
		return -PV_EINVAL;
	if (gfn > PV_GFN_MAX || pv_domain_gfn_frame(d, gfn) || pv_domain_gfn_overlaid(d, gfn, 1))
		return -PV_EINVAL;
	vi = d->vmm.gpa_map(d->vmm.ctx, gfn * PV_PAGE + offset, sizeof(*vi), 1);
	if (!vi)
		return -PV_EINVAL;
	old = pv_domain_vi(d, vcpu, 0);
	if (old) {
		pv_shared_read(vi, old, sizeof(*vi));
	} else {
		memset(vi, 0, sizeof(*vi));
		*pv_evtchn_upcall_mask(vi) = 1;
	}
	v->info_gpa = gfn * PV_PAGE + offset;
	if (d->vmm.vcpu_info_set)
		d->vmm.vcpu_info_set(d->vmm.ctx, vcpu, v->info_gpa);
	pv_domain_time_vcpu(d, vcpu);
	/* An event may have gone to the old place meanwhile: one spurious scan finds it. */
	pv_evtchn_2l_select_all(vi, d->narrow);
	__atomic_store_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
	d->vmm.kick(d->vmm.ctx, vcpu, PV_KICK_UPCALL);
	return 0;
}

bool pv_domain_upcall_ready(struct pv_domain *d, unsigned vcpu)
{
	struct pv_vcpu_info *vi = pv_domain_vi(d, vcpu, 0);

	if (!vi || !__atomic_load_n(&vi->evtchn_upcall_pending, __ATOMIC_ACQUIRE))
		return false;
	/*
	 * An HVM guest masks with its interrupt flag, which the engine knows, not with this byte.
	 */
	return d->kind == PV_DOMAIN_PVH ||
	       !__atomic_load_n(pv_evtchn_upcall_mask(vi), __ATOMIC_RELAXED);
}

int pv_domain_set_shared_info(struct pv_domain *d, uint64_t gfn)
{
	int rc;

	pv_domain_enter(d);
	rc = pv_domain_move_shared_info(d, gfn);
	pv_domain_leave(d);
	return rc;
}

uint64_t pv_domain_shared_info(struct pv_domain *d)
{
	uint64_t gfn;

	pv_domain_enter(d);
	gfn = d->shared_info_gfn;
	pv_domain_leave(d);
	return gfn;
}

uint64_t pv_domain_vcpu_info_gpa(struct pv_domain *d, unsigned vcpu)
{
	uint64_t gpa;

	if (vcpu >= d->max_vcpus)
		return PV_NO_GPA;
	pv_domain_enter(d);
	gpa = pv_domain_vcpu_info_gpa_locked(d, vcpu);
	pv_domain_leave(d);
	return gpa;
}
