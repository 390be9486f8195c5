/*
 * Event channels: binding ports to handlers, masking, sending.
 *
 * The hypervisor is trusted to return valid ports; a port out of range is refused all the same,
 * because it would index our tables.
 */
#include "internal.h"
#include "evtchn.h"
#include <pv/abi/event_channel.h>
#include <pv/abi/sched.h>

#define POLL_MAX 128u /* ports in one SCHEDOP_poll (xen/common/sched/core.c, do_poll) */

uint32_t *pv_evtchn_fifo_word(const struct pv *pv, uint32_t port)
{
	uint32_t *words;

	if (!pv->evtchn.fifo || port >= PV_EVTCHN_FIFO_PORTS)
		return NULL;
	words = __atomic_load_n(&pv->evtchn.fifo->words[port / PV_FIFO_PAGE_WORDS],
				__ATOMIC_ACQUIRE);
	return words ? &words[port % PV_FIFO_PAGE_WORDS] : NULL;
}

struct pv_evtchn_slot *pv_evtchn_slot(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_group *g;
	struct pv_evtchn_slot *page;
	uint32_t n = port % PV_EVTCHN_PORTS;

	if (port >= pv_evtchn_ports(pv))
		return NULL;
	g = pv_evtchn_group(pv, port / PV_EVTCHN_PORTS);
	if (!g)
		return NULL;
	page = __atomic_load_n(&g->page[n / PV_EVTCHN_SLOTS_PER_PAGE], __ATOMIC_ACQUIRE);
	return page ? &page[n % PV_EVTCHN_SLOTS_PER_PAGE] : NULL;
}

static int evtchn_op(struct pv *pv, unsigned op, void *arg)
{
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_event_channel_op, op, handle(arg));
}

static int close_port(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_close c = {.port = port};

	return evtchn_op(pv, PV_EVTCHNOP_close, &c);
}

