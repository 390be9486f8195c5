/*
 * event_channel: notifications between domains, from the hypervisor, and between vCPUs.
 *
 * HYPERVISOR_event_channel_op(cmd, struct *). A port is one end; sending on it makes the other end's
 * port pending. Two forms of the shared words: 2-level (in pv_shared_info) and FIFO (below).
 * Source: xen/include/public/event_channel.h.
 */
#ifndef PV_ABI_EVENT_CHANNEL_H
#define PV_ABI_EVENT_CHANNEL_H

#include <pv/abi/xen.h>

#define PV_EVTCHNOP_bind_interdomain 0
#define PV_EVTCHNOP_bind_virq	     1
#define PV_EVTCHNOP_bind_pirq	     2
#define PV_EVTCHNOP_close	     3
#define PV_EVTCHNOP_send	     4
#define PV_EVTCHNOP_status	     5
#define PV_EVTCHNOP_alloc_unbound    6
#define PV_EVTCHNOP_bind_ipi	     7
#define PV_EVTCHNOP_bind_vcpu	     8
#define PV_EVTCHNOP_unmask	     9
#define PV_EVTCHNOP_reset	     10
#define PV_EVTCHNOP_init_control     11
#define PV_EVTCHNOP_expand_array     12
#define PV_EVTCHNOP_set_priority     13

/* A new port of `dom` (the caller, or a domain it controls) that `remote_dom` may bind to. */
struct pv_evtchn_alloc_unbound {
	uint16_t dom, remote_dom; /* in */
	uint32_t port;		  /* out */
};
PV_ABI_SIZE(struct pv_evtchn_alloc_unbound, 8);

/*
 * A new local port, connected to a port that the remote domain left unbound for the caller. The
 * local port is made pending at once, in case something was sent before.
 */
struct pv_evtchn_bind_interdomain {
	uint16_t remote_dom;  /* in */
	uint32_t remote_port; /* in */
	uint32_t local_port;  /* out */
};
PV_ABI_SIZE(struct pv_evtchn_bind_interdomain, 12);

/* One port at a time per VIRQ (global ones) or per VIRQ and vCPU: -PV_EEXIST otherwise. */
struct pv_evtchn_bind_virq {
	uint32_t virq; /* in: PV_VIRQ_* */
	uint32_t vcpu; /* in: 0 for global VIRQs */
	uint32_t port; /* out */
};
PV_ABI_SIZE(struct pv_evtchn_bind_virq, 12);

struct pv_evtchn_bind_pirq {
	uint32_t pirq;	/* in */
	uint32_t flags; /* in: PV_BIND_PIRQ__WILL_SHARE */
	uint32_t port;	/* out */
};
PV_ABI_SIZE(struct pv_evtchn_bind_pirq, 12);
#define PV_BIND_PIRQ__WILL_SHARE 1

/* A port that raises itself on `vcpu`; it can never move to another. */
struct pv_evtchn_bind_ipi {
	uint32_t vcpu; /* in */
	uint32_t port; /* out */
};
PV_ABI_SIZE(struct pv_evtchn_bind_ipi, 8);

/* The remote end of an interdomain channel becomes unbound again, for its old peer. */
struct pv_evtchn_close {
	uint32_t port; /* in */
};
PV_ABI_SIZE(struct pv_evtchn_close, 4);

struct pv_evtchn_send {
	uint32_t port; /* in: the sender's own port */
};
PV_ABI_SIZE(struct pv_evtchn_send, 4);

