/*
 * Upcalls: finding pending ports and calling their handlers, 2-level ABI.
 *
 * Order matters everywhere here. The sender sets pending bit, selector bit, upcall_pending; we take
 * them in reverse, each with an exchange, so that a set that comes later is seen by another turn of
 * a loop. A port's pending bit is cleared before its handler runs: cleared afterwards, an event
 * that arrives while the handler looks at its ring would be lost.
 */
#include "internal.h"
#include "evtchn.h"

/* Runs the handlers of the ports in bits (of word); returns how many ran. */
static unsigned run_word(struct pv *pv, unsigned word, uint64_t bits)
{
	unsigned n = 0;

	for (; bits; bits &= bits - 1) {
		uint32_t port = word * 64 + lowest_bit(bits);
		struct pv_evtchn_slot *s = pv_evtchn_slot(pv, port);
		pv_evtchn_fn fn = s ? __atomic_load_n(&s->fn, __ATOMIC_ACQUIRE) : NULL;

		/* Without a handler the bit stays: somebody reads it with pv_evtchn_test_clear().
		 */
		if (!fn || !pv_bit_clear(pv->shared_info->evtchn_pending, port))
			continue;
		__atomic_fetch_add(&pv->dispatched, 1, __ATOMIC_RELAXED);
		fn(s->arg, port);
		n++;
	}
	return n;
}

/* Only this vCPU's ports: a word holds other vCPUs' ports too, which get upcalls of their own. */
static uint64_t of_vcpu(struct pv *pv, unsigned word, uint64_t bits, unsigned vcpu)
{
	uint64_t left, mine = 0;

	for (left = bits; left; left &= left - 1) {
		unsigned bit = lowest_bit(left);
		struct pv_evtchn_slot *s = pv_evtchn_slot(pv, word * 64 + bit);

		if (s && LOAD(&s->vcpu) == vcpu)
			mine |= 1ull << bit;
	}
	return mine;
}

unsigned pv_upcall(struct pv *pv, unsigned vcpu)
{
	struct pv_vcpu_info *vi = pv_vcpu_info(pv, vcpu);
	struct pv_shared_info *si = pv->shared_info;
	unsigned n = 0;

	if (!vi)
		return 0;
	while (__atomic_exchange_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST)) {
		uint64_t sel = __atomic_exchange_n(&vi->evtchn_pending_sel, 0, __ATOMIC_SEQ_CST);

		for (; sel; sel &= sel - 1) {
			unsigned word = lowest_bit(sel);
			uint64_t bits =
				LOAD(&si->evtchn_pending[word]) & ~LOAD(&si->evtchn_mask[word]);

			n += run_word(pv, word, of_vcpu(pv, word, bits, vcpu));
		}
	}
	return n;
}

unsigned pv_poll(struct pv *pv)
{
	unsigned word, n = 0;

	for (word = 0; word < PV_EVTCHN_PORTS / 64; word++) {
		uint64_t bound = LOAD(&pv->evtchn.bound[word]);

		if (bound)
			n += run_word(pv, word,
				      LOAD(&pv->shared_info->evtchn_pending[word]) & bound);
	}
	return n;
}

void pv_upcall_enable(struct pv *pv)
{
	unsigned word;
	uint64_t bits;

	pv->interrupts = 1;
	for (word = 0; word < PV_EVTCHN_PORTS / 64; word++)
		for (bits = LOAD(&pv->evtchn.bound[word]); bits; bits &= bits - 1)
			pv_evtchn_unmask(pv, word * 64 + lowest_bit(bits));
}
