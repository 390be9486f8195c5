/*
 * Event channels: the table of ports, raising, closing, and the host-side ends.
 *
 * The guest names ports by number; a number is checked in pv_domain_port() and nowhere else.
 * Ports live in buckets that are allocated when first needed, bounded by max_ports.
 */
#include "domain.h"

int pv_domain_ports_populate(struct pv_domain *d, uint32_t max_port)
{
	uint32_t b;

	for (b = 0; b <= max_port / PV_PORT_BUCKET; b++) {
		if (d->ports[b])
			continue;
		d->ports[b] = pv_domain_alloc(d, sizeof(struct pv_port_state) * PV_PORT_BUCKET);
		if (!d->ports[b])
			return -PV_ENOMEM;
	}
	return 0;
}

static uint32_t nr_buckets(const struct pv_domain *d)
{
	return (d->max_ports + PV_PORT_BUCKET - 1) / PV_PORT_BUCKET;
}

int pv_domain_ports_init(struct pv_domain *d)
{
	d->ports = pv_domain_alloc(d, nr_buckets(d) * sizeof(*d->ports));
	if (!d->ports || pv_domain_ports_populate(d, 0))
		return -PV_ENOMEM;
	d->ports[0][0].kind = PV_PORT_RESERVED;
	d->port_hint = 1;
	return 0;
}

void pv_domain_ports_fini(struct pv_domain *d)
{
	uint32_t b, i;

	pv_domain_fifo_discard(d, d->fifo);
	for (b = 0; d->ports && b < nr_buckets(d); b++) {
		for (i = 0; d->ports[b] && i < PV_PORT_BUCKET; i++)
			if (d->ports[b][i].kind == PV_PORT_HOST)
				d->ports[b][i].host->port = 0;
		pv_domain_free(d, d->ports[b], sizeof(struct pv_port_state) * PV_PORT_BUCKET);
	}
	pv_domain_free(d, d->ports, nr_buckets(d) * sizeof(*d->ports));
}

struct pv_port_state *pv_domain_port(struct pv_domain *d, uint32_t port)
{
	if (port >= d->max_ports || !d->ports[port / PV_PORT_BUCKET])
		return NULL;
	return &d->ports[port / PV_PORT_BUCKET][port % PV_PORT_BUCKET];
}

/* How many ports 2-level words have: what a guest got in its other layout has none (XSA-342). */
static uint32_t words_2l(const struct pv_domain *d)
{
	return d->narrow ? PV_EVTCHN_2L_PORTS_NARROW : PV_EVTCHN_2L_PORTS;
}

uint32_t pv_domain_port_limit(const struct pv_domain *d)
{
	uint32_t words = d->fifo ? (uint32_t)PV_EVTCHN_FIFO_NR_CHANNELS : words_2l(d);

	return d->max_ports < words ? d->max_ports : words;
}

int pv_domain_port_alloc(struct pv_domain *d)
{
	uint32_t port, limit = pv_domain_port_limit(d), hint = limit;

	for (port = d->port_hint; port < limit; port++) {
		struct pv_port_state *p = pv_domain_port(d, port);

		if (!p && pv_domain_ports_populate(d, port))
			return -PV_ENOMEM;
		if (p && p->kind != PV_PORT_FREE)
			continue;
		if (hint == limit)
			hint = port;
		/* On a queue from its former life: it would be delivered where that queue is. */
		if (!p || !d->fifo || !pv_domain_fifo_test(d, port, PV_FIFO_LINKED))
			break;
	}
	d->port_hint = hint;
	return port < limit ? (int)port : -PV_ENOSPC;
}

struct pv_port_state *pv_domain_port_take(struct pv_domain *d, uint32_t port,
					  enum pv_port_kind kind)
{
	struct pv_port_state *p = pv_domain_port(d, port);

	p->kind = (uint8_t)kind;
	p->priority = PV_EVTCHN_FIFO_PRIORITY_DEFAULT;
	d->nr_ports++;
	return p;
}

bool pv_domain_port_pending(struct pv_domain *d, uint32_t port)
{
	const struct pv_port_state *p = pv_domain_port(d, port);
	struct pv_shared_info *si;

	if (p->pending)
		return true;
	if (d->fifo)
		return pv_domain_fifo_test(d, port, PV_FIFO_PENDING);
	si = pv_domain_si(d, 0);
	return si && port < words_2l(d) && pv_bit_test(si->evtchn_pending, port);
}

