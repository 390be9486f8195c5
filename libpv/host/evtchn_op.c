/*
 * HYPERVISOR_event_channel_op: what a guest may do with its ports.
 *
 * Errors are Xen's (xen/common/event_channel.c), which the conformance guest compares. A guest
 * has only itself
 * to bind to: backends are host-side ends and bind from their own side.
 */
#include "access.h"
#include "domain.h"

#include <pv/abi/event_channel.h>

union evtchn_arg {
	struct pv_evtchn_alloc_unbound alloc_unbound;
	struct pv_evtchn_bind_interdomain interdomain;
	struct pv_evtchn_bind_virq virq;
	struct pv_evtchn_bind_ipi ipi;
	struct pv_evtchn_close close;
	struct pv_evtchn_send send;
	struct pv_evtchn_status status;
	struct pv_evtchn_bind_vcpu bind_vcpu;
	struct pv_evtchn_unmask unmask;
	struct pv_evtchn_reset reset;
	struct pv_evtchn_init_control init_control;
	struct pv_evtchn_expand_array expand_array;
	struct pv_evtchn_set_priority priority;
};

/* Another domain: the one that always exists may not be touched, the rest does not exist. */
static int not_self(const struct pv_domain *d, uint16_t domid)
{
	if (pv_domain_is_self(d, domid))
		return 0;
	return domid == 0 ? -PV_EPERM : -PV_ESRCH;
}

static int do_alloc_unbound(struct pv_domain *d, struct pv_evtchn_alloc_unbound *a)
{
	int port = not_self(d, a->dom);

	if (!port)
		port = pv_domain_port_alloc(d);
	if (port > 0) {
		struct pv_port_state *p = pv_domain_port_take(d, (uint32_t)port, PV_PORT_UNBOUND);

		p->remote_domid = a->remote_dom == PV_DOMID_SELF ? d->domid : a->remote_dom;
		a->port = (uint32_t)port;
	}
	return port;
}

static int do_bind_interdomain(struct pv_domain *d, struct pv_evtchn_bind_interdomain *a)
{
	struct pv_port_state *p, *other;
	int port;

	if (!pv_domain_is_self(d, a->remote_dom))
		return -PV_ESRCH;
	port = pv_domain_port_alloc(d);
	if (port < 0)
		return port;
	other = pv_domain_port(d, a->remote_port);
	if (!other || other->kind != PV_PORT_UNBOUND || other->remote_domid != d->domid)
		return -PV_EINVAL; /* nothing was taken: an allocated port is still free */
	p = pv_domain_port_take(d, (uint32_t)port, PV_PORT_LOOP);
	p->remote_port = a->remote_port;
	p->remote_domid = d->domid;
	other->kind = PV_PORT_LOOP;
	other->was_bound = 0;
	other->remote_port = (uint32_t)port;
	a->local_port = (uint32_t)port;
	pv_domain_port_route(d, (uint32_t)port);
	/* Sends before the binding were dropped: one event stands for them. */
	pv_domain_port_raise(d, (uint32_t)port);
	return port;
}

