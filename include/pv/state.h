/*
 * pv/state.h: the state of a domain as plain structs
 *
 * What pv_domain_get_state writes and pv_domain_set_state accepts: everything the host side knows
 * about a domain that is not in guest memory (memory, vCPU registers, xenstore and devices have
 * owners of their own). Save, migration, live upgrade and tests use only these structs.
 *
 * Layout: fixed-width integers, explicit padding, no pointers in the records; little endian in
 * streams. Every record starts with its size, which is its version: in memory it is sizeof of the
 * struct, and records only ever grow at their end, so whoever reads an older one from a stream
 * fills its tail with zeros and sets the size.
 *
 * Trust: a state may come from a hostile stream. set_state checks every field and has no effect
 * on error.
 */
#ifndef PV_STATE_H
#define PV_STATE_H

#include <stdint.h>

#define PV_STATE_NO_GPA UINT64_MAX /* "nowhere", for the gfn and gpa fields below */

#define PV_STATE_HVM_PARAMS    40 /* >= HVM_NR_PARAMS; unused tail 0 */
#define PV_STATE_GRANT_FRAMES  64
#define PV_STATE_GRANT_SEEDS   8
#define PV_STATE_STATUS_FRAMES 8 /* for 64 frames of version 2 entries */
#define PV_STATE_WATCHDOGS     2
#define PV_STATE_EVENT_PAGES   128
#define PV_STATE_EVENT_QUEUES  16

/* pv_state_domain.flags */
#define PV_STATE_SHUTDOWN      (1u << 0) /* shutdown_reason is valid */
#define PV_STATE_SHUTDOWN_CODE (1u << 1) /* shutdown_code was set by SCHEDOP_shutdown_code */
#define PV_STATE_NARROW	       (1u << 2) /* PVH: shared_info and the like have the 32-bit layout */

struct pv_state_domain {
	uint32_t size;
	uint32_t flags;
	uint32_t max_vcpus; /* must equal the new domain's */
	uint32_t max_ports; /* must not exceed the new domain's */
	uint32_t shutdown_reason;
	uint32_t shutdown_code;
	uint64_t shared_info_gfn; /* or PV_STATE_NO_GPA */
	uint64_t vm_assist;	  /* bit n: PV_VMASST_TYPE n is on */
	uint64_t wallclock_sec;	  /* UTC at guest system time 0 */
	uint32_t wallclock_nsec;
	uint32_t wallclock_version;
	uint64_t watchdog_deadline[PV_STATE_WATCHDOGS]; /* guest system time in ns; 0 = off */
	uint64_t hvm_param[PV_STATE_HVM_PARAMS];
	uint64_t nr_pages; /* current reservation, pages */
	/* Grant table: entries are guest memory; these are the frames' places. */
	uint32_t grant_version; /* 1 or 2, <= the new domain's limit */
	uint32_t grant_frames;	/* frames in use, <= the new domain's limit */
	uint64_t grant_frame_gfn[PV_STATE_GRANT_FRAMES]; /* or PV_STATE_NO_GPA */
	/* version 1 entries while frame 0 has no place */
	uint64_t grant_seed[PV_STATE_GRANT_SEEDS];
	/* Ports that became pending before there was a shared_info. Written as PV_STATE_PORT_PENDING
	 * nowadays, and 0 here. */
	uint64_t early_pending[64];
	/* FIFO event channels: the pages of the event array, in order. */
	uint32_t
		event_fifo; /* 1: FIFO words; 0: 2-level words, and the other event_ fields are 0 */
	uint32_t event_pages;
	uint64_t event_page_gfn[PV_STATE_EVENT_PAGES];
	/* Places of the status frames, or PV_STATE_NO_GPA; grant_version 1: all 0. */
	uint64_t grant_status_gfn[PV_STATE_STATUS_FRAMES];
};

