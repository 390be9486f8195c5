/*
 * Bringing a domain back: struct pv_state into a domain that was just created.
 *
 * Order: check everything (restore_check.c), then do what can fail (allocate, place pages, map
 * grants) with a way back, then what cannot. After an error the domain is as it was.
 */
#include "restore.h"

static bool is_fresh(struct pv_domain *d)
{
	uint32_t i;

	if (d->shared_info_gfn != PV_NO_GPA || d->shut_down || d->fifo)
		return false;
	for (i = 1; i < d->max_ports; i++) {
		const struct pv_port_state *p = pv_domain_port(d, i);

		if (p && p->kind != PV_PORT_FREE)
			return false;
	}
	for (i = 0; i < d->nr_map_slots; i++)
		if (pv_domain_map_at(d, i)->kind != PV_MAP_FREE)
			return false;
	for (i = 0; i < PV_STATE_GRANT_FRAMES; i++)
		if (d->grant_gfn[i] != PV_NO_GPA)
			return false;
	return true;
}

static int allocate(struct pv_domain *d, const struct pv_state *st)
{
	uint32_t i;
	int rc = 0;

	if (st->nr_ports)
		rc = pv_domain_ports_populate(d, st->port[st->nr_ports - 1].port);
	if (!rc && st->nr_maps)
		rc = pv_domain_maps_grow(d, (st->map[st->nr_maps - 1].handle & 0xffff) + 1);
	for (i = 0; !rc && i < st->nr_maps; i++)
		if (!pv_domain_grant_active(d, st->map[i].ref))
			rc = -PV_ENOMEM;
	return rc;
}

/* The n-th place of a page of the machine: shared_info, the grant frames, their status frames. */
#define PLACES (1 + PV_STATE_GRANT_FRAMES + PV_STATE_STATUS_FRAMES)

static uint64_t place(const struct pv_state_domain *s, uint32_t n)
{
	if (!n)
		return s->shared_info_gfn;
	if (n <= PV_STATE_GRANT_FRAMES)
		return s->grant_frame_gfn[n - 1];
	return s->grant_version == 2 ? s->grant_status_gfn[n - 1 - PV_STATE_GRANT_FRAMES]
				     : PV_NO_GPA;
}

static bool is_place(const struct pv_state_domain *s, uint64_t gfn)
{
	uint32_t n;

	for (n = 0; n < PLACES; n++)
		if (place(s, n) == gfn)
			return true;
	return false;
}

static void unplace(struct pv_domain *d, const struct pv_state *st, uint32_t n)
{
	while (n-- > 0)
		if (place(&st->domain, n) != PV_NO_GPA && d->vmm.frame_set)
			(void)d->vmm.frame_set(d->vmm.ctx, place(&st->domain, n), 0);
}

static int place_frames(struct pv_domain *d, const struct pv_state *st)
{
	uint32_t i, n;
	uint64_t gpa;

	for (n = 0; n < PLACES; n++) {
		uint64_t gfn = place(&st->domain, n);

		if (gfn == PV_NO_GPA)
			continue;
		if (d->vmm.frame_set && d->vmm.frame_set(d->vmm.ctx, gfn, 1)) {
			unplace(d, st, n);
			return -PV_EINVAL;
		}
		if (!pv_domain_page(d, gfn, 0)) {
			unplace(d, st, n + 1);
			return -PV_EINVAL;
		}
	}
	for (i = 0; i < st->nr_vcpus; i++) {
		gpa = st->vcpu[i].vcpu_info_gpa;
		if (gpa == PV_NO_GPA ||
		    d->vmm.gpa_map(d->vmm.ctx, gpa, sizeof(struct pv_vcpu_info), 0))
			continue;
		unplace(d, st, n);
		return -PV_EINVAL;
	}
	if (!pv_domain_fifo_places_ok(d, st)) {
		unplace(d, st, n);
		return -PV_EINVAL;
	}
	return 0;
}

static void drop_maps(struct pv_domain *d, const struct pv_state *st, uint32_t n)
{
	while (n-- > 0) {
		const struct pv_state_map *s = &st->map[n];
		struct pv_grant_active *a = pv_domain_grant_active(d, s->ref);

		if (s->flags & PV_STATE_MAP_READONLY)
			a->readers--;
		else
			a->writers--;
		if (s->flags & PV_STATE_MAP_GUEST)
			(void)d->vmm.physmap_set(d->vmm.ctx, s->gpa / PV_PAGE, PV_PHYSMAP_NONE, 0);
	}
}

