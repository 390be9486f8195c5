/*
 * The table of event handlers and the words of the ports, for libpv/guest's own files.
 */
#ifndef PV_GUEST_EVTCHN_H
#define PV_GUEST_EVTCHN_H

#include <pv/guest.h>
#include <pv/abi/event_channel.h>
#include "../common/evtchn_fifo.h"

#define PV_EVTCHN_GROUPS (PV_EVTCHN_FIFO_PORTS / PV_EVTCHN_PORTS)

/* A page for each vCPU: the words shared with the hypervisor, and how far the vCPU has read. */
struct pv_fifo_cpu {
	struct pv_evtchn_fifo_control_block block;
	uint32_t head[PV_EVTCHN_FIFO_MAX_QUEUES]; /* next port of each queue, 0: see block.head */
};

/*
 * One page. Pointers are set once, under the os lock, with release. The functions are reached through
 * it alone: a kernel that does not ask for FIFO words does not link them.
 */
struct pv_evtchn_fifo {
	/* Makes sure that the port has a word and the vCPU queues: 0, -PV_ENOMEM, -PV_EINVAL. */
	int (*cover)(struct pv *pv, uint32_t port, unsigned vcpu);
	/* Takes what is on the queues of the vCPU; how many handlers ran. */
	unsigned (*upcall)(struct pv *pv, unsigned vcpu);
	bool (*unmask)(uint32_t *word); /* pv_evtchn_fifo_unmask() */
	uint32_t nr_pages;		/* of words */
	uint32_t *words[PV_FIFO_MAX_PAGES];
	struct pv_fifo_cpu *cpu[PV_MAX_VCPUS];
	void *more[PV_EVTCHN_GROUPS - 1]; /* struct pv_evtchn_group */
};
_Static_assert(sizeof(struct pv_evtchn_fifo) <= PV_PAGE_SIZE, "a page");

static inline uint32_t pv_evtchn_ports(const struct pv *pv)
{
	return pv->evtchn.fifo ? PV_EVTCHN_FIFO_PORTS : PV_EVTCHN_PORTS;
}

/* Ports n * PV_EVTCHN_PORTS and following; NULL: none was ever bound. */
static inline struct pv_evtchn_group *pv_evtchn_group(struct pv *pv, unsigned n)
{
	if (!n)
		return &pv->evtchn.first;
	return pv->evtchn.fifo ? __atomic_load_n(&pv->evtchn.fifo->more[n - 1], __ATOMIC_ACQUIRE)
			       : NULL;
}

/* The slot of a port, or NULL: the port is out of range or was never bound. */
struct pv_evtchn_slot *pv_evtchn_slot(struct pv *pv, uint32_t port);

/*
 * Calls fn(pv, first, bits, arg) for 64 ports at a time, those that have a handler; stops when it
 * returns other than 0, and returns that.
 */
int pv_evtchn_each_bound(struct pv *pv,
			 int (*fn)(struct pv *pv, uint32_t first, uint64_t bits, void *arg),
			 void *arg);

/* Clears the port's pending bit and runs its handler, if it has both. 1: it ran. */
unsigned pv_evtchn_run(struct pv *pv, uint32_t port);

#endif
