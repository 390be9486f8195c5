/*
 * The table of event handlers, for libpv/guest's own files.
 */
#ifndef PV_GUEST_EVTCHN_H
#define PV_GUEST_EVTCHN_H

#include <pv/guest.h>

/* The slot of a port, or NULL: the port is out of range or was never bound. */
static inline struct pv_evtchn_slot *pv_evtchn_slot(struct pv *pv, uint32_t port)
{
	struct pv_evtchn_slot *page;

	if (port >= PV_EVTCHN_PORTS)
		return NULL;
	page = __atomic_load_n(&pv->evtchn.page[port / PV_EVTCHN_SLOTS_PER_PAGE], __ATOMIC_ACQUIRE);
	return page ? &page[port % PV_EVTCHN_SLOTS_PER_PAGE] : NULL;
}

#endif