/* May a guest's map lie at this gfn? The pages of the machine are not in d yet. */
static bool overlay_ok(const struct pv_state *st, uint64_t gfn)
{
	uint32_t i;

	if (is_place(&st->domain, gfn))
		return false;
	for (i = 0; i < st->nr_vcpus; i++)
		if ((st->vcpu[i].vcpu_info_gpa != PV_NO_GPA &&
		     st->vcpu[i].vcpu_info_gpa / PV_PAGE == gfn) ||
		    (st->domain.event_fifo && st->vcpu[i].fifo_block_gpa / PV_PAGE == gfn))
			return false;
	for (i = 0; i < st->domain.event_pages; i++)
		if (st->domain.event_page_gfn[i] == gfn)
			return false;
	for (i = 0; i < st->nr_maps; i++)
		if (st->map[i].gfn == gfn)
			return false;
	return true;
}

static bool hold(struct pv_domain *d, const struct pv_state *st, const struct pv_state_map *s)
{
	struct pv_grant_active *a = pv_domain_grant_active(d, s->ref);
	bool readonly = s->flags & PV_STATE_MAP_READONLY, idle = !a->readers && !a->writers;

	if (!idle && (a->domid != s->domid || a->frame != s->gfn))
		return false;
	if (is_place(&st->domain, s->gfn) || !pv_domain_page(d, s->gfn, !readonly))
		return false;
	if ((s->flags & PV_STATE_MAP_GUEST) &&
	    (!overlay_ok(st, s->gpa / PV_PAGE) ||
	     d->vmm.physmap_set(d->vmm.ctx, s->gpa / PV_PAGE, s->gfn,
				readonly ? PV_PHYSMAP_READONLY : 0)))
		return false;
	a->frame = s->gfn;
	a->domid = s->domid;
	a->offset = 0;
	a->length = PV_PAGE;
	if (readonly)
		a->readers++;
	else
		a->writers++;
	return true;
}

static int hold_maps(struct pv_domain *d, const struct pv_state *st)
{
	uint32_t i;

	for (i = 0; i < st->nr_maps; i++) {
		if (hold(d, st, &st->map[i]))
			continue;
		drop_maps(d, st, i);
		return -PV_EINVAL;
	}
	return 0;
}

static void apply_domain(struct pv_domain *d, const struct pv_state_domain *s)
{
	uint32_t i;

	d->shut_down = s->flags & PV_STATE_SHUTDOWN;
	d->shutdown_code_set = s->flags & PV_STATE_SHUTDOWN_CODE;
	d->narrow = s->flags & PV_STATE_NARROW;
	d->shutdown_reason = s->shutdown_reason;
	d->shutdown_code = s->shutdown_code;
	d->shared_info_gfn = s->shared_info_gfn;
	d->vm_assist = s->vm_assist;
	d->wc_sec = s->wallclock_sec;
	d->wc_nsec = s->wallclock_nsec;
	d->wc_version = s->wallclock_version;
	memcpy(d->watchdog, s->watchdog_deadline, sizeof(d->watchdog));
	memcpy(d->hvm_param, s->hvm_param, sizeof(d->hvm_param));
	d->nr_pages = s->nr_pages;
	d->grant_frames = s->grant_frames;
	for (i = 0; i < PV_STATE_GRANT_FRAMES; i++)
		d->grant_gfn[i] = s->grant_frame_gfn[i];
	d->grant_version = s->grant_version;
	for (i = 0; s->grant_version == 2 && i < PV_STATE_STATUS_FRAMES; i++)
		d->status_gfn[i] = s->grant_status_gfn[i];
	memcpy(d->grant_seed, s->grant_seed, sizeof(d->grant_seed));
}

static void apply_vcpu(struct pv_domain *d, const struct pv_state_vcpu *s)
{
	struct pv_vcpu *v = &d->vcpu[s->id];

	v->initialised = s->flags & PV_STATE_VCPU_INITIALISED;
	v->up = s->flags & PV_STATE_VCPU_UP;
	v->runstate_phys = s->flags & PV_STATE_VCPU_RUNSTATE_PHYS;
	v->time_phys = s->flags & PV_STATE_VCPU_TIME_PHYS;
	v->upcall_vector = (uint8_t)s->upcall_vector;
	v->info_gpa = s->vcpu_info_gpa;
	v->runstate_gva = s->runstate_gva;
	v->time_gva = s->time_gva;
	v->singleshot = s->singleshot_ns;
	v->period = s->period_ns;
	v->period_next = s->period_next_ns;
	v->runstate = s->runstate;
	v->time_version = s->time_version;
	v->runstate_entry = s->runstate_entry_ns;
	memcpy(v->runstate_time, s->runstate_ns, sizeof(v->runstate_time));
}

