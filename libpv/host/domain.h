/*
 * The inside of struct pv_domain, shared by the files of libpv/host.
 *
 * Everything here is reached with the domain's lock held (pv_domain_enter ... pv_domain_leave). A
 * handler of a hypercall runs under the lock; only the FREE hooks of pv/vmm.h are called outside
 * it, between pv_domain_leave and pv_domain_enter in the handler itself, which keeps nothing
 * across that gap but values. Functions named *_locked are the lock-held halves of the public ones.
 *
 * Guest memory is hostile: pv_guest_read and pv_guest_write (access.h) are the only ways to it
 * besides the atomic words of common/evtchn.h and common/gnttab.h.
 */
#ifndef PV_HOST_DOMAIN_H
#define PV_HOST_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include <pv/abi/errno.h>
#include <pv/abi/xen.h>
#include <pv/abi/grant_table.h>
#include <pv/abi/version.h>
#include <pv/domain.h>

#include "../common/bits.h"
#include "../common/evtchn.h"
#include "../common/evtchn_fifo.h"
#include "../common/gnttab.h"
#include "../common/mem.h"
#include "../common/time.h"

#define PV_PAGE		  4096u
#define PV_NO_GPA	  PV_STATE_NO_GPA
#define PV_GFN_MAX	  (UINT64_MAX >> 13) /* gfn << 12 never wraps */
#define PV_PORT_BUCKET	  128u
#define PV_MAP_CHUNK	  256u
#define PV_MAP_CHUNKS	  256u
#define PV_MAX_GUEST_MAPS 4096u
#define PV_MAX_MEMMAP	  128u
#define PV_BATCH	  32u	 /* items of a list done before the lock is given up for a moment */
#define PV_MAX_BATCH	  65536u /* items of a list in one hypercall */

enum pv_port_kind {
	PV_PORT_FREE,
	PV_PORT_RESERVED, /* port 0 */
	PV_PORT_UNBOUND,  /* remote_domid may bind */
	PV_PORT_HOST,	  /* interdomain, other end: host */
	PV_PORT_LOOP,	  /* interdomain, other end: remote_port here */
	PV_PORT_VIRQ,
	PV_PORT_IPI,
};

struct pv_port_state {
	uint8_t kind;
	uint8_t was_bound : 1; /* UNBOUND, restored: had a host-side end in its former life */
	uint8_t pending : 1;   /* raised while there was no word for it */
	uint16_t remote_domid;
	uint16_t vcpu;
	uint16_t virq;
	uint32_t remote_port;
	/* FIFO: the queue of its next event, and the one it was last put on; the latter outlives the
	 * binding, as the guest's LINKED bit does. */
	uint8_t priority : 4;
	uint8_t queue_priority : 4;
	uint8_t pad;
	uint16_t queue_vcpu;
	struct pv_host_port *host;
};

struct pv_vcpu {
	bool initialised;
	bool up;
	bool polling; /* in SCHEDOP_poll by way of the block hook */
	bool turning; /* its vcpu_up or vcpu_down hook is under way */
	bool compat;  /* in a hypercall of 32-bit code: its addresses may be views, see compat.h */
	uint8_t upcall_vector;
	uint32_t time_version; /* even */
	uint64_t info_gpa;     /* registered, or PV_NO_GPA */
	bool runstate_phys;    /* the address is guest-physical */
	bool time_phys;
	uint64_t runstate_gva; /* 0 = none */
	uint64_t time_gva;     /* 0 = none */
	uint64_t singleshot;   /* absolute ns, 0 = off */
	uint64_t period;       /* ns, 0 = off */
	uint64_t period_next;  /* absolute ns */
	uint64_t timer_armed;  /* what timer_set was last told */
	uint32_t runstate;     /* PV_RUNSTATE_* */
	uint64_t runstate_entry;
	uint64_t runstate_time[4];
	uint32_t virq_port[PV_NR_VIRQS]; /* per-vCPU VIRQs; global ones live in vCPU 0's */
};