static void wake_pollers(struct pv_domain *d, unsigned but)
{
	uint32_t i;

	for (i = 0; d->nr_pollers && i < d->max_vcpus; i++)
		if (d->vcpu[i].polling && i != but)
			d->vmm.kick(d->vmm.ctx, i, PV_KICK_EVENT);
}

/* What a change of words means for the vCPUs: done is a set of PV_EVTCHN_*. */
static void announce(struct pv_domain *d, unsigned vcpu, unsigned done)
{
	if (done)
		d->vmm.kick(d->vmm.ctx, vcpu,
			    (done & PV_EVTCHN_RAISED ? PV_KICK_EVENT : 0) |
				    (done & PV_EVTCHN_UPCALL ? PV_KICK_UPCALL : 0));
	if (done & PV_EVTCHN_RAISED)
		wake_pollers(d, vcpu);
}

void pv_domain_port_raise(struct pv_domain *d, uint32_t port)
{
	struct pv_port_state *p = pv_domain_port(d, port);
	struct pv_shared_info *si;

	if (d->fifo) {
		announce(d, p->vcpu, pv_domain_fifo_raise(d, port));
		return;
	}
	si = pv_domain_si(d, 1);
	if (si && port < words_2l(d))
		announce(d, p->vcpu,
			 pv_evtchn_2l_raise(si, pv_domain_vi(d, p->vcpu, 1), d->narrow, port));
	else
		p->pending = 1;
}

void pv_domain_port_unmask(struct pv_domain *d, uint32_t port)
{
	struct pv_port_state *p = pv_domain_port(d, port);
	struct pv_shared_info *si;

	if (d->fifo) {
		announce(d, p->vcpu, pv_domain_fifo_unmask(d, port));
		return;
	}
	si = pv_domain_si(d, 1);
	if (si && port < words_2l(d))
		announce(d, p->vcpu,
			 pv_evtchn_2l_unmask(si, pv_domain_vi(d, p->vcpu, 1), d->narrow, port));
}

static void clear_pending(struct pv_domain *d, uint32_t port)
{
	struct pv_shared_info *si;

	pv_domain_port(d, port)->pending = 0;
	if (d->fifo) {
		pv_domain_fifo_clear_pending(d, port);
		return;
	}
	si = pv_domain_si(d, 1);
	if (si && port < words_2l(d))
		(void)pv_bit_clear(si->evtchn_pending, port);
}

static struct pv_route route_of(struct pv_domain *d, uint32_t port)
{
	const struct pv_port_state *p = pv_domain_port(d, port);
	struct pv_route r = {0};

	if (!p)
		return r;
	if (p->kind == PV_PORT_HOST && p->host->kick != PV_KICK_INDEX_NONE) {
		r.kind = PV_ROUTE_KICK;
		r.kick = p->host->kick;
		return r;
	}
	if (d->fifo) /* the tails of its queues are ours alone */
		return r;
	if (p->kind == PV_PORT_IPI) {
		r.kind = PV_ROUTE_LOCAL;
		r.port = port;
		r.vcpu = p->vcpu;
	} else if (p->kind == PV_PORT_LOOP) {
		r.kind = PV_ROUTE_LOCAL;
		r.port = p->remote_port;
		r.vcpu = pv_domain_port(d, p->remote_port)->vcpu;
	}
	return r;
}

void pv_domain_port_route(struct pv_domain *d, uint32_t port)
{
	const struct pv_port_state *p = pv_domain_port(d, port);

	if (!d->vmm.route_changed)
		return;
	d->vmm.route_changed(d->vmm.ctx, port, route_of(d, port));
	if (p && p->kind == PV_PORT_LOOP) /* the other end's sends arrive at our vCPU */
		d->vmm.route_changed(d->vmm.ctx, p->remote_port, route_of(d, p->remote_port));
}

struct pv_route pv_domain_route(struct pv_domain *d, uint32_t port)
{
	struct pv_route r;

	pv_domain_enter(d);
	r = route_of(d, port);
	pv_domain_leave(d);
	return r;
}

