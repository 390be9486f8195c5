/*
 * 2-level event channel words: the transitions.
 *
 * Both sides are hostile to each other here; every access is one atomic operation on one word.
 */
#include "bits.h"
#include "evtchn.h"

/* Mark word w in the selector and raise the upcall byte: PV_EVTCHN_UPCALL or 0. */
static unsigned select_word(struct pv_vcpu_info *vi, unsigned w)
{
	uint64_t bit = 1ull << w;

	if (__atomic_fetch_or(&vi->evtchn_pending_sel, bit, __ATOMIC_SEQ_CST) & bit)
		return 0; /* whoever set it raises the upcall byte too */
	if (__atomic_exchange_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		return 0;
	return PV_EVTCHN_UPCALL;
}

unsigned pv_evtchn_2l_raise(struct pv_shared_info *si, struct pv_vcpu_info *vi, uint32_t port)
{
	if (pv_bit_set(si->evtchn_pending, port))
		return 0;
	if (!vi || pv_bit_test(si->evtchn_mask, port))
		return PV_EVTCHN_RAISED;
	return PV_EVTCHN_RAISED | select_word(vi, port / 64);
}

unsigned pv_evtchn_2l_unmask(struct pv_shared_info *si, struct pv_vcpu_info *vi, uint32_t port)
{
	/* Ordered before the test of pending: partner of set-pending-then-test-mask in raise. */
	if (!pv_bit_clear(si->evtchn_mask, port))
		return 0;
	if (!vi || !pv_bit_test(si->evtchn_pending, port))
		return 0;
	return select_word(vi, port / 64);
}