/*
 * Uses of one grant entry, all holders together, and what it permitted when the first of them
 * began. Idle when both counts are 0.
 */
struct pv_grant_active {
	uint64_t frame;
	uint16_t domid;
	uint16_t offset; /* of a sub-page grant; else 0 and PV_PAGE */
	uint16_t length;
	uint16_t pad;
	uint32_t readers; /* read-only uses */
	uint32_t writers;
};

/* A pinned grant: the page, and how much of it was lent. */
struct pv_grant_use {
	uint64_t gfn;
	unsigned char *page;
	uint32_t offset;
	uint32_t length;
};

enum pv_map_kind {
	PV_MAP_FREE,
	PV_MAP_HOST,	/* a backend's */
	PV_MAP_GUEST,	/* the guest's own, at gpa */
	PV_MAP_CARRIED, /* a backend's, of a former life: holds the entry until settled */
};

struct pv_map_state {
	uint8_t kind;
	uint8_t readonly;
	uint16_t domid;
	uint32_t ref;
	uint32_t handle; /* generation << 16 | index */
	uint32_t next;	 /* free list: index + 1, 0 ends it */
	uint64_t gpa;
	uint64_t gfn;
};

/* A batch of grant copies whose bytes move while the lock is free; on its thread's stack. */
struct pv_copying {
	const struct pv_copying *next;
	const uint64_t *gfn; /* pinned; PV_NO_GPA: this one is not */
	uint32_t n;
};

struct pv_domain {
	struct pv_vmm vmm; /* a copy, the tail that the VMM did not have set to NULL */
	uint32_t kind;
	uint16_t domid;
	uint32_t max_vcpus;
	uint32_t features;
	uint32_t xen_version;
	char extraversion[PV_XEN_EXTRAVERSION_LEN];
	char commandline[PV_MAX_GUEST_CMDLINE];
	uint8_t uuid[16];
	uint64_t m2p_start, m2p_end, m2p_max_mfn;

	const char *crash_reason;
	bool shut_down;
	bool shutdown_code_set;
	uint32_t shutdown_reason;
	uint32_t shutdown_code;
	uint64_t vm_assist;
	uint64_t watchdog[PV_STATE_WATCHDOGS];
	uint64_t hvm_param[PV_STATE_HVM_PARAMS];

	uint64_t shared_info_gfn; /* or PV_NO_GPA */
	bool narrow;		  /* the shared pages have the layout of 32-bit guests */
	struct pv_clock clock;
	bool clock_set;
	uint64_t wc_sec;
	uint32_t wc_nsec;
	uint32_t wc_version;
	struct pv_vcpu *vcpu; /* max_vcpus */

	uint32_t max_ports;
	uint32_t port_hint; /* no free port below it */
	uint32_t nr_ports;  /* not free, port 0 not counted */
	uint32_t nr_pollers;
	bool resetting;		      /* EVTCHNOP_reset is under way */
	struct pv_port_state **ports; /* buckets, none missing below the last that is there */
	struct pv_fifo *fifo;	      /* NULL: 2-level words */

	uint32_t grant_version; /* 1 or 2 */
	uint32_t max_grant_version;
	uint32_t grant_frames;
	uint32_t max_grant_frames;
	uint64_t grant_gfn[PV_STATE_GRANT_FRAMES];	 /* where the guest sees it, or PV_NO_GPA */
	uint64_t status_gfn[PV_STATE_STATUS_FRAMES];	 /* version 2: the same of status frames */
	uint64_t grant_setup_gfn[PV_STATE_GRANT_FRAMES]; /* for setup_table, or PV_NO_GPA */
	uint64_t grant_seed[PV_STATE_GRANT_SEEDS];	 /* version 1, whatever the table is */
	/* By reference / PV_GNTTAB_V1_ENTRIES, so many each, allocated on first use. */
	struct pv_grant_active *grant_active[PV_STATE_GRANT_FRAMES];
	struct pv_map_state *maps[PV_MAP_CHUNKS];
	uint32_t max_maps;
	uint32_t nr_map_slots; /* slots that exist */
	uint32_t map_free;     /* head of the free list: index + 1 */
	uint32_t nr_maps;      /* in use, of any kind */
	uint32_t nr_guest_maps;
	const struct pv_copying *copying; /* copies under way outside the lock */

