/*
 * FIFO event channels: changing over, growing the array, and taking events off the queues.
 *
 * The hypervisor is trusted: its queues end. What it puts in a queue is checked all the same before
 * it indexes the array.
 */
#include "internal.h"
#include "evtchn.h"

static int init_control(struct pv *pv, struct pv_fifo_cpu *cpu, unsigned vcpu)
{
	struct pv_evtchn_init_control a = {
		.control_gfn = pv->os.va_to_gfn(pv->os.ctx, &cpu->block),
		.vcpu = vcpu,
	};

	return (int)pv_hypercall2(pv, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_init_control,
				  handle(&a));
}

/* A page for the array: every port masked until it is bound. */
static uint32_t *new_words(struct pv *pv)
{
	uint32_t *words = page_alloc(pv), i;

	for (i = 0; words && i < PV_FIFO_PAGE_WORDS; i++)
		words[i] = PV_FIFO_MASKED;
	return words;
}

/* Under the lock, or before anybody else knows of it. */
static int expand(struct pv *pv, struct pv_evtchn_fifo *fifo, uint32_t *words)
{
	struct pv_evtchn_expand_array a = {pv->os.va_to_gfn(pv->os.ctx, words)};
	int rc = (int)pv_hypercall2(pv, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_expand_array,
				    handle(&a));

	if (!rc) {
		__atomic_store_n(&fifo->words[fifo->nr_pages], words, __ATOMIC_RELEASE);
		STORE(&fifo->nr_pages, fifo->nr_pages + 1);
	}
	return rc;
}

static int cover_port(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_fifo *fifo = pv->evtchn.fifo;
	unsigned long flags;
	uint32_t *words;
	int rc = 0;

	while (!rc && port / PV_FIFO_PAGE_WORDS >= LOAD(&fifo->nr_pages)) {
		words = new_words(pv);
		if (!words)
			return -PV_ENOMEM;
		flags = pv_lock(pv);
		/* Another CPU may have been quicker. */
		if (port / PV_FIFO_PAGE_WORDS >= fifo->nr_pages) {
			rc = expand(pv, fifo, words);
			if (!rc)
				words = NULL;
		}
		pv_unlock(pv, flags);
		if (words)
			page_free(pv, words);
	}
	return rc;
}

static int cover_cpu(struct pv *pv, unsigned vcpu)
{
	struct pv_evtchn_fifo *fifo = pv->evtchn.fifo;
	struct pv_fifo_cpu *cpu;
	unsigned long flags;
	int rc = 0;

	if (vcpu >= PV_MAX_VCPUS)
		return -PV_EINVAL;
	if (__atomic_load_n(&fifo->cpu[vcpu], __ATOMIC_ACQUIRE))
		return 0;
	cpu = page_alloc(pv);
	if (!cpu)
		return -PV_ENOMEM;
	flags = pv_lock(pv);
	if (!fifo->cpu[vcpu]) {
		rc = init_control(pv, cpu, vcpu);
		if (!rc) {
			__atomic_store_n(&fifo->cpu[vcpu], cpu, __ATOMIC_RELEASE);
			cpu = NULL;
		}
	}
	pv_unlock(pv, flags);
	if (cpu)
		page_free(pv, cpu);
	return rc;
}

static int cover(struct pv *pv, uint32_t port, unsigned vcpu)
{
	int rc = cover_cpu(pv, vcpu);

	return rc ? rc : cover_port(pv, port);
}

/* Ports whose pages exist so far: what the array has to reach from the start, and at least 1. */
static uint32_t ports_in_use(const struct pv *pv)
{
	uint32_t i = PV_EVTCHN_SLOT_PAGES;

	while (i && !pv->evtchn.first.page[i - 1])
		i--;
	return i ? i * PV_EVTCHN_SLOTS_PER_PAGE : 1;
}

static int resume(struct pv *pv, uint32_t first, uint64_t bits, void *arg)
{
	int rc;

	(void)arg;
	for (; bits; bits &= bits - 1) {
		uint32_t port = first + lowest_bit(bits);

		rc = cover_cpu(pv, LOAD(&pv_evtchn_slot(pv, port)->vcpu));
		if (!rc && pv->interrupts)
			rc = pv_evtchn_unmask(pv, port);
		if (rc)
			return rc;
	}
	return 0;
}

int pv_evtchn_set_priority(struct pv *pv, uint32_t port, uint32_t priority)
{
	struct pv_evtchn_set_priority a = {port, priority};

	return (int)pv_hypercall2(pv, PV_HYPERVISOR_event_channel_op, PV_EVTCHNOP_set_priority,
				  handle(&a));
}

/* Queues that were empty and are no longer. Before heads: partner of head before ready bit. */
static uint32_t take_ready(struct pv_fifo_cpu *c)
{
	return __atomic_exchange_n(&c->block.ready, 0, __ATOMIC_SEQ_CST) &
	       ((1u << PV_EVTCHN_FIFO_MAX_QUEUES) - 1);
}

static unsigned upcall(struct pv *pv, unsigned vcpu)
{
	struct pv_fifo_cpu *c = __atomic_load_n(&pv->evtchn.fifo->cpu[vcpu], __ATOMIC_ACQUIRE);
	uint32_t ready, port, *word;
	unsigned q, n = 0;

	if (!c)
		return 0;
	ready = take_ready(c);
	/* Look again after each event: one of a higher priority may have come meanwhile. */
	for (; ready; ready |= take_ready(c)) {
		q = lowest_bit(ready);
		port = c->head[q] ? c->head[q] : pv_fifo_read(&c->block.head[q]);
		word = pv_evtchn_fifo_word(pv, port);
		c->head[q] = word ? pv_evtchn_fifo_unlink(word) : 0;
		if (!c->head[q])
			ready &= ~(1u << q);
		if (word && !(pv_fifo_read(word) & PV_FIFO_MASKED))
			n += pv_evtchn_run(pv, port);
	}
	return n;
}

int pv_evtchn_fifo_init(struct pv *pv)
{
	uint32_t *words[PV_EVTCHN_PORTS / PV_FIFO_PAGE_WORDS] = {NULL};
	uint32_t i, pages = (ports_in_use(pv) + PV_FIFO_PAGE_WORDS - 1) / PV_FIFO_PAGE_WORDS;
	struct pv_evtchn_fifo *fifo;
	struct pv_fifo_cpu *cpu;
	unsigned vcpu = pv_vcpu_id(pv);
	int rc = -PV_ENOMEM;

	if (pv->evtchn.fifo)
		return 0;
	if (vcpu >= PV_MAX_VCPUS)
		return -PV_EINVAL;
	/* There is no way back: all memory first. */
	fifo = page_alloc(pv);
	cpu = page_alloc(pv);
	for (i = 0; i < pages && (words[i] = new_words(pv)); i++)
		;
	if (fifo && cpu && i == pages)
		rc = init_control(pv, cpu, vcpu);
	if (rc) {
		while (i-- > 0)
			page_free(pv, words[i]);
		if (cpu)
			page_free(pv, cpu);
		if (fifo)
			page_free(pv, fifo);
		return rc;
	}
	fifo->cover = cover;
	fifo->upcall = upcall;
	fifo->unmask = pv_evtchn_fifo_unmask;
	fifo->cpu[vcpu] = cpu;
	for (i = 0; !rc && i < pages; i++)
		rc = expand(pv, fifo, words[i]);
	__atomic_store_n(&pv->evtchn.fifo, fifo, __ATOMIC_RELEASE);
	return rc ? rc : pv_evtchn_each_bound(pv, resume, NULL);
}
