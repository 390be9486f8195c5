/*
 * Upcalls: finding pending ports and calling their handlers.
 *
 * Order matters everywhere here. The sender sets pending bit, selector bit (FIFO: queue and ready
 * bit), upcall_pending; we take them in reverse, each with an exchange, so that a set that comes
 * later is seen by another turn of a loop. A port's pending bit is cleared before its handler runs:
 * cleared afterwards, an event that arrives while the handler looks at its ring would be lost.
 */
#include "internal.h"
#include "evtchn.h"

unsigned pv_evtchn_run(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_slot *s = pv_evtchn_slot(pv, port);
	pv_evtchn_fn fn = s ? __atomic_load_n(&s->fn, __ATOMIC_ACQUIRE) : NULL;

	/* Without a handler the bit stays: somebody reads it with pv_evtchn_test_clear(). */
	if (!fn || !pv_evtchn_test_clear(pv, port))
		return 0;
	__atomic_fetch_add(&pv->dispatched, 1, __ATOMIC_RELAXED);
	fn(s->arg, port);
	return 1;
}

int pv_evtchn_each_bound(struct pv *pv,
			 int (*fn)(struct pv *pv, uint32_t first, uint64_t bits, void *arg),
			 void *arg)
{
	unsigned n, word;
	int rc = 0;

	for (n = 0; n < pv_evtchn_ports(pv) / PV_EVTCHN_PORTS; n++) {
		struct pv_evtchn_group *g = pv_evtchn_group(pv, n);

		for (word = 0; g && !rc && word < PV_EVTCHN_PORTS / 64; word++) {
			uint64_t bits = LOAD(&g->bound[word]);

			if (bits)
				rc = fn(pv, n * PV_EVTCHN_PORTS + word * 64, bits, arg);
		}
	}
	return rc;
}

/* 2-level words: a word holds other vCPUs' ports too, which get upcalls of their own. */
static unsigned upcall_2l(struct pv *pv, struct pv_vcpu_info *vi, unsigned vcpu)
{
	struct pv_shared_info *si = pv->shared_info;
	uint64_t sel = __atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);
	unsigned n = 0;

	for (; sel; sel &= sel - 1) {
		unsigned word = lowest_bit(sel);
		uint64_t bits = LOAD(&si->evtchn_pending[word]) & ~LOAD(&si->evtchn_mask[word]);

		for (; bits; bits &= bits - 1) {
			uint32_t port = word * 64 + lowest_bit(bits);
			struct pv_evtchn_slot *s = pv_evtchn_slot(pv, port);

			if (s && LOAD(&s->vcpu) == vcpu)
				n += pv_evtchn_run(pv, port);
		}
	}
	return n;
}

unsigned pv_upcall(struct pv *pv, unsigned vcpu)
{
	struct pv_vcpu_info *vi = pv_vcpu_info(pv, vcpu);
	unsigned n = 0;

	if (!vi)
		return 0;
	while (__atomic_exchange_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
		n += pv->evtchn.fifo ? pv->evtchn.fifo->upcall(pv, vcpu) : upcall_2l(pv, vi, vcpu);
	return n;
}

static int run_pending(struct pv *pv, uint32_t first, uint64_t bits, void *ran)
{
	/* One look at 64 ports, where their bits are in one word. */
	if (!pv->evtchn.fifo)
		bits &= LOAD(&pv->shared_info->evtchn_pending[first / 64]);
	for (; bits; bits &= bits - 1)
		*(unsigned *)ran += pv_evtchn_run(pv, first + lowest_bit(bits));
	return 0;
}

unsigned pv_poll(struct pv *pv)
{
	unsigned n = 0;

	(void)pv_evtchn_each_bound(pv, run_pending, &n);
	return n;
}

static int unmask(struct pv *pv, uint32_t first, uint64_t bits, void *arg)
{
	(void)arg;
	for (; bits; bits &= bits - 1)
		pv_evtchn_unmask(pv, first + lowest_bit(bits));
	return 0;
}

void pv_upcall_enable(struct pv *pv)
{
	pv->interrupts = 1;
	(void)pv_evtchn_each_bound(pv, unmask, NULL);
}