	uint64_t nr_pages, max_pages, max_gfn;
	uint32_t nr_memmap;
	struct pv_domain_memory memmap[PV_MAX_MEMMAP];
};

/* ---- domain.c */
void pv_domain_enter(struct pv_domain *d);
void pv_domain_leave(struct pv_domain *d);
/* Let others at the lock, in the middle of a long list. */
void pv_domain_breathe(struct pv_domain *d);
void *pv_domain_alloc(struct pv_domain *d, size_t size);
void pv_domain_free(struct pv_domain *d, void *p, size_t size);
void pv_domain_crash_locked(struct pv_domain *d, const char *reason);
/* Map a whole page of guest memory, or NULL. */
void *pv_domain_page(struct pv_domain *d, uint64_t gfn, int write);

/* Is domid the caller's own? */
static inline bool pv_domain_is_self(const struct pv_domain *d, uint16_t domid)
{
	return domid == PV_DOMID_SELF || domid == d->domid;
}

/* ---- shared_info.c */
struct pv_shared_info *pv_domain_si(struct pv_domain *d, int write);
struct pv_vcpu_info *pv_domain_vi(struct pv_domain *d, unsigned vcpu, int write);
int pv_domain_move_shared_info(struct pv_domain *d, uint64_t gfn);
int pv_domain_register_vcpu_info(struct pv_domain *d, unsigned by, unsigned vcpu, uint64_t gfn,
				 uint32_t offset);
/*
 * The shared pages get the layout of whoever calls now. Xen does it at one of the first calls of a guest's
 * drivers, too (hvm_latch_shinfo_size in xen/arch/x86/hvm/hvm.c: HVM_PARAM_CALLBACK_IRQ and the hypercall
 * page); here it is also each time that shared_info gets a place, so that a loader and its kernel need not
 * be of one width.
 */
void pv_domain_latch_width(struct pv_domain *d, unsigned vcpu);
/* Does this gfn hold shared_info or a grant frame, pages that the machine may take away? */
bool pv_domain_gfn_frame(struct pv_domain *d, uint64_t gfn);
/* That, or a vcpu_info or event words that the guest has registered? */
bool pv_domain_gfn_special(struct pv_domain *d, uint64_t gfn);
/* Upcall words of this vCPU say: deliver now? */
bool pv_domain_upcall_ready(struct pv_domain *d, unsigned vcpu);
uint64_t pv_domain_vcpu_info_gpa_locked(struct pv_domain *d, unsigned vcpu);

/* ---- time.c, timer.c, runstate.c */
void pv_domain_time_vcpu(struct pv_domain *d, unsigned vcpu);
void pv_domain_time_wallclock(struct pv_domain *d);
uint64_t pv_domain_now(struct pv_domain *d);
void pv_domain_timer_arm(struct pv_domain *d, unsigned vcpu);
int64_t pv_domain_timer_op(struct pv_domain *d, unsigned by, unsigned vcpu, unsigned op,
			   uint64_t arg);
int64_t pv_domain_watchdog(struct pv_domain *d, uint32_t id, uint32_t seconds);
void pv_domain_runstate_set(struct pv_domain *d, unsigned vcpu, unsigned state);
void pv_domain_runstate_read(struct pv_domain *d, unsigned vcpu, void *info /* 48 bytes */);
/* Write it whole to gva, in the guest's layout. 0 or -PV_EFAULT. */
int pv_domain_runstate_put(struct pv_domain *d, unsigned by, uint64_t gva, const void *info);
void pv_domain_runstate_publish(struct pv_domain *d, unsigned vcpu);