/* pv_state_vcpu.flags */
#define PV_STATE_VCPU_INITIALISED   (1u << 0)
#define PV_STATE_VCPU_UP	    (1u << 1)
#define PV_STATE_VCPU_RUNSTATE_PHYS (1u << 2) /* runstate_gva is guest-physical */
#define PV_STATE_VCPU_TIME_PHYS	    (1u << 3) /* time_gva is guest-physical */

struct pv_state_vcpu {
	uint32_t size;
	uint32_t id;
	uint32_t flags;
	uint32_t upcall_vector;	    /* PVH: 0 = not set */
	uint64_t vcpu_info_gpa;	    /* or PV_STATE_NO_GPA: in shared_info if id < 32 */
	uint64_t runstate_gva;	    /* guest virtual address (or see the flags), 0 = none */
	uint64_t time_gva;	    /* second time area, 0 = none */
	uint64_t singleshot_ns;	    /* absolute guest system time, 0 = off */
	uint64_t period_ns;	    /* 0 = off */
	uint64_t period_next_ns;    /* next tick, absolute guest system time */
	uint32_t runstate;	    /* PV_RUNSTATE_* */
	uint32_t time_version;	    /* even: last version written to vcpu_time_info */
	uint64_t runstate_entry_ns; /* guest system time at which runstate was entered */
	uint64_t runstate_ns[4];    /* time spent in each state, up to runstate_entry_ns */
	/* FIFO event channels, else 0. */
	uint64_t fifo_block_gpa;		   /* control block, or PV_STATE_NO_GPA */
	uint32_t fifo_tail[PV_STATE_EVENT_QUEUES]; /* last port of each queue, 0 = none */
};

/*
 * pv_state_port.kind. UNBOUND: remote_domid may bind. A port whose other end is a host-side end is
 * written like this with PV_STATE_PORT_WAS_BOUND: backends bind again after restore.
 */
#define PV_STATE_PORT_UNBOUND 1u
#define PV_STATE_PORT_LOOP    2u /* interdomain, other end: remote_port of the same domain */
#define PV_STATE_PORT_VIRQ    3u
#define PV_STATE_PORT_IPI     4u

#define PV_STATE_PORT_WAS_BOUND (1u << 0)
#define PV_STATE_PORT_PENDING	(1u << 1) /* raised while there was no place for its bit */

/* One port that is not free. Pending and mask bits are guest memory. */
struct pv_state_port {
	uint32_t size;
	uint32_t port;
	uint16_t kind;
	uint16_t flags;
	uint32_t vcpu; /* where it notifies */
	uint32_t virq;
	uint32_t remote_port;
	uint16_t remote_domid;
	uint16_t priority; /* FIFO: 0 (first) to 15; 2-level: any of these, no effect */
	uint16_t pad[2];
};

/* pv_state_map.flags */
#define PV_STATE_MAP_READONLY (1u << 0)
#define PV_STATE_MAP_GUEST    (1u << 1) /* made by the guest on itself; else a backend's */

/*
 * One mapped grant. A guest's own maps come back as they were. A backend's maps come back as
 * *carried* holds: the entry stays busy (GTF_reading, GTF_writing) but nobody has a pointer;
 * backends map again, then pv_domain_grant_settle drops the carried holds.
 */
struct pv_state_map {
	uint32_t size;
	uint32_t handle;
	uint32_t ref;
	uint16_t domid; /* who maps */
	uint16_t flags;
	uint64_t gfn; /* the granted frame */
	uint64_t gpa; /* guest maps: where; else 0 */
};

/*
 * The whole: arrays belong to the caller. In get_state nr_* is capacity on entry, count on return.
 */
struct pv_state {
	struct pv_state_domain domain;
	struct pv_state_vcpu *vcpu;
	struct pv_state_port *port;
	struct pv_state_map *map;
	uint32_t nr_vcpus;
	uint32_t nr_ports;
	uint32_t nr_maps;
};

#endif
