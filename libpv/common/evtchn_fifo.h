/*
 * FIFO event channel words in shared memory.
 *
 * Port p is word p of the event array. An event that was raised unmasked is LINKED: it hangs in a
 * queue, one for each vCPU and priority, whose words name the next port in their low bits. The host
 * adds at the tail, which only it knows; the guest takes from the head. A word belongs to both at
 * once: each step is one fully ordered read-modify-write. What each side may do to a LINKED word,
 * and the host's way of adding to a tail, are Xen's (xen/common/event_fifo.c).
 *
 * Trusts nobody: whatever a word holds, each function ends after a handful of steps. A link is only
 * ever a hint, to be checked against the array before it leads to a word.
 */
#ifndef PV_COMMON_EVTCHN_FIFO_H
#define PV_COMMON_EVTCHN_FIFO_H

#include <stdbool.h>
#include <stdint.h>

#include <pv/abi/event_channel.h>

#define PV_FIFO_PENDING (1u << PV_EVTCHN_FIFO_PENDING)
#define PV_FIFO_MASKED	(1u << PV_EVTCHN_FIFO_MASKED)
#define PV_FIFO_LINKED	(1u << PV_EVTCHN_FIFO_LINKED)
#define PV_FIFO_BUSY	(1u << PV_EVTCHN_FIFO_BUSY)
#define PV_FIFO_LINK	((uint32_t)PV_EVTCHN_FIFO_LINK_MASK)

#define PV_FIFO_PAGE_WORDS 1024u /* words of one page of the event array */
#define PV_FIFO_MAX_PAGES  ((uint32_t)PV_EVTCHN_FIFO_NR_CHANNELS / PV_FIFO_PAGE_WORDS)

static inline uint32_t pv_fifo_read(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_SEQ_CST);
}

/* Set or clear bits; the word as it was. */
static inline uint32_t pv_fifo_set(uint32_t *word, uint32_t bits)
{
	return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static inline uint32_t pv_fifo_clear(uint32_t *word, uint32_t bits)
{
	return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST);
}

/*
 * Host: make the PENDING bit of a word set, and LINKED if it is neither masked nor linked already.
 */
#define PV_FIFO_NEWLY_PENDING 1u
#define PV_FIFO_NEWLY_LINKED  2u
unsigned pv_evtchn_fifo_raise(uint32_t *word);

/*
 * Host: hang `port` behind the tail of a queue. False: the tail is not LINKED any more, so the
 * queue is empty and `port` is its head. A guest that keeps changing the tail against the rules
 * loses the event: true.
 */
bool pv_evtchn_fifo_append(uint32_t *tail, uint32_t port);

/* Guest: take the head of a queue off it. The port behind it, 0 if it was the last. */
static inline uint32_t pv_evtchn_fifo_unlink(uint32_t *word)
{
	return pv_fifo_clear(word, PV_FIFO_LINKED | PV_FIFO_LINK) & PV_FIFO_LINK;
}

/* Guest: clear MASKED. False: the host is busy with this word, ask it to do it. */
bool pv_evtchn_fifo_unmask(uint32_t *word);

#endif
