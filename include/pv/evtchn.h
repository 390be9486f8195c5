/*
 * Event channels in a guest: binding, sending, masking, and calling handlers.
 *
 * A domain starts with 2-level words, up to PV_EVTCHN_PORTS ports; pv_evtchn_fifo_init() changes
 * over to FIFO words: up to PV_EVTCHN_FIFO_PORTS, in the order of sending, with priorities. All
 * else is the same either way. Every function takes the guest context; ports are the domain's own
 * numbers. The hypervisor is trusted; a peer can only make a handler run more often than it wished,
 * never with a wrong port.
 *
 * Interrupt mode and polling mode share one table of handlers (see pv_upcall_enable() in guest.h):
 * in polling mode ports stay masked and pv_poll() finds them by their pending bits; in interrupt
 * mode bound ports are unmasked and pv_upcall() finds them by the selector or, FIFO, on the queues
 * of its vCPU. Either way a port's
 * pending bit is cleared BEFORE its handler runs: an event that arrives while the handler runs
 * starts it again.
 *
 * Concurrency: binding, closing and changing handlers take the os lock. Handlers run in the context
 * of the upcall or poll, with no lock held; a handler may send, mask, unmask and call wake, and
 * must not bind or close in interrupt context.
 */
#ifndef PV_EVTCHN_H
#define PV_EVTCHN_H

#include <stdint.h>

struct pv;

#define PV_EVTCHN_PORTS	     4096u /* 64 words of 64 bits */
#define PV_EVTCHN_FIFO_PORTS 131072u

typedef void (*pv_evtchn_fn)(void *arg, uint32_t port);

/* Private: one handler; a slot with fn == NULL is free. */
struct pv_evtchn_slot {
	pv_evtchn_fn fn;
	void *arg;
	uint32_t vcpu; /* whose upcall announces the port */
	uint32_t pad[3];
};

#define PV_EVTCHN_SLOTS_PER_PAGE (4096u / (unsigned)sizeof(struct pv_evtchn_slot))
#define PV_EVTCHN_SLOT_PAGES	 (PV_EVTCHN_PORTS / PV_EVTCHN_SLOTS_PER_PAGE)

/* Private to libpv: handlers of 4096 ports in pages from pages_alloc, and which ports have one. */
struct pv_evtchn_group {
	void *page[PV_EVTCHN_SLOT_PAGES]; /* PV_EVTCHN_SLOTS_PER_PAGE slots each */
	uint64_t bound[PV_EVTCHN_PORTS / 64];
};

struct pv_evtchn_fifo;

/* Private to libpv. */
struct pv_evtchn_table {
	struct pv_evtchn_group first;
	struct pv_evtchn_fifo *fifo; /* NULL: 2-level words; further groups are there too */
};

/*
 * Changes over to FIFO event channels, as Linux does where it can. Called once after pv_init(), on
 * a vCPU that holds upcalls off while no other runs, before or after pv_upcall_enable(); handlers,
 * masks and pending events stay. 0; -PV_ENOSYS and other errors of a hypervisor that does not offer
 * it, and -PV_ENOMEM: everything is as it was, 2-level. Needs a page, one for each 1024 ports and
 * one for each vCPU that events are bound to, from pages_alloc, for good (no malloc, no static
 * memory): later binding calls may fail with -PV_ENOMEM for want of one.
 *
 * A domain that was suspended and resumed elsewhere finds itself with 2-level words and no ports
 * at all; one that was moved by its host, or whose suspend was cancelled, notices nothing.
 */
int pv_evtchn_fifo_init(struct pv *pv);

/*
 * FIFO: which events come first: 0 the first, 15 the last, PV_EVTCHN_FIFO_PRIORITY_DEFAULT (7) after
 * binding. For events to come. -PV_ENOSYS with 2-level words, -PV_EINVAL for a bad port or priority.
 */
int pv_evtchn_set_priority(struct pv *pv, uint32_t port, uint32_t priority);

/* FIFO: the port's word (PV_EVTCHN_FIFO_* bits), NULL with 2-level words or where there is none: to
 * look at, the library changes it. */
uint32_t *pv_evtchn_fifo_word(const struct pv *pv, uint32_t port);

/*
 * The binding calls return the new port (> 0) or -PV_E*; fn may be NULL (the port is then only sent
 * to, or read with pv_evtchn_test_clear()). -PV_ENOMEM: no page for the handler table (nothing
 * stays bound). Other errors are the hypervisor's.
 */
int pv_evtchn_alloc_unbound(struct pv *pv, uint16_t remote, pv_evtchn_fn fn, void *arg);
int pv_evtchn_bind_interdomain(struct pv *pv, uint16_t remote, uint32_t remote_port,
			       pv_evtchn_fn fn, void *arg);
int pv_evtchn_bind_virq(struct pv *pv, uint32_t virq, unsigned vcpu, pv_evtchn_fn fn, void *arg);
int pv_evtchn_bind_ipi(struct pv *pv, unsigned vcpu, pv_evtchn_fn fn, void *arg);
/* Events of the port go to this vCPU from now on. */
int pv_evtchn_bind_vcpu(struct pv *pv, uint32_t port, unsigned vcpu);

/* Gives a port that exists already (console, xenstore) a handler, or takes it away with fn == NULL;
 * unmasks as the binding calls do. */
int pv_evtchn_handle(struct pv *pv, uint32_t port, pv_evtchn_fn fn, void *arg);

/* Forgets the handler, closes the port and clears its pending bit. -PV_EINVAL: no such port. */
int pv_evtchn_close(struct pv *pv, uint32_t port);

int pv_evtchn_send(struct pv *pv, uint32_t port);

/* Masks a port: no upcall for it; its pending bit still gets set. */
void pv_evtchn_mask(struct pv *pv, uint32_t port);
/* Unmasks; if the port became pending meanwhile its vCPU gets the upcall now. 0 or -PV_E*. */
int pv_evtchn_unmask(struct pv *pv, uint32_t port);

/* 1: the port was pending, and no longer is; 0: it was not. For code without a handler. */
int pv_evtchn_test_clear(struct pv *pv, uint32_t port);
int pv_evtchn_is_pending(const struct pv *pv, uint32_t port);

/*
 * Blocks this vCPU until one of n (at most 128) ports is pending, masked or not, or until
 * deadline_ns of the hypervisor's system time (pv_time_now(); 0: none). Returns at once if one is
 * pending already or if an unmasked event waits for delivery. Returns 0 in every case, the deadline
 * included; -PV_EINVAL for a bad port or n.
 */
int pv_evtchn_poll(struct pv *pv, const uint32_t *ports, unsigned n, uint64_t deadline_ns);

/* The same on every port that has a handler (the first 128 of them, then for 10 ms at most). */
int pv_evtchn_poll_bound(struct pv *pv, uint64_t deadline_ns);

#endif
