/*
 * Helpers of the conformance cases: raw hypercalls and the shared words, without the library's own
 * state in between.
 */
#include "conformance.h"

int evtchn_op(unsigned op, void *arg)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_event_channel_op, op, ADDR(arg));
}

int gnttab_op(unsigned op, void *arg, unsigned count)
{
	return (int)pv_hypercall3(pv, PV_HYPERVISOR_grant_table_op, op, ADDR(arg), count);
}

int memory_op(unsigned op, void *arg)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_memory_op, op, ADDR(arg));
}

int sched_op(unsigned op, void *arg)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_sched_op, op, ADDR(arg));
}

int vcpu_op(unsigned op, unsigned vcpu, void *arg)
{
	return (int)pv_hypercall3(pv, PV_HYPERVISOR_vcpu_op, op, vcpu, ADDR(arg));
}

int hvm_op(unsigned op, void *arg)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_hvm_op, op, ADDR(arg));
}

int version_op(unsigned op, void *arg)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_xen_version, op, ADDR(arg));
}

int new_unbound(void)
{
	struct pv_evtchn_alloc_unbound a = {.dom = PV_DOMID_SELF, .remote_dom = PV_DOMID_SELF};
	int rc = evtchn_op(PV_EVTCHNOP_alloc_unbound, &a);

	if (rc)
		return rc;
	set_mask(a.port);
	return (int)a.port;
}

int new_pair(uint32_t *a, uint32_t *b)
{
	struct pv_evtchn_bind_interdomain i = {.remote_dom = PV_DOMID_SELF};
	int port = new_unbound(), rc;

	if (port < 0)
		return port;
	i.remote_port = (uint32_t)port;
	rc = evtchn_op(PV_EVTCHNOP_bind_interdomain, &i);
	if (rc) {
		close_port((uint32_t)port);
		return rc;
	}
	*a = (uint32_t)port;
	*b = i.local_port;
	set_mask(*b);
	take_pending(*a);
	take_pending(*b);
	return 0;
}

int close_port(uint32_t port)
{
	struct pv_evtchn_close c = {.port = port};
	int rc = evtchn_op(PV_EVTCHNOP_close, &c);

	if (!rc) {
		set_mask(port);
		take_pending(port);
	}
	return rc;
}

int send(uint32_t port)
{
	struct pv_evtchn_send s = {.port = port};

	return evtchn_op(PV_EVTCHNOP_send, &s);
}

int port_status(uint32_t port, struct pv_evtchn_status *s)
{
	memset(s, 0, sizeof(*s));
	s->dom = PV_DOMID_SELF;
	s->port = port;
	return evtchn_op(PV_EVTCHNOP_status, s);
}

int is_fifo(void)
{
	return pv->evtchn.fifo != NULL;
}

uint32_t word(uint32_t port)
{
	uint32_t *w = pv_evtchn_fifo_word(pv, port);

	return w ? __atomic_load_n(w, __ATOMIC_SEQ_CST) : ~0u;
}

int pending(uint32_t port)
{
	if (is_fifo())
		return word(port) != ~0u && word(port) >> PV_EVTCHN_FIFO_PENDING & 1;
	return __atomic_load_n(&pv->shared_info->evtchn_pending[port / 64], __ATOMIC_SEQ_CST) >>
		       port % 64 &
	       1;
}

int take_pending(uint32_t port)
{
	uint64_t m = 1ull << port % 64;

	if (is_fifo())
		return pv_evtchn_test_clear(pv, port);
	return (__atomic_fetch_and(&pv->shared_info->evtchn_pending[port / 64], ~m,
				   __ATOMIC_SEQ_CST) &
		m) != 0;
}

void set_mask(uint32_t port)
{
	uint32_t *w = pv_evtchn_fifo_word(pv, port);

	if (is_fifo()) {
		if (w)
			__atomic_fetch_or(w, 1u << PV_EVTCHN_FIFO_MASKED, __ATOMIC_SEQ_CST);
		return;
	}
	__atomic_fetch_or(&pv->shared_info->evtchn_mask[port / 64], 1ull << port % 64,
			  __ATOMIC_SEQ_CST);
}

