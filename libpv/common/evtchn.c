/*
 * 2-level event channel words: the transitions.
 *
 * Both sides are hostile to each other here; every access is one atomic operation on one word.
 */
#include "bits.h"
#include "evtchn.h"

#ifdef __x86_64__ /* elsewhere there is one layout for all guests, and `narrow` is false */
_Static_assert(offsetof(struct pv_x86_32_shared_info, evtchn_pending) ==
		       offsetof(struct pv_shared_info, evtchn_pending),
	       "pending bits are in the same places");
_Static_assert(offsetof(struct pv_x86_32_vcpu_info, time) == offsetof(struct pv_vcpu_info, time),
	       "and so are clocks");
#endif

static uint32_t *narrow_sel(struct pv_vcpu_info *vi)
{
	return &((struct pv_x86_32_vcpu_info *)(void *)vi)->evtchn_pending_sel;
}

/* Set the selector bit of the port's word; whether it was set before. */
static bool select_word(struct pv_vcpu_info *vi, bool narrow, uint32_t port)
{
	uint64_t bit = 1ull << (narrow ? port / 32 : port / 64);

	if (narrow)
		return __atomic_fetch_or(narrow_sel(vi), (uint32_t)bit, __ATOMIC_SEQ_CST) & bit;
	return __atomic_fetch_or(&vi->evtchn_pending_sel, bit, __ATOMIC_SEQ_CST) & bit;
}

/* Mark the port's word in the selector and raise the upcall byte: PV_EVTCHN_UPCALL or 0. */
static unsigned announce(struct pv_vcpu_info *vi, bool narrow, uint32_t port)
{
	if (select_word(vi, narrow, port))
		return 0; /* whoever set it raises the upcall byte too */
	if (__atomic_exchange_n(&vi->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
		return 0;
	return PV_EVTCHN_UPCALL;
}

unsigned pv_evtchn_2l_raise(struct pv_shared_info *si, struct pv_vcpu_info *vi, bool narrow,
			    uint32_t port)
{
	if (pv_bit_set(si->evtchn_pending, port))
		return 0;
	if (!vi || pv_bit_test(pv_evtchn_2l_mask(si, narrow), port))
		return PV_EVTCHN_RAISED;
	return PV_EVTCHN_RAISED | announce(vi, narrow, port);
}

unsigned pv_evtchn_2l_unmask(struct pv_shared_info *si, struct pv_vcpu_info *vi, bool narrow,
			     uint32_t port)
{
	/* Ordered before the test of pending: partner of set-pending-then-test-mask in raise. */
	if (!pv_bit_clear(pv_evtchn_2l_mask(si, narrow), port))
		return 0;
	if (!vi || !pv_bit_test(si->evtchn_pending, port))
		return 0;
	return announce(vi, narrow, port);
}

static void select_words(struct pv_vcpu_info *vi, bool narrow, uint64_t words)
{
	if (narrow)
		__atomic_store_n(narrow_sel(vi), (uint32_t)words, __ATOMIC_SEQ_CST);
	else
		__atomic_store_n(&vi->evtchn_pending_sel, words, __ATOMIC_SEQ_CST);
}

void pv_evtchn_2l_select_all(struct pv_vcpu_info *vi, bool narrow)
{
	select_words(vi, narrow, UINT64_MAX);
}

void pv_evtchn_2l_select_none(struct pv_vcpu_info *vi, bool narrow)
{
	select_words(vi, narrow, 0);
	__atomic_store_n(&vi->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
}
