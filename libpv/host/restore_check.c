/*
 * Is this state one that a domain could have been in?
 *
 * The state may come from a hostile stream. Whatever passes here can be applied without a further
 * look, apart from what the VMM's hooks say about pages. Arrays are in ascending order, which
 * makes duplicates impossible and look-ups cheap.
 */
#include "restore.h"

#include <pv/abi/sched.h>
#include <pv/abi/vcpu.h>

#define PERIOD_MIN 1000000ull
#define PERIOD_MAX (1ull << 56)

static bool gfn_ok(uint64_t gfn)
{
	return gfn == PV_NO_GPA || gfn <= PV_GFN_MAX;
}

/* A place that is none of the n others, nor shared_info's. */
static bool place_ok(const struct pv_state_domain *s, uint64_t gfn, const uint64_t *other,
		     uint32_t n)
{
	if (gfn == PV_NO_GPA)
		return true;
	if (gfn > PV_GFN_MAX || gfn == s->shared_info_gfn)
		return false;
	while (n-- > 0)
		if (other[n] == gfn)
			return false;
	return true;
}

static bool check_grants(const struct pv_domain *d, const struct pv_state_domain *s)
{
	uint32_t i, statuses = (s->grant_frames + 7) / 8;

	if (s->grant_version < 1 || s->grant_version > d->max_grant_version || !s->grant_frames ||
	    s->grant_frames > d->max_grant_frames)
		return false;
	for (i = 0; i < PV_STATE_GRANT_FRAMES; i++) {
		uint64_t gfn = s->grant_frame_gfn[i];

		if (i >= s->grant_frames && gfn != PV_NO_GPA)
			return false;
		if (!place_ok(s, gfn, s->grant_frame_gfn, i))
			return false;
	}
	for (i = 0; i < PV_STATE_STATUS_FRAMES; i++) {
		uint64_t gfn = s->grant_status_gfn[i];

		if (s->grant_version == 1 && gfn)
			return false;
		if (s->grant_version == 1)
			continue;
		if (i >= statuses && gfn != PV_NO_GPA)
			return false;
		if (!place_ok(s, gfn, s->grant_status_gfn, i) ||
		    !place_ok(s, gfn, s->grant_frame_gfn, PV_STATE_GRANT_FRAMES))
			return false;
	}
	return true;
}

/* A place that the guest chose for itself: memory, and no page of the machine's. */
static bool own_gfn_ok(const struct pv_state_domain *s, uint64_t gfn)
{
	uint32_t i;

	for (i = 0; i < s->grant_frames; i++)
		if (s->grant_frame_gfn[i] == gfn)
			return false;
	for (i = 0; s->grant_version == 2 && i < PV_STATE_STATUS_FRAMES; i++)
		if (s->grant_status_gfn[i] == gfn)
			return false;
	return gfn <= PV_GFN_MAX && gfn != s->shared_info_gfn;
}

static bool check_events(const struct pv_state_domain *s)
{
	uint32_t i;

	if (s->event_fifo > 1 || s->event_pages > PV_STATE_EVENT_PAGES ||
	    (s->event_pages && !s->event_fifo))
		return false;
	for (i = 0; i < PV_STATE_EVENT_PAGES; i++)
		if (i < s->event_pages ? !own_gfn_ok(s, s->event_page_gfn[i])
				       : s->event_page_gfn[i] != 0)
			return false;
	return true;
}

static bool check_domain(const struct pv_domain *d, const struct pv_state_domain *s)
{
	const uint64_t assists = (1ull << (PV_VMASST_TYPE_runstate_update_flag + 1)) - 1;
	uint32_t i;

	if (s->size != sizeof(*s) ||
	    s->flags & ~(PV_STATE_SHUTDOWN | PV_STATE_SHUTDOWN_CODE | PV_STATE_NARROW))
		return false;
	if (s->flags & PV_STATE_NARROW && d->kind != PV_DOMAIN_PVH)
		return false;
	if (s->max_vcpus != d->max_vcpus || s->max_ports > d->max_ports || !s->max_ports)
		return false;
	if (s->shutdown_reason > PV_SHUTDOWN_MAX || s->shutdown_code > PV_SHUTDOWN_MAX)
		return false;
	if (!gfn_ok(s->shared_info_gfn))
		return false;
	if (s->vm_assist & ~(assists | 1ull << PV_VMASST_TYPE_m2p_strict))
		return false;
	if (s->wallclock_nsec >= 1000000000u || s->wallclock_version & 1)
		return false;
	if (s->nr_pages > d->max_pages)
		return false;
	for (i = 0; i < PV_EVTCHN_2L_PORTS; i++)
		if (pv_bit_test(s->early_pending, i) &&
		    (i >= s->max_ports || s->shared_info_gfn != PV_NO_GPA))
			return false;
	return check_grants(d, s) && check_events(s);
}

