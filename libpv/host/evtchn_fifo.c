/*
 * FIFO event channels: the event array, the control blocks, and putting an event on a queue.
 *
 * Array pages and control blocks are guest memory that the guest writes at any time: nothing read
 * there is believed. The tails of the queues are ours, and a tail's word is the only one of a queue
 * that is looked at; links are written, never followed. So a queue that the guest has bent into a
 * circle or out of the array is its own affair. Behaviour is Xen's (xen/common/event_fifo.c).
 */
#include "access.h"
#include "domain.h"

struct pv_fifo_vcpu {
	uint64_t block_gpa;			  /* control block, or PV_NO_GPA */
	uint32_t tail[PV_EVTCHN_FIFO_MAX_QUEUES]; /* 0 = none */
};

struct pv_fifo {
	uint32_t nr_pages;
	uint64_t page_gfn[PV_FIFO_MAX_PAGES];
	struct pv_fifo_vcpu vcpu[]; /* max_vcpus */
};

static size_t fifo_size(const struct pv_domain *d)
{
	return sizeof(struct pv_fifo) + d->max_vcpus * sizeof(struct pv_fifo_vcpu);
}

static uint32_t *word_of(struct pv_domain *d, uint32_t port, int write)
{
	uint32_t page = port / PV_FIFO_PAGE_WORDS;
	uint32_t *words;

	if (page >= d->fifo->nr_pages)
		return NULL;
	words = pv_domain_page(d, d->fifo->page_gfn[page], write);
	return words ? &words[port % PV_FIFO_PAGE_WORDS] : NULL;
}

static struct pv_evtchn_fifo_control_block *block_of(struct pv_domain *d, unsigned vcpu)
{
	uint64_t gpa = d->fifo->vcpu[vcpu].block_gpa;

	return gpa == PV_NO_GPA ? NULL
				: d->vmm.gpa_map(d->vmm.ctx, gpa,
						 sizeof(struct pv_evtchn_fifo_control_block), 1);
}

/* The port's word was just LINKED: put it on its queue. True: the queue's ready bit is news. */
static bool enqueue(struct pv_domain *d, struct pv_port_state *p, uint32_t port,
		    struct pv_evtchn_fifo_control_block *block)
{
	uint32_t *old = &d->fifo->vcpu[p->queue_vcpu].tail[p->queue_priority];
	uint32_t *tail = &d->fifo->vcpu[p->vcpu].tail[p->priority];
	uint32_t *word;

	/*
	 * A queue whose tail this port was is empty, since the port was not LINKED. The tail would
	 * look LINKED from now on, wherever the port hangs.
	 */
	if (*old == port)
		*old = 0;
	p->queue_vcpu = p->vcpu;
	p->queue_priority = p->priority;
	word = *tail ? word_of(d, *tail, 1) : NULL;
	*tail = port;
	if (word && pv_evtchn_fifo_append(word, port))
		return false;
	/* Head before the ready bit: partner of the guest's look at head after it took ready. */
	__atomic_store_n(&block->head[p->priority], port, __ATOMIC_SEQ_CST);
	return !(pv_fifo_set(&block->ready, 1u << p->priority) >> p->priority & 1);
}