void clear_mask(uint32_t port)
{
	uint32_t *w = pv_evtchn_fifo_word(pv, port);

	if (is_fifo()) {
		if (w)
			__atomic_fetch_and(w, ~(1u << PV_EVTCHN_FIFO_MASKED), __ATOMIC_SEQ_CST);
		return;
	}
	__atomic_fetch_and(&pv->shared_info->evtchn_mask[port / 64], ~(1ull << port % 64),
			   __ATOMIC_SEQ_CST);
}

int masked(uint32_t port)
{
	if (is_fifo())
		return word(port) >> PV_EVTCHN_FIFO_MASKED & 1;
	return __atomic_load_n(&pv->shared_info->evtchn_mask[port / 64], __ATOMIC_SEQ_CST) >>
		       port % 64 &
	       1;
}

int selected(uint32_t port)
{
	if (is_fifo())
		return word(port) >> PV_EVTCHN_FIFO_LINKED & 1;
	return __atomic_load_n(&pv_vcpu_info(pv, 0)->evtchn_pending_sel, __ATOMIC_SEQ_CST) >>
		       port / 64 &
	       1;
}

void clear_selector(void)
{
	struct pv_vcpu_info *vi = pv_vcpu_info(pv, 0);

	if (is_fifo()) {
		/* Queues are emptied, never forgotten. */
		__atomic_store_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST);
		pv_upcall(pv, 0);
		return;
	}
	__atomic_store_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
	__atomic_store_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
}

int wait_pending(uint32_t port, unsigned ms)
{
	uint64_t end = kernel_now() + ms * MS;

	while (!pending(port) && kernel_now() < end) {
		struct pv_sched_poll p = {.ports = ADDR(&port), .nr_ports = 1, .timeout = end};

		sched_op(PV_SCHEDOP_poll, &p);
	}
	return pending(port);
}

void sleep_ms(unsigned ms)
{
	uint64_t end = kernel_now() + ms * MS;
	struct pv_sched_poll p = {.timeout = end};

	while (kernel_now() < end)
		sched_op(PV_SCHEDOP_poll, &p);
}

int timer_port(void)
{
	struct pv_evtchn_bind_virq b = {.virq = PV_VIRQ_TIMER, .vcpu = 0};
	int rc;

	vcpu_op(PV_VCPUOP_stop_periodic_timer, 0, NULL);
	vcpu_op(PV_VCPUOP_stop_singleshot_timer, 0, NULL);
	rc = evtchn_op(PV_EVTCHNOP_bind_virq, &b);
	if (rc)
		return rc;
	set_mask(b.port);
	take_pending(b.port);
	return (int)b.port;
}

int singleshot(uint64_t at, unsigned flags)
{
	struct pv_vcpu_set_singleshot_timer s = {.timeout_abs_ns = at, .flags = flags};

	return vcpu_op(PV_VCPUOP_set_singleshot_timer, 0, &s);
}

void timer_done(uint32_t port)
{
	vcpu_op(PV_VCPUOP_stop_periodic_timer, 0, NULL);
	vcpu_op(PV_VCPUOP_stop_singleshot_timer, 0, NULL);
	close_port(port);
}

uint32_t lend(uint16_t dom, void *page, unsigned flags)
{
	int64_t ref = pv_gnttab_share(pv, dom, va_to_gfn(page), flags);

	if (ref < 0)
		panic("conformance: no grant reference: %ld", ref);
	return (uint32_t)ref;
}

struct pv_gnttab_copy copy_pages(void *from, void *to, unsigned len)
{
	struct pv_gnttab_copy c;

	memset(&c, 0, sizeof(c));
	c.source.u.gmfn = va_to_gfn(from);
	c.source.domid = PV_DOMID_SELF;
	c.dest.u.gmfn = va_to_gfn(to);
	c.dest.domid = PV_DOMID_SELF;
	c.len = (uint16_t)len;
	return c;
}

int run_copy(struct pv_gnttab_copy *c)
{
	int rc = gnttab_op(PV_GNTTABOP_copy, c, 1);

	return rc ? rc - 1000 : c->status;
}

void need_queues(unsigned vcpu)
{
	int port;

	if (!is_fifo())
		return;
	/* The library gives a vCPU its queues with its first port. */
	port = pv_evtchn_bind_ipi(pv, vcpu, NULL, NULL);
	if (port < 0 || pv_evtchn_close(pv, (uint32_t)port))
		panic("conformance: no queues for vCPU %u: %d", vcpu, port);
}

void need_interrupts(void)
{
	if (!pv->interrupts)
		kernel_interrupts_on();
}