static bool check_info_gpa(const struct pv_state_domain *s, uint64_t gpa)
{
	if (gpa == PV_NO_GPA)
		return true;
	if (gpa % _Alignof(struct pv_vcpu_info) ||
	    gpa % PV_PAGE > PV_PAGE - sizeof(struct pv_vcpu_info))
		return false;
	return own_gfn_ok(s, gpa / PV_PAGE);
}

static bool check_queues(const struct pv_domain *d, const struct pv_state_domain *s,
			 const struct pv_state_vcpu *v)
{
	uint32_t i;

	for (i = 0; i < PV_STATE_EVENT_QUEUES; i++)
		if (v->fifo_tail[i] && (!s->event_fifo || v->fifo_tail[i] >= d->max_ports))
			return false;
	if (!s->event_fifo)
		return !v->fifo_block_gpa;
	if (v->fifo_block_gpa == PV_NO_GPA)
		return true;
	return v->fifo_block_gpa % 8 == 0 && own_gfn_ok(s, v->fifo_block_gpa / PV_PAGE) &&
	       v->fifo_block_gpa % PV_PAGE <= PV_PAGE - sizeof(struct pv_evtchn_fifo_control_block);
}

static bool check_vcpu(const struct pv_domain *d, const struct pv_state *st, uint32_t i)
{
	const struct pv_state_vcpu *s = &st->vcpu[i];

	if (s->size != sizeof(*s) || s->id != i)
		return false;
	if (s->flags & ~(PV_STATE_VCPU_INITIALISED | PV_STATE_VCPU_UP |
			 PV_STATE_VCPU_RUNSTATE_PHYS | PV_STATE_VCPU_TIME_PHYS))
		return false;
	if (((s->flags & PV_STATE_VCPU_RUNSTATE_PHYS) && !s->runstate_gva) ||
	    ((s->flags & PV_STATE_VCPU_TIME_PHYS) && !s->time_gva))
		return false;
	if ((s->flags & PV_STATE_VCPU_UP) && !(s->flags & PV_STATE_VCPU_INITIALISED))
		return false;
	if (s->upcall_vector > 255 || (s->upcall_vector && s->upcall_vector < 16))
		return false;
	if (s->period_ns && (s->period_ns < PERIOD_MIN || s->period_ns > PERIOD_MAX))
		return false;
	if (!s->period_ns && s->period_next_ns)
		return false;
	if (s->runstate > PV_RUNSTATE_offline || s->time_version & 1)
		return false;
	return check_info_gpa(&st->domain, s->vcpu_info_gpa) && check_queues(d, &st->domain, s);
}

