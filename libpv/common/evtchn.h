/*
 * 2-level event channel words in shared memory.
 *
 * Port p is bit p % 64 of word p / 64 of evtchn_pending and evtchn_mask; bit w of a vCPU's
 * evtchn_pending_sel says that word w holds something; evtchn_upcall_pending says that the selector
 * does. `narrow`: the page has the layout of 32-bit guests, whose words have 32 bits; the bits of the pending
 * words are in the same places, the mask words and the selector are elsewhere. Whoever raises goes down that chain, whoever consumes goes up it, each step a fully ordered
 * read-modify-write, so that no event is lost between them.
 *
 * Trusts nobody: both sides write these words at any time. Callers have checked the port. A result
 * is only ever a hint to somebody else's progress, never an index.
 */
#ifndef PV_COMMON_EVTCHN_H
#define PV_COMMON_EVTCHN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pv/abi/x86_32.h>
#include <pv/abi/xen.h>

#define PV_EVTCHN_2L_PORTS	  4096u
#define PV_EVTCHN_2L_PORTS_NARROW 1024u

/* What pv_evtchn_2l_raise did. */
#define PV_EVTCHN_RAISED 1u /* the port was not pending before */
#define PV_EVTCHN_UPCALL 2u /* evtchn_upcall_pending went from 0 to 1 */

/* Make a port pending; vi is the vcpu_info of the vCPU it notifies, or NULL if it has none yet. */
unsigned pv_evtchn_2l_raise(struct pv_shared_info *si, struct pv_vcpu_info *vi, bool narrow,
			    uint32_t port);
/* Unmask; if the port is pending its vCPU hears of it: PV_EVTCHN_UPCALL or 0. */
unsigned pv_evtchn_2l_unmask(struct pv_shared_info *si, struct pv_vcpu_info *vi, bool narrow,
			     uint32_t port);
/* Say of every word that it holds something: one scan finds out. Does not raise the upcall byte. */
void pv_evtchn_2l_select_all(struct pv_vcpu_info *vi, bool narrow);
/* The opposite, for a page in which all ports are masked: nothing is selected, no upcall pending. */
void pv_evtchn_2l_select_none(struct pv_vcpu_info *vi, bool narrow);

static inline uint64_t *pv_evtchn_2l_mask(struct pv_shared_info *si, bool narrow)
{
	unsigned char *page = (unsigned char *)si;

	return narrow ? (uint64_t *)(void *)(page +
					     offsetof(struct pv_x86_32_shared_info, evtchn_mask))
		      : si->evtchn_mask;
}

/* The mask byte is only named on x86; the ABI keeps its place everywhere. */
static inline uint8_t *pv_evtchn_upcall_mask(struct pv_vcpu_info *vi)
{
	return (uint8_t *)vi + 1;
}

#endif