int pv_domain_port_close(struct pv_domain *d, uint32_t port)
{
	struct pv_port_state *p = pv_domain_port(d, port), *other;

	if (!p || p->kind == PV_PORT_FREE || p->kind == PV_PORT_RESERVED)
		return -PV_EINVAL;
	if (p->kind == PV_PORT_HOST)
		p->host->port = 0;
	if (p->kind == PV_PORT_VIRQ)
		d->vcpu[pv_domain_virq_is_global(p->virq) ? 0 : p->vcpu].virq_port[p->virq] = 0;
	if (p->kind == PV_PORT_LOOP) {
		other = pv_domain_port(d, p->remote_port);
		other->kind = PV_PORT_UNBOUND;
		other->remote_domid = d->domid;
		other->remote_port = 0;
		pv_domain_port_route(d, p->remote_port);
	}
	clear_pending(d, port);
	*p = (struct pv_port_state){
		.kind = PV_PORT_FREE,
		.queue_vcpu = p->queue_vcpu,
		.queue_priority = p->queue_priority,
	};
	d->nr_ports--;
	if (port < d->port_hint)
		d->port_hint = port;
	pv_domain_port_route(d, port);
	return 0;
}

bool pv_domain_virq_is_global(uint32_t virq)
{
	return virq != PV_VIRQ_TIMER && virq != PV_VIRQ_DEBUG && virq != PV_VIRQ_XENOPROF &&
	       virq != PV_VIRQ_XENPMU;
}

int pv_domain_virq_locked(struct pv_domain *d, unsigned vcpu, uint32_t virq)
{
	uint32_t port;

	if (virq >= PV_NR_VIRQS)
		return -PV_EINVAL;
	if (pv_domain_virq_is_global(virq))
		vcpu = 0;
	if (vcpu >= d->max_vcpus)
		return -PV_EINVAL;
	port = d->vcpu[vcpu].virq_port[virq];
	if (port)
		pv_domain_port_raise(d, port);
	return 0;
}

int pv_domain_virq(struct pv_domain *d, unsigned vcpu, uint32_t virq)
{
	int rc;

	pv_domain_enter(d);
	rc = pv_domain_virq_locked(d, vcpu, virq);
	pv_domain_leave(d);
	return rc;
}

int pv_domain_evtchn_alloc_unbound(struct pv_domain *d, uint16_t remote_domid)
{
	int port;

	pv_domain_enter(d);
	port = pv_domain_port_alloc(d);
	if (port >= 0)
		pv_domain_port_take(d, (uint32_t)port, PV_PORT_UNBOUND)->remote_domid =
			remote_domid;
	pv_domain_leave(d);
	return port;
}

int pv_domain_evtchn_bind_host(struct pv_domain *d, struct pv_host_port *hp, uint32_t port)
{
	struct pv_port_state *p;
	int rc = -PV_EINVAL;

	pv_domain_enter(d);
	p = pv_domain_port(d, port);
	if (p && p->kind == PV_PORT_UNBOUND && p->remote_domid == hp->domid && !hp->port) {
		p->kind = PV_PORT_HOST;
		p->was_bound = 0;
		p->host = hp;
		hp->port = port;
		pv_domain_port_route(d, port);
		/* Sends before the binding were dropped: one kick stands for them. */
		if (hp->fn)
			hp->fn(hp->arg);
		rc = 0;
	}
	pv_domain_leave(d);
	return rc;
}

void pv_domain_evtchn_unbind_host(struct pv_domain *d, struct pv_host_port *hp)
{
	struct pv_port_state *p;

	pv_domain_enter(d);
	if (hp->port) {
		p = pv_domain_port(d, hp->port);
		p->kind = PV_PORT_UNBOUND;
		p->remote_domid = hp->domid;
		p->host = NULL;
		pv_domain_port_route(d, hp->port);
		hp->port = 0;
	}
	pv_domain_leave(d);
}

int pv_domain_evtchn_send(struct pv_domain *d, struct pv_host_port *hp)
{
	int rc = -PV_ENOTCONN;

	pv_domain_enter(d);
	if (hp->port) {
		pv_domain_port_raise(d, hp->port);
		rc = 0;
	}
	pv_domain_leave(d);
	return rc;
}

int pv_domain_evtchn_close(struct pv_domain *d, uint32_t port)
{
	int rc;

	pv_domain_enter(d);
	rc = pv_domain_port_close(d, port);
	pv_domain_leave(d);
	return rc;
}