/* The record of a port; the array is known to be ascending up to where it is searched. */
static const struct pv_state_port *find(const struct pv_state *st, uint32_t port)
{
	uint32_t lo = 0, hi = st->nr_ports;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (st->port[mid].port == port)
			return &st->port[mid];
		if (st->port[mid].port < port)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

static uint32_t words_2l(const struct pv_state_domain *s)
{
	return s->flags & PV_STATE_NARROW ? PV_EVTCHN_2L_PORTS_NARROW : PV_EVTCHN_2L_PORTS;
}

static bool check_port(const struct pv_state *st, uint32_t i, uint64_t *virqs)
{
	const struct pv_state_port *s = &st->port[i], *other;
	uint32_t slot;

	if (s->size != sizeof(*s) || !s->port || s->port >= st->domain.max_ports)
		return false;
	if (i && s->port <= s[-1].port)
		return false;
	if (s->vcpu >= st->domain.max_vcpus || s->priority > PV_EVTCHN_FIFO_PRIORITY_MIN ||
	    s->flags & ~(PV_STATE_PORT_WAS_BOUND | PV_STATE_PORT_PENDING))
		return false;
	if (s->flags & PV_STATE_PORT_WAS_BOUND && s->kind != PV_STATE_PORT_UNBOUND)
		return false;
	if (!st->domain.event_fifo && s->port >= PV_EVTCHN_2L_PORTS)
		return false; /* XSA-342: no bit for it */
	/* The place that it waits for is not there yet. */
	if (s->flags & PV_STATE_PORT_PENDING &&
	    (st->domain.event_fifo
		     ? s->port / PV_FIFO_PAGE_WORDS < st->domain.event_pages
		     : st->domain.shared_info_gfn != PV_NO_GPA && s->port < words_2l(&st->domain)))
		return false;
	if (s->remote_port && s->kind != PV_STATE_PORT_LOOP)
		return false;
	if (s->virq && s->kind != PV_STATE_PORT_VIRQ)
		return false;
	switch (s->kind) {
	case PV_STATE_PORT_UNBOUND:
	case PV_STATE_PORT_IPI: return true;
	case PV_STATE_PORT_LOOP:
		other = find(st, s->remote_port);
		return other && other != s && other->kind == PV_STATE_PORT_LOOP &&
		       other->remote_port == s->port;
	case PV_STATE_PORT_VIRQ:
		if (s->virq >= PV_NR_VIRQS)
			return false;
		/* One port a VIRQ, or one a vCPU and VIRQ. */
		slot = s->virq + PV_NR_VIRQS * (pv_domain_virq_is_global(s->virq) ? 0 : s->vcpu);
		return !pv_bit_set(virqs, slot);
	default: return false;
	}
}

static bool check_map(const struct pv_domain *d, const struct pv_state *st, uint32_t i)
{
	const struct pv_state_map *s = &st->map[i];
	bool v2 = st->domain.grant_version == 2;
	uint32_t frame = s->ref / (v2 ? PV_GNTTAB_V2_ENTRIES : PV_GNTTAB_V1_ENTRIES);

	if (s->size != sizeof(*s) || (s->handle & 0xffff) >= d->max_maps)
		return false;
	if (i && (s->handle & 0xffff) <= (s[-1].handle & 0xffff))
		return false;
	if (s->flags & ~(PV_STATE_MAP_READONLY | PV_STATE_MAP_GUEST))
		return false;
	if (frame >= st->domain.grant_frames || s->gfn > (v2 ? PV_GFN_MAX : UINT32_MAX))
		return false;
	if (!(s->flags & PV_STATE_MAP_GUEST))
		return !s->gpa;
	return d->vmm.physmap_set && s->domid == d->domid && s->gpa % PV_PAGE == 0 &&
	       s->gpa / PV_PAGE <= PV_GFN_MAX;
}

int pv_state_check(struct pv_domain *d, const struct pv_state *st)
{
	uint64_t virqs[PV_MAX_VCPUS * PV_NR_VIRQS / 64] = {0};
	uint32_t i, guest_maps = 0;

	if (!check_domain(d, &st->domain) || st->nr_vcpus != d->max_vcpus)
		return -PV_EINVAL;
	if (st->nr_ports >= st->domain.max_ports || st->nr_maps > d->max_maps)
		return -PV_E2BIG;
	for (i = 0; i < st->nr_vcpus; i++)
		if (!check_vcpu(d, st, i))
			return -PV_EINVAL;
	for (i = 0; i < st->nr_ports; i++)
		if (!check_port(st, i, virqs))
			return -PV_EINVAL;
	for (i = 0; i < st->nr_maps; i++) {
		if (!check_map(d, st, i))
			return -PV_EINVAL;
		guest_maps += !!(st->map[i].flags & PV_STATE_MAP_GUEST);
	}
	if (guest_maps > PV_MAX_GUEST_MAPS)
		return -PV_E2BIG;
	return 0;
}