/* Makes sure that the port has a slot. Pages are never given back: the table only grows. */
static int page_at(struct pv *pv, void **where)
{
	void *page, *none = NULL;

	if (__atomic_load_n(where, __ATOMIC_ACQUIRE))
		return 0;
	page = page_alloc(pv);
	if (!page)
		return -PV_ENOMEM;
	/* Another CPU may have been quicker. */
	if (!__atomic_compare_exchange_n(where, &none, page, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		page_free(pv, page);
	return 0;
}

static int slot_page(struct pv *pv, uint32_t port)
{
	uint32_t group = port / PV_EVTCHN_PORTS, n = port % PV_EVTCHN_PORTS;
	int rc = 0;

	if (!port || port >= pv_evtchn_ports(pv))
		return -PV_EINVAL;
	if (group)
		rc = page_at(pv, &pv->evtchn.fifo->more[group - 1]);
	if (rc)
		return rc;
	return page_at(pv, &pv_evtchn_group(pv, group)->page[n / PV_EVTCHN_SLOTS_PER_PAGE]);
}

int pv_evtchn_handle(struct pv *pv, uint32_t port, pv_evtchn_fn fn, void *arg)
{
	struct pv_evtchn_group *g;
	struct pv_evtchn_slot *s;
	unsigned long flags;
	int rc = slot_page(pv, port);

	if (rc)
		return rc;
	g = pv_evtchn_group(pv, port / PV_EVTCHN_PORTS);
	s = pv_evtchn_slot(pv, port);
	if (pv->evtchn.fifo)
		rc = pv->evtchn.fifo->cover(pv, port, LOAD(&s->vcpu));
	if (rc)
		return rc;
	flags = pv_lock(pv);
	/* A handler that is being replaced may run once more, with its own argument. */
	pv_evtchn_mask(pv, port);
	__atomic_store_n(&s->fn, (pv_evtchn_fn)NULL, __ATOMIC_RELEASE);
	s->arg = arg;
	__atomic_store_n(&s->fn, fn, __ATOMIC_RELEASE);
	if (fn)
		pv_bit_set(g->bound, port % PV_EVTCHN_PORTS);
	else
		pv_bit_clear(g->bound, port % PV_EVTCHN_PORTS);
	pv_unlock(pv, flags);
	if (fn && pv->interrupts)
		return pv_evtchn_unmask(pv, port);
	return 0;
}

/* A port that the hypervisor has just given us: the port, or an error and nothing left behind. */
static int bound(struct pv *pv, uint32_t port, unsigned vcpu, pv_evtchn_fn fn, void *arg)
{
	int rc = slot_page(pv, port);

	if (!rc) {
		pv_evtchn_slot(pv, port)->vcpu = vcpu;
		rc = pv_evtchn_handle(pv, port, fn, arg);
	}
	if (rc) {
		close_port(pv, port);
		return rc;
	}
	return (int)port;
}

int pv_evtchn_alloc_unbound(struct pv *pv, uint16_t remote, pv_evtchn_fn fn, void *arg)
{
	struct pv_evtchn_alloc_unbound a = {.dom = PV_DOMID_SELF, .remote_dom = remote};
	int rc = evtchn_op(pv, PV_EVTCHNOP_alloc_unbound, &a);

	return rc ? rc : bound(pv, a.port, 0, fn, arg);
}

int pv_evtchn_bind_interdomain(struct pv *pv, uint16_t remote, uint32_t remote_port,
			       pv_evtchn_fn fn, void *arg)
{
	struct pv_evtchn_bind_interdomain b = {.remote_dom = remote, .remote_port = remote_port};
	int rc = evtchn_op(pv, PV_EVTCHNOP_bind_interdomain, &b);

	return rc ? rc : bound(pv, b.local_port, 0, fn, arg);
}

int pv_evtchn_bind_virq(struct pv *pv, uint32_t virq, unsigned vcpu, pv_evtchn_fn fn, void *arg)
{
	struct pv_evtchn_bind_virq b = {.virq = virq, .vcpu = vcpu};
	int rc = evtchn_op(pv, PV_EVTCHNOP_bind_virq, &b);

	return rc ? rc : bound(pv, b.port, vcpu, fn, arg);
}

int pv_evtchn_bind_ipi(struct pv *pv, unsigned vcpu, pv_evtchn_fn fn, void *arg)
{
	struct pv_evtchn_bind_ipi b = {.vcpu = vcpu};
	int rc = evtchn_op(pv, PV_EVTCHNOP_bind_ipi, &b);

	return rc ? rc : bound(pv, b.port, vcpu, fn, arg);
}

static int is_masked(struct pv *pv, uint32_t port)
{
	if (pv->evtchn.fifo)
		return pv_fifo_read(pv_evtchn_fifo_word(pv, port)) & PV_FIFO_MASKED;
	return pv_bit_test(pv->shared_info->evtchn_mask, port);
}

int pv_evtchn_bind_vcpu(struct pv *pv, uint32_t port, unsigned vcpu)
{
	struct pv_evtchn_bind_vcpu b = {.port = port, .vcpu = vcpu};
	struct pv_evtchn_slot *s = pv_evtchn_slot(pv, port);
	int rc, masked;

	if (!s || !port)
		return -PV_EINVAL;
	rc = pv->evtchn.fifo ? pv->evtchn.fifo->cover(pv, port, vcpu) : 0;
	if (rc)
		return rc;
	/*
	 * An event that was announced to the old vCPU would be skipped there once the slot says
	 * otherwise; unmasking announces it again, to the new one.
	 */
	masked = is_masked(pv, port);
	pv_evtchn_mask(pv, port);
	rc = evtchn_op(pv, PV_EVTCHNOP_bind_vcpu, &b);
	if (!rc)
		STORE(&s->vcpu, vcpu);
	if (!masked)
		pv_evtchn_unmask(pv, port);
	return rc;
}

int pv_evtchn_close(struct pv *pv, uint32_t port)
{
	int rc;

	if (!port || port >= pv_evtchn_ports(pv))
		return -PV_EINVAL;
	if (pv_evtchn_slot(pv, port)) {
		rc = pv_evtchn_handle(pv, port, NULL, NULL);
		if (rc)
			return rc;
	}
	pv_evtchn_mask(pv, port);
	rc = close_port(pv, port);
	/* The number comes back with the next binding; a stale bit would fire its handler. */
	if (!rc)
		pv_evtchn_test_clear(pv, port);
	return rc;
}

int pv_evtchn_send(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_send s = {.port = port};

	return evtchn_op(pv, PV_EVTCHNOP_send, &s);
}

void pv_evtchn_mask(struct pv *pv, uint32_t port)
{
	uint32_t *word = pv_evtchn_fifo_word(pv, port);

	if (word)
		(void)pv_fifo_set(word, PV_FIFO_MASKED);
	else if (!pv->evtchn.fifo && port < PV_EVTCHN_PORTS)
		pv_bit_set(pv->shared_info->evtchn_mask, port);
}

/* Clears the mask. 1: the hypervisor has to be asked, as the port is pending or its word busy. */
static int unmask_fifo(struct pv *pv, uint32_t *word)
{
	/* The hypervisor sets pending, then reads the mask: each a full barrier, one sees the other. */
	return !pv->evtchn.fifo->unmask(word) || pv_fifo_read(word) & PV_FIFO_PENDING;
}

static int unmask_2l(struct pv_shared_info *si, uint32_t port)
{
	if (pv_bit_test(si->evtchn_pending, port))
		return 1;
	pv_bit_clear(si->evtchn_mask, port);
	/*
	 * A sender may have set pending while the mask was still there, and then raised nothing.
	 * Both sides do a full barrier between their write and their read, so at least one of us
	 * sees it.
	 */
	if (!pv_bit_test(si->evtchn_pending, port))
		return 0;
	pv_bit_set(si->evtchn_mask, port);
	return 1;
}

int pv_evtchn_unmask(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_unmask u = {.port = port};
	uint32_t *word = pv_evtchn_fifo_word(pv, port);

	if (pv->evtchn.fifo ? !word : port >= PV_EVTCHN_PORTS)
		return -PV_EINVAL;
	if (word ? !unmask_fifo(pv, word) : !unmask_2l(pv->shared_info, port))
		return 0;
	return evtchn_op(pv, PV_EVTCHNOP_unmask, &u);
}

int pv_evtchn_test_clear(struct pv *pv, uint32_t port)
{
	uint32_t *word = pv_evtchn_fifo_word(pv, port);

	if (pv->evtchn.fifo)
		return word && pv_fifo_clear(word, PV_FIFO_PENDING) & PV_FIFO_PENDING;
	return port < PV_EVTCHN_PORTS && pv_bit_clear(pv->shared_info->evtchn_pending, port);
}

int pv_evtchn_is_pending(const struct pv *pv, uint32_t port)
{
	const uint32_t *word = pv_evtchn_fifo_word(pv, port);

	if (pv->evtchn.fifo)
		return word && pv_fifo_read(word) & PV_FIFO_PENDING;
	return port < PV_EVTCHN_PORTS && pv_bit_test(pv->shared_info->evtchn_pending, port);
}

int pv_evtchn_poll(struct pv *pv, const uint32_t *ports, unsigned n, uint64_t deadline_ns)
{
	struct pv_sched_poll p = {.ports = handle(ports), .nr_ports = n, .timeout = deadline_ns};

	if (n > POLL_MAX)
		return -PV_EINVAL;
	return (int)pv_hypercall2(pv, PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, handle(&p));
}