unsigned pv_domain_fifo_raise(struct pv_domain *d, uint32_t port)
{
	struct pv_port_state *p = pv_domain_port(d, port);
	uint32_t *word = word_of(d, port, 1);
	struct pv_evtchn_fifo_control_block *block;
	struct pv_vcpu_info *vi;
	unsigned done, ret;

	if (!word) {
		/* Kept until the array reaches it. */
		p->pending = !pv_domain_fifo_has_word(d, port);
		return 0;
	}
	/* A guest unmasks nothing before the control block is there; what it misses is its own loss
	 * (XSA-107, XSA-338). */
	block = block_of(d, p->vcpu);
	if (!block)
		return 0;
	done = pv_evtchn_fifo_raise(word);
	ret = done & PV_FIFO_NEWLY_PENDING ? PV_EVTCHN_RAISED : 0;
	if (!(done & PV_FIFO_NEWLY_LINKED) || !enqueue(d, p, port, block))
		return ret;
	vi = pv_domain_vi(d, p->vcpu, 1);
	if (vi && !__atomic_exchange_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		ret |= PV_EVTCHN_UPCALL;
	return ret;
}

unsigned pv_domain_fifo_unmask(struct pv_domain *d, uint32_t port)
{
	uint32_t *word = word_of(d, port, 1);

	if (!word)
		return 0;
	(void)pv_fifo_clear(word, PV_FIFO_MASKED);
	return pv_fifo_read(word) & PV_FIFO_PENDING ? pv_domain_fifo_raise(d, port) : 0;
}

bool pv_domain_fifo_has_word(struct pv_domain *d, uint32_t port)
{
	return port / PV_FIFO_PAGE_WORDS < d->fifo->nr_pages;
}

bool pv_domain_fifo_test(struct pv_domain *d, uint32_t port, uint32_t bits)
{
	uint32_t *word = word_of(d, port, 0);

	return word && pv_fifo_read(word) & bits;
}

void pv_domain_fifo_clear_pending(struct pv_domain *d, uint32_t port)
{
	uint32_t *word = word_of(d, port, 1);

	if (word)
		(void)pv_fifo_clear(word, PV_FIFO_PENDING);
}

bool pv_domain_fifo_gfn(struct pv_domain *d, uint64_t gfn)
{
	uint32_t i;

	if (!d->fifo)
		return false;
	for (i = 0; i < d->fifo->nr_pages; i++)
		if (d->fifo->page_gfn[i] == gfn)
			return true;
	for (i = 0; i < d->max_vcpus; i++)
		if (d->fifo->vcpu[i].block_gpa / PV_PAGE == gfn)
			return true;
	return false;
}

/* May the guest name this page? Pages that the machine may take away, or others show, it may not. */
static bool page_ok(struct pv_domain *d, uint64_t gfn)
{
	return gfn <= PV_GFN_MAX && !pv_domain_gfn_frame(d, gfn) &&
	       !pv_domain_gfn_overlaid(d, gfn, 1) && pv_domain_page(d, gfn, 1);
}

static void tell(struct pv_domain *d)
{
	if (d->vmm.event_array_set)
		d->vmm.event_array_set(d->vmm.ctx, d->fifo ? d->fifo->page_gfn : NULL,
				       d->fifo ? d->fifo->nr_pages : 0);
}

/* Sends that an engine carried out by itself need the library from now on, or no longer. */
static void reroute(struct pv_domain *d)
{
	uint32_t port;

	for (port = 1; port < PV_EVTCHN_2L_PORTS; port++) {
		const struct pv_port_state *p = pv_domain_port(d, port);

		if (p && (p->kind == PV_PORT_IPI || p->kind == PV_PORT_LOOP))
			pv_domain_port_route(d, port);
	}
}

static struct pv_fifo *fifo_new(struct pv_domain *d)
{
	struct pv_fifo *fifo = pv_domain_alloc(d, fifo_size(d));
	uint32_t i;

	for (i = 0; fifo && i < d->max_vcpus; i++)
		fifo->vcpu[i].block_gpa = PV_NO_GPA;
	return fifo;
}

/* What is pending in 2-level words stays so, and is raised again when the array reaches it. */
static void switch_over(struct pv_domain *d, struct pv_fifo *fifo)
{
	struct pv_shared_info *si = pv_domain_si(d, 0);
	uint32_t port, limit = pv_domain_port_limit(d);

	for (port = 1; port < limit; port++) {
		struct pv_port_state *p = pv_domain_port(d, port);

		if (!p)
			break;
		if (si && p->kind != PV_PORT_FREE && pv_bit_test(si->evtchn_pending, port))
			p->pending = 1;
		p->priority = PV_EVTCHN_FIFO_PRIORITY_DEFAULT;
	}
	d->fifo = fifo;
	tell(d);
	reroute(d);
}

int pv_domain_fifo_init_control(struct pv_domain *d, struct pv_evtchn_init_control *a)
{
	struct pv_fifo *fifo = d->fifo;

	if (a->vcpu >= d->max_vcpus)
		return -PV_ENOENT;
	if (a->offset > PV_PAGE - sizeof(struct pv_evtchn_fifo_control_block) || a->offset % 8)
		return -PV_EINVAL;
	if (fifo && fifo->vcpu[a->vcpu].block_gpa != PV_NO_GPA)
		return -PV_EINVAL;
	if (!page_ok(d, a->control_gfn))
		return -PV_EINVAL;
	if (!fifo) {
		fifo = fifo_new(d);
		if (!fifo)
			return -PV_ENOMEM;
	}
	fifo->vcpu[a->vcpu].block_gpa = a->control_gfn * PV_PAGE + a->offset;
	if (!d->fifo)
		switch_over(d, fifo);
	a->link_bits = PV_EVTCHN_FIFO_LINK_BITS;
	return 0;
}

int pv_domain_fifo_expand(struct pv_domain *d, uint64_t gfn)
{
	uint32_t port, end;

	if (!d->fifo)
		return -PV_EOPNOTSUPP;
	if (d->fifo->nr_pages == PV_FIFO_MAX_PAGES)
		return -PV_ENOSPC;
	if (!page_ok(d, gfn))
		return -PV_EINVAL;
	port = d->fifo->nr_pages * PV_FIFO_PAGE_WORDS;
	end = port + PV_FIFO_PAGE_WORDS;
	d->fifo->page_gfn[d->fifo->nr_pages++] = gfn;
	tell(d);
	for (; port < end; port++) {
		struct pv_port_state *p = pv_domain_port(d, port);

		if (!p)
			break;
		if (!p->pending)
			continue;
		p->pending = 0;
		pv_domain_port_raise(d, port);
	}
	return 0;
}

void pv_domain_fifo_fini(struct pv_domain *d)
{
	struct pv_fifo *fifo = d->fifo;

	if (!fifo)
		return;
	d->fifo = NULL;
	pv_domain_free(d, fifo, fifo_size(d));
	tell(d);
	reroute(d);
}

void pv_domain_fifo_save(const struct pv_domain *d, struct pv_state *st)
{
	uint32_t i;

	if (!d->fifo)
		return;
	st->domain.event_fifo = 1;
	st->domain.event_pages = d->fifo->nr_pages;
	memcpy(st->domain.event_page_gfn, d->fifo->page_gfn, sizeof(d->fifo->page_gfn));
	for (i = 0; i < d->max_vcpus; i++) {
		st->vcpu[i].fifo_block_gpa = d->fifo->vcpu[i].block_gpa;
		memcpy(st->vcpu[i].fifo_tail, d->fifo->vcpu[i].tail, sizeof(st->vcpu[i].fifo_tail));
	}
}

int pv_domain_fifo_prepare(struct pv_domain *d, const struct pv_state *st, struct pv_fifo **out)
{
	uint32_t i, q, last = 0;
	int rc;

	*out = NULL;
	if (!st->domain.event_fifo)
		return 0;
	for (i = 0; i < st->nr_vcpus; i++)
		for (q = 0; q < PV_EVTCHN_FIFO_MAX_QUEUES; q++)
			if (st->vcpu[i].fifo_tail[q] > last)
				last = st->vcpu[i].fifo_tail[q];
	rc = pv_domain_ports_populate(d, last);
	if (rc)
		return rc;
	*out = fifo_new(d);
	return *out ? 0 : -PV_ENOMEM;
}

void pv_domain_fifo_discard(struct pv_domain *d, struct pv_fifo *fifo)
{
	pv_domain_free(d, fifo, fifo_size(d));
}

bool pv_domain_fifo_places_ok(struct pv_domain *d, const struct pv_state *st)
{
	uint32_t i;

	for (i = 0; i < st->domain.event_pages; i++)
		if (!pv_domain_page(d, st->domain.event_page_gfn[i], 0))
			return false;
	for (i = 0; st->domain.event_fifo && i < st->nr_vcpus; i++)
		if (st->vcpu[i].fifo_block_gpa != PV_NO_GPA &&
		    !pv_domain_page(d, st->vcpu[i].fifo_block_gpa / PV_PAGE, 0))
			return false;
	return true;
}

void pv_domain_fifo_restore(struct pv_domain *d, const struct pv_state *st, struct pv_fifo *fifo)
{
	uint32_t i, q;

	if (!fifo)
		return;
	fifo->nr_pages = st->domain.event_pages;
	memcpy(fifo->page_gfn, st->domain.event_page_gfn, sizeof(fifo->page_gfn));
	for (i = 0; i < d->max_vcpus; i++) {
		fifo->vcpu[i].block_gpa = st->vcpu[i].fifo_block_gpa;
		for (q = 0; q < PV_EVTCHN_FIFO_MAX_QUEUES; q++) {
			uint32_t port = st->vcpu[i].fifo_tail[q];

			fifo->vcpu[i].tail[q] = port;
			if (!port)
				continue;
			pv_domain_port(d, port)->queue_vcpu = (uint16_t)i;
			pv_domain_port(d, port)->queue_priority = (uint8_t)(q & 15);
		}
	}
	d->fifo = fifo;
	tell(d);
}