/* ---- evtchn.c */
int pv_domain_ports_init(struct pv_domain *d);
void pv_domain_ports_fini(struct pv_domain *d);
/* NULL for a port that does not exist or is beyond the limit. */
struct pv_port_state *pv_domain_port(struct pv_domain *d, uint32_t port);
/* Ports that this kind of words has room for, within the domain's limit. */
uint32_t pv_domain_port_limit(const struct pv_domain *d);
/* The lowest free port, still FREE; -PV_ENOSPC, -PV_ENOMEM. */
int pv_domain_port_alloc(struct pv_domain *d);
/* Make it somebody's. */
struct pv_port_state *pv_domain_port_take(struct pv_domain *d, uint32_t port,
					  enum pv_port_kind kind);
int pv_domain_port_close(struct pv_domain *d, uint32_t port);
void pv_domain_port_raise(struct pv_domain *d, uint32_t port);
void pv_domain_port_route(struct pv_domain *d, uint32_t port);
int pv_domain_ports_populate(struct pv_domain *d, uint32_t max_port);
bool pv_domain_virq_is_global(uint32_t virq);
int pv_domain_virq_locked(struct pv_domain *d, unsigned vcpu, uint32_t virq);
bool pv_domain_port_pending(struct pv_domain *d, uint32_t port);
void pv_domain_port_unmask(struct pv_domain *d, uint32_t port);

/*
 * ---- evtchn_fifo.c. The first five: only while d->fifo is there; the port exists.
 */
struct pv_fifo;
/* PV_EVTCHN_RAISED, PV_EVTCHN_UPCALL as for 2-level words. */
unsigned pv_domain_fifo_raise(struct pv_domain *d, uint32_t port);
unsigned pv_domain_fifo_unmask(struct pv_domain *d, uint32_t port);
bool pv_domain_fifo_test(struct pv_domain *d, uint32_t port, uint32_t bits);
bool pv_domain_fifo_has_word(struct pv_domain *d, uint32_t port);
void pv_domain_fifo_clear_pending(struct pv_domain *d, uint32_t port);
/* Does this gfn hold a page of the event array, or a control block? */
bool pv_domain_fifo_gfn(struct pv_domain *d, uint64_t gfn);
int pv_domain_fifo_init_control(struct pv_domain *d, struct pv_evtchn_init_control *a);
int pv_domain_fifo_expand(struct pv_domain *d, uint64_t gfn);
/* Back to 2-level words. */
void pv_domain_fifo_fini(struct pv_domain *d);
/* Restore: what can fail (prepare, places_ok), undoing it (discard), and what cannot. */
void pv_domain_fifo_save(const struct pv_domain *d, struct pv_state *st);
int pv_domain_fifo_prepare(struct pv_domain *d, const struct pv_state *st, struct pv_fifo **out);
void pv_domain_fifo_discard(struct pv_domain *d, struct pv_fifo *fifo);
bool pv_domain_fifo_places_ok(struct pv_domain *d, const struct pv_state *st);
void pv_domain_fifo_restore(struct pv_domain *d, const struct pv_state *st, struct pv_fifo *fifo);

/* ---- gnttab.c */
void pv_domain_grants_fini(struct pv_domain *d);
/*
 * Pin a grant to domid: PV_GNTST_okay and the use, to be ended by unpin; else PV_GNTST_* and nothing
 * has changed. whole: a sub-page grant will not do.
 */
int pv_domain_grant_pin(struct pv_domain *d, uint16_t domid, uint32_t ref, bool readonly,
			bool whole, struct pv_grant_use *use);
void pv_domain_grant_unpin(struct pv_domain *d, uint32_t ref, bool readonly);
struct pv_grant_active *pv_domain_grant_active(struct pv_domain *d, uint32_t ref);
/* The marks of use that an entry or its status shows: PV_GTF_reading, PV_GTF_writing. */
uint16_t pv_domain_grant_marks(const struct pv_domain *d, uint32_t ref);
int pv_domain_grant_seed_locked(struct pv_domain *d, uint32_t ref, uint16_t domid, uint64_t gfn);
int pv_domain_grant_swap(struct pv_domain *d, uint32_t a, uint32_t b);
static inline uint32_t pv_domain_grant_entries(const struct pv_domain *d)
{
	return d->grant_version == 2 ? PV_GNTTAB_V2_ENTRIES : PV_GNTTAB_V1_ENTRIES;
}

