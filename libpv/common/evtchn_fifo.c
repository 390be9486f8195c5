/*
 * FIFO event channel words: the transitions that take more than one step.
 */
#include "evtchn_fifo.h"

/*
 * What a guest may still do to a LINKED word while BUSY keeps it from unmasking: set MASKED, clear
 * PENDING, clear LINKED; and a race with the step that set BUSY.
 */
#define MAX_TRIES 4

unsigned pv_evtchn_fifo_raise(uint32_t *word)
{
	unsigned done =
		pv_fifo_set(word, PV_FIFO_PENDING) & PV_FIFO_PENDING ? 0 : PV_FIFO_NEWLY_PENDING;

	/* PENDING before the look at MASKED: partner of MASKED before PENDING in an unmask. */
	if (pv_fifo_read(word) & PV_FIFO_MASKED)
		return done;
	if (!(pv_fifo_set(word, PV_FIFO_LINKED) & PV_FIFO_LINKED))
		done |= PV_FIFO_NEWLY_LINKED;
	return done;
}

static bool try_append(uint32_t *tail, uint32_t *seen, uint32_t port)
{
	uint32_t want = (*seen & ~(PV_FIFO_BUSY | PV_FIFO_LINK)) | port;

	return __atomic_compare_exchange_n(tail, seen, want, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_SEQ_CST);
}

bool pv_evtchn_fifo_append(uint32_t *tail, uint32_t port)
{
	uint32_t seen = pv_fifo_read(tail);
	unsigned try;

	if (!(seen & PV_FIFO_LINKED))
		return false;
	if (try_append(tail, &seen, port))
		return true;
	seen = pv_fifo_set(tail, PV_FIFO_BUSY) | PV_FIFO_BUSY;
	for (try = 0; try < MAX_TRIES && seen & PV_FIFO_LINKED; try++)
		if (try_append(tail, &seen, port)) /* and no longer BUSY */
			return true;
	(void)pv_fifo_clear(tail, PV_FIFO_BUSY);
	return seen & PV_FIFO_LINKED;
}

bool pv_evtchn_fifo_unmask(uint32_t *word)
{
	uint32_t seen = pv_fifo_read(word);

	while (!(seen & PV_FIFO_BUSY))
		if (__atomic_compare_exchange_n(word, &seen, seen & ~PV_FIFO_MASKED, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
			return true;
	return false;
}