static int do_bind_virq(struct pv_domain *d, struct pv_evtchn_bind_virq *a)
{
	struct pv_port_state *p;
	int port;

	if (a->virq >= PV_NR_VIRQS)
		return -PV_EINVAL;
	if (pv_domain_virq_is_global(a->virq) && a->vcpu)
		return -PV_EINVAL;
	if (a->vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	if (d->vcpu[a->vcpu].virq_port[a->virq])
		return -PV_EEXIST;
	port = pv_domain_port_alloc(d);
	if (port < 0)
		return port;
	p = pv_domain_port_take(d, (uint32_t)port, PV_PORT_VIRQ);
	p->virq = (uint16_t)a->virq;
	p->vcpu = (uint16_t)a->vcpu;
	d->vcpu[a->vcpu].virq_port[a->virq] = (uint32_t)port;
	a->port = (uint32_t)port;
	return port;
}

static int do_bind_ipi(struct pv_domain *d, struct pv_evtchn_bind_ipi *a)
{
	struct pv_port_state *p;
	int port;

	if (a->vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	port = pv_domain_port_alloc(d);
	if (port < 0)
		return port;
	p = pv_domain_port_take(d, (uint32_t)port, PV_PORT_IPI);
	p->vcpu = (uint16_t)a->vcpu;
	a->port = (uint32_t)port;
	pv_domain_port_route(d, (uint32_t)port);
	return port;
}

static int do_send(struct pv_domain *d, uint32_t port)
{
	struct pv_port_state *p = pv_domain_port(d, port);

	switch (p ? p->kind : PV_PORT_FREE) {
	case PV_PORT_HOST:
		if (p->host->fn)
			p->host->fn(p->host->arg);
		return 0;
	case PV_PORT_LOOP: pv_domain_port_raise(d, p->remote_port); return 0;
	case PV_PORT_IPI: pv_domain_port_raise(d, port); return 0;
	case PV_PORT_UNBOUND: return 0;
	default: return -PV_EINVAL;
	}
}

static int do_status(struct pv_domain *d, struct pv_evtchn_status *a)
{
	int rc = not_self(d, a->dom);
	struct pv_port_state *p;

	if (rc)
		return rc;
	p = pv_domain_port(d, a->port);
	if (!p)
		return -PV_EINVAL;
	memset(&a->u, 0, sizeof(a->u));
	a->vcpu = p->vcpu;
	a->status = PV_EVTCHNSTAT_closed;
	switch (p->kind) {
	case PV_PORT_UNBOUND:
		a->status = PV_EVTCHNSTAT_unbound;
		a->u.unbound.dom = p->remote_domid;
		break;
	case PV_PORT_HOST:
		a->status = PV_EVTCHNSTAT_interdomain;
		a->u.interdomain.dom = p->remote_domid;
		break;
	case PV_PORT_LOOP:
		a->status = PV_EVTCHNSTAT_interdomain;
		a->u.interdomain.dom = d->domid;
		a->u.interdomain.port = p->remote_port;
		break;
	case PV_PORT_VIRQ:
		a->status = PV_EVTCHNSTAT_virq;
		a->u.virq = p->virq;
		break;
	case PV_PORT_IPI: a->status = PV_EVTCHNSTAT_ipi; break;
	default: break;
	}
	return 0;
}

static int do_bind_vcpu(struct pv_domain *d, const struct pv_evtchn_bind_vcpu *a)
{
	struct pv_port_state *p = pv_domain_port(d, a->port);

	if (a->vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	if (!p)
		return -PV_EINVAL;
	switch (p->kind) {
	case PV_PORT_VIRQ:
		if (!pv_domain_virq_is_global(p->virq))
			return -PV_EINVAL;
		break;
	case PV_PORT_UNBOUND:
	case PV_PORT_HOST:
	case PV_PORT_LOOP: break;
	default: return -PV_EINVAL;
	}
	p->vcpu = (uint16_t)a->vcpu;
	pv_domain_port_route(d, a->port);
	return 0;
}

static int do_unmask(struct pv_domain *d, uint32_t port)
{
	struct pv_port_state *p = pv_domain_port(d, port);

	if (!p)
		return -PV_EINVAL;
	/* As Xen: nothing happens to the words of a port that is nobody's. */
	if (p->kind != PV_PORT_FREE && p->kind != PV_PORT_RESERVED)
		pv_domain_port_unmask(d, port);
	return 0;
}

/*
 * Others may bind, send and grow the array whenever the lock is given up. What they bound behind
 * our back is theirs to close; the words stay as they are for it (XSA-358, XSA-505).
 */
static int do_reset(struct pv_domain *d, const struct pv_evtchn_reset *a)
{
	int rc = not_self(d, a->dom);
	uint32_t port;

	if (rc)
		return rc;
	if (d->resetting)
		return -PV_EBUSY;
	d->resetting = true;
	for (port = 1; pv_domain_port(d, port); port++) {
		(void)pv_domain_port_close(d, port);
		if (port % PV_PORT_BUCKET == 0)
			pv_domain_breathe(d);
	}
	d->resetting = false;
	if (d->nr_ports)
		return -PV_EAGAIN;
	pv_domain_fifo_fini(d);
	return 0;
}

static int do_set_priority(struct pv_domain *d, const struct pv_evtchn_set_priority *a)
{
	struct pv_port_state *p = pv_domain_port(d, a->port);

	if (!p)
		return -PV_EINVAL;
	if (!d->fifo)
		return -PV_ENOSYS;
	if (a->priority > PV_EVTCHN_FIFO_PRIORITY_MIN)
		return -PV_EINVAL;
	/* For events to come: one that is queued already stays where it is. */
	p->priority = a->priority & 15;
	return 0;
}

/* How much of the argument is read, and whether results are written back. */
static const struct {
	uint8_t size;
	bool out;
} shape[] = {
	[PV_EVTCHNOP_bind_interdomain] = {sizeof(struct pv_evtchn_bind_interdomain), true},
	[PV_EVTCHNOP_bind_virq] = {sizeof(struct pv_evtchn_bind_virq), true},
	[PV_EVTCHNOP_close] = {sizeof(struct pv_evtchn_close), false},
	[PV_EVTCHNOP_send] = {sizeof(struct pv_evtchn_send), false},
	[PV_EVTCHNOP_status] = {sizeof(struct pv_evtchn_status), true},
	[PV_EVTCHNOP_alloc_unbound] = {sizeof(struct pv_evtchn_alloc_unbound), true},
	[PV_EVTCHNOP_bind_ipi] = {sizeof(struct pv_evtchn_bind_ipi), true},
	[PV_EVTCHNOP_bind_vcpu] = {sizeof(struct pv_evtchn_bind_vcpu), false},
	[PV_EVTCHNOP_unmask] = {sizeof(struct pv_evtchn_unmask), false},
	[PV_EVTCHNOP_reset] = {sizeof(struct pv_evtchn_reset), false},
	[PV_EVTCHNOP_init_control] = {sizeof(struct pv_evtchn_init_control), true},
	[PV_EVTCHNOP_expand_array] = {sizeof(struct pv_evtchn_expand_array), false},
	[PV_EVTCHNOP_set_priority] = {sizeof(struct pv_evtchn_set_priority), false},
};

static int run(struct pv_domain *d, uint64_t cmd, union evtchn_arg *a)
{
	switch (cmd) {
	case PV_EVTCHNOP_alloc_unbound: return do_alloc_unbound(d, &a->alloc_unbound);
	case PV_EVTCHNOP_bind_interdomain: return do_bind_interdomain(d, &a->interdomain);
	case PV_EVTCHNOP_bind_virq: return do_bind_virq(d, &a->virq);
	case PV_EVTCHNOP_bind_ipi: return do_bind_ipi(d, &a->ipi);
	case PV_EVTCHNOP_close: return pv_domain_port_close(d, a->close.port);
	case PV_EVTCHNOP_send: return do_send(d, a->send.port);
	case PV_EVTCHNOP_status: return do_status(d, &a->status);
	case PV_EVTCHNOP_bind_vcpu: return do_bind_vcpu(d, &a->bind_vcpu);
	case PV_EVTCHNOP_unmask: return do_unmask(d, a->unmask.port);
	case PV_EVTCHNOP_reset: return do_reset(d, &a->reset);
	case PV_EVTCHNOP_init_control: return pv_domain_fifo_init_control(d, &a->init_control);
	case PV_EVTCHNOP_expand_array: return pv_domain_fifo_expand(d, a->expand_array.array_gfn);
	case PV_EVTCHNOP_set_priority: return do_set_priority(d, &a->priority);
	default: return -PV_ENOSYS;
	}
}

int64_t pv_do_event_channel_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg)
{
	union evtchn_arg a;
	int rc;

	if (arg[0] >= sizeof(shape) / sizeof(shape[0]) || !shape[arg[0]].size)
		return -PV_ENOSYS;
	memset(&a, 0, sizeof(a));
	rc = pv_guest_read(d, vcpu, &a, arg[1], shape[arg[0]].size);
	if (rc)
		return rc;
	rc = run(d, arg[0], &a);
	if (rc < 0 || !shape[arg[0]].out)
		return rc < 0 ? rc : 0;
	if (pv_guest_write(d, vcpu, arg[1], &a, shape[arg[0]].size)) {
		/* rc > 0 is a port made by this very call; nobody else has heard of it. */
		if (rc > 0)
			(void)pv_domain_port_close(d, (uint32_t)rc);
		return -PV_EFAULT;
	}
	return 0;
}