/* ---- gnttab_frame.c */
int pv_domain_grant_place(struct pv_domain *d, uint32_t frame, uint64_t gfn);
int pv_domain_status_place(struct pv_domain *d, uint32_t index, uint64_t gfn);
/* Status frames that the table has: none in version 1. */
uint32_t pv_domain_status_frames(const struct pv_domain *d);
/* Take the page of the grant table at gfn away. -PV_EBUSY: in use; -PV_ENOENT: there is none. */
int pv_domain_grant_displace(struct pv_domain *d, uint64_t gfn);
/* Is one of the entries [from, to) in use? */
bool pv_domain_grants_busy(const struct pv_domain *d, uint32_t from, uint32_t to);

/* ---- gnttab_version.c */
int pv_domain_grant_set_version(struct pv_domain *d, uint32_t version);

/* ---- maptrack.c */
struct pv_map_state *pv_domain_map_get(struct pv_domain *d, uint32_t handle);
struct pv_map_state *pv_domain_map_at(struct pv_domain *d, uint32_t index);
/* A slot, still PV_MAP_FREE; then used or put back. */
struct pv_map_state *pv_domain_map_new(struct pv_domain *d);
void pv_domain_map_use(struct pv_domain *d, struct pv_map_state *m, enum pv_map_kind kind);
void pv_domain_map_put(struct pv_domain *d, struct pv_map_state *m);
int pv_domain_maps_grow(struct pv_domain *d, uint32_t slots);
/* Does one of n frames show another page, by a map of the guest's own? */
bool pv_domain_gfn_overlaid(struct pv_domain *d, uint64_t gfn, uint64_t n);
/* That, or is one of them mapped by somebody? Then what is behind it must stay what it is. */
bool pv_domain_gfn_mapped(struct pv_domain *d, uint64_t gfn, uint64_t n);

/* ---- reservation.c, physmap.c */
/* Are n gfns free to change: no pages of the machine's, nothing mapped? */
bool pv_domain_gfn_idle(struct pv_domain *d, uint64_t gfn, uint64_t n);
/* 0 for the caller's own domid; else -PV_EPERM (domain 0) or -PV_ESRCH (there is no other). */
int pv_domain_not_self(const struct pv_domain *d, uint16_t domid);

/* ---- sched.c */
int64_t pv_domain_do_shutdown(struct pv_domain *d, unsigned vcpu, unsigned reason);

/* ---- hypercalls: handlers run under the lock */
typedef int64_t (*pv_hypercall_fn)(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_hypercall_one(struct pv_domain *d, unsigned vcpu, uint64_t nr, const uint64_t *arg);
int64_t pv_do_reservation(struct pv_domain *d, unsigned vcpu, unsigned op, uint64_t start,
			  uint64_t gva);
int64_t pv_do_memory_exchange(struct pv_domain *d, unsigned vcpu, uint64_t gva);
int64_t pv_do_physmap_add(struct pv_domain *d, unsigned vcpu, uint64_t gva);
int64_t pv_do_physmap_add_batch(struct pv_domain *d, unsigned vcpu, uint64_t gva);
int64_t pv_do_physmap_remove(struct pv_domain *d, unsigned vcpu, uint64_t gva);
/* Above it, memory_op's command has the extent to begin with. */
#define PV_MEMOP_CMD_MASK 63u
int64_t pv_do_memory_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_mmu_update(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_mmuext_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_update_va_mapping(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_set_gdt(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_set_timer_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_xen_version(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_console_io(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_grant_table_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_vm_assist(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_vcpu_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_sched_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_event_channel_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_control(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_xenpmu_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_dm_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);
int64_t pv_do_hvm_op(struct pv_domain *d, unsigned vcpu, const uint64_t *arg);

#endif
