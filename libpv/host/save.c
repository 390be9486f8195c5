/*
 * Writing a domain down: struct pv_state from struct pv_domain.
 *
 * The vCPUs are stopped; backends may still hold maps and ports, which are written as what they
 * will be
 * after restore: ports to be bound again, holds to be carried.
 */
#include "domain.h"

static uint32_t count_ports(struct pv_domain *d)
{
	uint32_t port, n = 0;

	for (port = 1; port < d->max_ports; port++) {
		const struct pv_port_state *p = pv_domain_port(d, port);

		n += p && p->kind != PV_PORT_FREE;
	}
	return n;
}

static uint32_t count_maps(struct pv_domain *d)
{
	uint32_t i, n = 0;

	for (i = 0; i < d->nr_map_slots; i++)
		n += pv_domain_map_at(d, i)->kind != PV_MAP_FREE;
	return n;
}

static void save_domain(const struct pv_domain *d, struct pv_state_domain *s)
{
	uint32_t i;

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->flags = (d->shut_down ? PV_STATE_SHUTDOWN : 0) |
		   (d->shutdown_code_set ? PV_STATE_SHUTDOWN_CODE : 0) |
		   (d->narrow ? PV_STATE_NARROW : 0);
	s->max_vcpus = d->max_vcpus;
	s->max_ports = d->max_ports;
	s->shutdown_reason = d->shut_down ? d->shutdown_reason : 0;
	s->shutdown_code = d->shutdown_code_set ? d->shutdown_code : 0;
	s->shared_info_gfn = d->shared_info_gfn;
	s->vm_assist = d->vm_assist;
	s->wallclock_sec = d->wc_sec;
	s->wallclock_nsec = d->wc_nsec;
	s->wallclock_version = d->wc_version;
	memcpy(s->watchdog_deadline, d->watchdog, sizeof(d->watchdog));
	memcpy(s->hvm_param, d->hvm_param, sizeof(d->hvm_param));
	s->nr_pages = d->nr_pages;
	s->grant_version = d->grant_version;
	for (i = 0; d->grant_version == 2 && i < PV_STATE_STATUS_FRAMES; i++)
		s->grant_status_gfn[i] = d->status_gfn[i];
	s->grant_frames = d->grant_frames;
	for (i = 0; i < PV_STATE_GRANT_FRAMES; i++)
		s->grant_frame_gfn[i] = d->grant_gfn[i];
	memcpy(s->grant_seed, d->grant_seed, sizeof(d->grant_seed));
}

static void save_vcpu(const struct pv_vcpu *v, uint32_t id, struct pv_state_vcpu *s)
{
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->id = id;
	s->flags = (v->initialised ? PV_STATE_VCPU_INITIALISED : 0) |
		   (v->up ? PV_STATE_VCPU_UP : 0) |
		   (v->runstate_phys ? PV_STATE_VCPU_RUNSTATE_PHYS : 0) |
		   (v->time_phys ? PV_STATE_VCPU_TIME_PHYS : 0);
	s->upcall_vector = v->upcall_vector;
	s->vcpu_info_gpa = v->info_gpa;
	s->runstate_gva = v->runstate_gva;
	s->time_gva = v->time_gva;
	s->singleshot_ns = v->singleshot;
	s->period_ns = v->period;
	s->period_next_ns = v->period ? v->period_next : 0;
	s->runstate = v->runstate;
	s->time_version = v->time_version;
	s->runstate_entry_ns = v->runstate_entry;
	memcpy(s->runstate_ns, v->runstate_time, sizeof(s->runstate_ns));
}

static void save_port(const struct pv_port_state *p, uint32_t port, struct pv_state_port *s)
{
	static const uint16_t kinds[] = {
		[PV_PORT_UNBOUND] = PV_STATE_PORT_UNBOUND, [PV_PORT_HOST] = PV_STATE_PORT_UNBOUND,
		[PV_PORT_LOOP] = PV_STATE_PORT_LOOP,	   [PV_PORT_VIRQ] = PV_STATE_PORT_VIRQ,
		[PV_PORT_IPI] = PV_STATE_PORT_IPI,
	};

	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->port = port;
	s->kind = kinds[p->kind];
	s->flags = p->kind == PV_PORT_HOST || p->was_bound ? PV_STATE_PORT_WAS_BOUND : 0;
	s->flags |= p->pending ? PV_STATE_PORT_PENDING : 0;
	s->vcpu = p->vcpu;
	s->virq = p->virq;
	s->remote_port = p->remote_port;
	s->remote_domid = p->remote_domid;
	s->priority = p->priority;
}

static void save_map(const struct pv_map_state *m, struct pv_state_map *s)
{
	memset(s, 0, sizeof(*s));
	s->size = sizeof(*s);
	s->handle = m->handle;
	s->ref = m->ref;
	s->domid = m->domid;
	s->flags = (uint16_t)((m->readonly ? PV_STATE_MAP_READONLY : 0) |
			      (m->kind == PV_MAP_GUEST ? PV_STATE_MAP_GUEST : 0));
	s->gfn = m->gfn;
	s->gpa = m->gpa;
}

static void save_all(struct pv_domain *d, struct pv_state *st)
{
	uint32_t i, n = 0;

	save_domain(d, &st->domain);
	for (i = 0; i < d->max_vcpus; i++)
		save_vcpu(&d->vcpu[i], i, &st->vcpu[i]);
	pv_domain_fifo_save(d, st);
	for (i = 1; i < d->max_ports; i++) {
		const struct pv_port_state *p = pv_domain_port(d, i);

		if (p && p->kind != PV_PORT_FREE)
			save_port(p, i, &st->port[n++]);
	}
	for (i = 0, n = 0; i < d->nr_map_slots; i++) {
		const struct pv_map_state *m = pv_domain_map_at(d, i);

		if (m->kind != PV_MAP_FREE)
			save_map(m, &st->map[n++]);
	}
}

int pv_domain_get_state(struct pv_domain *d, struct pv_state *st)
{
	uint32_t ports, maps;
	int rc = -PV_ENOBUFS;

	pv_domain_enter(d);
	ports = count_ports(d);
	maps = count_maps(d);
	if (st->nr_vcpus >= d->max_vcpus && st->nr_ports >= ports && st->nr_maps >= maps) {
		save_all(d, st);
		rc = 0;
	}
	st->nr_vcpus = d->max_vcpus;
	st->nr_ports = ports;
	st->nr_maps = maps;
	pv_domain_leave(d);
	return rc;
}