static void apply_port(struct pv_domain *d, const struct pv_state *st,
		       const struct pv_state_port *s)
{
	static const uint8_t kinds[] = {
		[PV_STATE_PORT_UNBOUND] = PV_PORT_UNBOUND,
		[PV_STATE_PORT_LOOP] = PV_PORT_LOOP,
		[PV_STATE_PORT_VIRQ] = PV_PORT_VIRQ,
		[PV_STATE_PORT_IPI] = PV_PORT_IPI,
	};
	struct pv_port_state *p = pv_domain_port_take(d, s->port, kinds[s->kind]);

	p->was_bound = !!(s->flags & PV_STATE_PORT_WAS_BOUND);
	p->priority = s->priority & 15;
	p->pending =
		s->flags & PV_STATE_PORT_PENDING ||
		(s->port < PV_EVTCHN_2L_PORTS && pv_bit_test(st->domain.early_pending, s->port));
	p->vcpu = (uint16_t)s->vcpu;
	p->virq = (uint16_t)s->virq;
	p->remote_port = s->remote_port;
	p->remote_domid = s->remote_domid;
	if (s->kind == PV_STATE_PORT_VIRQ)
		d->vcpu[pv_domain_virq_is_global(s->virq) ? 0 : s->vcpu].virq_port[s->virq] =
			s->port;
}

static void apply_maps(struct pv_domain *d, const struct pv_state *st)
{
	uint32_t i, n = 0;

	/* The free list is made anew: the slots in use are not its head. */
	d->map_free = 0;
	for (i = 0; i < st->nr_maps; i++) {
		const struct pv_state_map *s = &st->map[i];
		struct pv_map_state *m = pv_domain_map_at(d, s->handle & 0xffff);

		pv_domain_map_use(d, m,
				  s->flags & PV_STATE_MAP_GUEST ? PV_MAP_GUEST : PV_MAP_CARRIED);
		m->readonly = s->flags & PV_STATE_MAP_READONLY;
		m->domid = s->domid;
		m->ref = s->ref;
		m->handle = s->handle;
		m->gpa = s->gpa;
		m->gfn = s->gfn;
	}
	for (n = d->nr_map_slots; n-- > 0;) {
		struct pv_map_state *m = pv_domain_map_at(d, n);

		if (m->kind != PV_MAP_FREE)
			continue;
		m->next = d->map_free;
		d->map_free = n + 1;
	}
}

/* What the VMM follows by hooks: places, vectors, routes, timers. */
static void tell(struct pv_domain *d, const struct pv_state *st)
{
	uint32_t i;

	for (i = 0; i < d->max_vcpus; i++) {
		uint64_t gpa = pv_domain_vcpu_info_gpa_locked(d, i);

		if (gpa != PV_NO_GPA && d->vmm.vcpu_info_set)
			d->vmm.vcpu_info_set(d->vmm.ctx, i, gpa);
		if (d->vcpu[i].upcall_vector && d->vmm.upcall_vector_set)
			d->vmm.upcall_vector_set(d->vmm.ctx, i, d->vcpu[i].upcall_vector);
		pv_domain_timer_arm(d, i);
	}
	for (i = 0; i < PV_STATE_HVM_PARAMS; i++)
		if (d->hvm_param[i] && d->vmm.hvm_param_set)
			d->vmm.hvm_param_set(d->vmm.ctx, i, d->hvm_param[i]);
	for (i = 0; i < st->nr_ports; i++)
		pv_domain_port_route(d, st->port[i].port);
}

static int restore(struct pv_domain *d, const struct pv_state *st)
{
	struct pv_fifo *fifo = NULL;
	uint32_t i;
	int rc;

	if (!is_fresh(d))
		return -PV_EBUSY;
	rc = pv_state_check(d, st);
	if (!rc)
		rc = allocate(d, st);
	if (!rc)
		rc = pv_domain_fifo_prepare(d, st, &fifo);
	if (!rc)
		rc = place_frames(d, st);
	if (!rc) {
		rc = hold_maps(d, st);
		if (rc)
			unplace(d, st, PLACES);
	}
	if (rc) {
		pv_domain_fifo_discard(d, fifo);
		return rc;
	}
	apply_domain(d, &st->domain);
	for (i = 0; i < st->nr_vcpus; i++)
		apply_vcpu(d, &st->vcpu[i]);
	for (i = 0; i < st->nr_ports; i++)
		apply_port(d, st, &st->port[i]);
	pv_domain_fifo_restore(d, st, fifo);
	apply_maps(d, st);
	d->port_hint = 1;
	tell(d, st);
	return 0;
}

int pv_domain_set_state(struct pv_domain *d, const struct pv_state *st)
{
	int rc;

	pv_domain_enter(d);
	rc = restore(d, st);
	pv_domain_leave(d);
	return rc;
}