struct pv_evtchn_status {
	uint16_t dom;	 /* in */
	uint32_t port;	 /* in */
	uint32_t status; /* out: PV_EVTCHNSTAT_* */
	uint32_t vcpu;	 /* out: which vCPU it notifies */
	union {
		struct {
			uint16_t dom; /* who may bind */
		} unbound;
		struct {
			uint16_t dom;
			uint32_t port;
		} interdomain;
		uint32_t pirq;
		uint32_t virq;
	} u; /* out, by status */
};
PV_ABI_SIZE(struct pv_evtchn_status, 24);
#define PV_EVTCHNSTAT_closed	  0
#define PV_EVTCHNSTAT_unbound	  1
#define PV_EVTCHNSTAT_interdomain 2
#define PV_EVTCHNSTAT_pirq	  3
#define PV_EVTCHNSTAT_virq	  4
#define PV_EVTCHNSTAT_ipi	  5

/* New channels notify vCPU 0. Not for IPIs nor for VIRQs of a vCPU. */
struct pv_evtchn_bind_vcpu {
	uint32_t port; /* in */
	uint32_t vcpu; /* in */
};
PV_ABI_SIZE(struct pv_evtchn_bind_vcpu, 8);

/* Unmasks the port; if it is pending, raises the upcall that the mask had held back. */
struct pv_evtchn_unmask {
	uint32_t port; /* in */
};
PV_ABI_SIZE(struct pv_evtchn_unmask, 4);

/* Closes every port of `dom` and returns it to 2-level words. */
struct pv_evtchn_reset {
	uint16_t dom; /* in */
};
PV_ABI_SIZE(struct pv_evtchn_reset, 2);

/* The FIFO control block of one vCPU; the first call switches the domain to FIFO words. */
struct pv_evtchn_init_control {
	uint64_t control_gfn; /* in */
	uint32_t offset;      /* in: within the frame, a multiple of 8 */
	uint32_t vcpu;	      /* in */
	uint8_t link_bits;    /* out: PV_EVTCHN_FIFO_LINK_BITS */
	uint8_t _pad[7];
};
PV_ABI_SIZE(struct pv_evtchn_init_control, 24);

/* One more page of event words, 1024 ports; a page once given cannot be taken back. */
struct pv_evtchn_expand_array {
	uint64_t array_gfn; /* in */
};
PV_ABI_SIZE(struct pv_evtchn_expand_array, 8);

struct pv_evtchn_set_priority {
	uint32_t port;	   /* in */
	uint32_t priority; /* in: 0 (first) to 15 */
};
PV_ABI_SIZE(struct pv_evtchn_set_priority, 8);

/* Ports of the 2-level form: 64 selector bits, 64 bits each. */
#define PV_EVTCHN_2L_NR_CHANNELS 4096

#define PV_EVTCHN_FIFO_PRIORITY_MAX	0
#define PV_EVTCHN_FIFO_PRIORITY_DEFAULT 7
#define PV_EVTCHN_FIFO_PRIORITY_MIN	15
#define PV_EVTCHN_FIFO_MAX_QUEUES	(PV_EVTCHN_FIFO_PRIORITY_MIN + 1)

/* Bits of a FIFO event word; the low PV_EVTCHN_FIFO_LINK_BITS are the next port, 0 ends a queue. */
#define PV_EVTCHN_FIFO_PENDING	   31
#define PV_EVTCHN_FIFO_MASKED	   30
#define PV_EVTCHN_FIFO_LINKED	   29 /* on a queue */
#define PV_EVTCHN_FIFO_BUSY	   28 /* the hypervisor is updating the link */
#define PV_EVTCHN_FIFO_LINK_BITS   17
#define PV_EVTCHN_FIFO_LINK_MASK   ((1 << PV_EVTCHN_FIFO_LINK_BITS) - 1)
#define PV_EVTCHN_FIFO_NR_CHANNELS (1 << PV_EVTCHN_FIFO_LINK_BITS)

struct pv_evtchn_fifo_control_block {
	uint32_t ready; /* bit per priority: its queue went from empty to not empty */
	uint32_t _rsvd;
	uint32_t head[PV_EVTCHN_FIFO_MAX_QUEUES]; /* first port of each queue */
};
PV_ABI_SIZE(struct pv_evtchn_fifo_control_block, 72);

#endif
