/*
 * pv/domain.h: a domain as its VMM sees it
 *
 * "The guest has facilities, the host has domains." Hypercalls, event channels, grants, the
 * memory map, vCPU and time state of one guest. The domain allocates through struct pv_vmm and
 * owns nothing else.
 *
 * Concurrency: every function may be called from any thread at any time between create and
 * destroy, and takes the domain's lock itself (hooks lock, unlock). Functions that say "before
 * the guest runs" must not race with others. None of them may be called from a LEAF hook or from
 * a host port's callback (pv/vmm.h).
 *
 * Errors: 0 or more is success, negative is -PV_E*. A guest that breaks the rules costs itself an
 * error; one that breaks its machine is crashed (pv_domain_crash) and the first reason is kept.
 */
#ifndef PV_DOMAIN_H
#define PV_DOMAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pv/state.h>
#include <pv/vmm.h>

struct pv_domain;

#define PV_MAX_VCPUS 128u

/* How the guest was started; decides which hypercalls exist and what addresses mean. */
enum pv_domain_kind {
	/* paravirtual, auto-translated: mfn == gfn; grants are mapped at guest virtual addresses */
	PV_DOMAIN_PV = 1,
	/* HVM calling conventions: hvm_op; grants are mapped at guest-physical addresses */
	PV_DOMAIN_PVH = 2,
};

struct pv_domain_config {
	uint32_t size; /* sizeof(struct pv_domain_config); 0 in a field selects [default] */
	enum pv_domain_kind kind;
	uint16_t domid; /* what the guest is told it is */
	uint16_t pad;
	uint32_t max_vcpus;	   /* 1..PV_MAX_VCPUS; vCPU 0 is up, the others are down */
	uint32_t max_ports;	   /* event channels incl. port 0, 131072 at most [4096] */
	uint32_t max_grant_frames; /* [64, the most] */
	uint32_t max_maps;	   /* mapped grants at any time, all holders [65536, the most] */
	uint64_t nr_pages;	   /* memory at start, 4 KiB pages */
	uint64_t max_pages;	   /* limit for the balloon [nr_pages] */
	uint64_t max_gfn;	   /* highest gfn that can be memory [nr_pages - 1] */
	uint32_t features;	   /* XENFEAT bits of submap 0 [pv_domain_features(kind)] */
	uint32_t xen_version;	   /* major << 16 | minor [4.17] */
	const char *extraversion;  /* strings are copied, cut to the ABI's field */
	const char *commandline;
	uint8_t uuid[16]; /* XENVER_guest_handle */
	/* PV: machine-to-phys window told by XENMEM_machphys_mapping; end == 0: -PV_ENOSYS */
	uint64_t m2p_start, m2p_end, m2p_max_mfn;
	/*
	 * PV: gfns of frames for GNTTABOP_setup_table, count max_grant_frames; NULL: place by
	 * add_to_physmap only
	 */
	const uint64_t *grant_gfns;
	uint32_t max_grant_version; /* what GNTTABOP_set_version may ask for: 1 or 2 [2] */
	uint32_t pad2;
};

/*
 * Create a domain. -PV_EINVAL for a bad configuration or a missing mandatory hook, -PV_ENOMEM.
 * Destroy with all vCPUs stopped and no other call under way; live maps and bound host ports are
 * dropped (a host port's callback is never called again).
 */
int pv_domain_create(struct pv_domain **d, const struct pv_domain_config *cfg,
		     const struct pv_vmm *vmm);
void pv_domain_destroy(struct pv_domain *d);

/* XENFEAT_* bits (submap 0) that a domain of this kind is told by default. */
uint32_t pv_domain_features(enum pv_domain_kind kind);

/*
 * A hypercall by vCPU `vcpu` on that vCPU's own thread, from guest kernel mode (the engine has
 * refused others). Returns what the guest finds in its result register. Unknown numbers:
 * -PV_ENOSYS.
 */
int64_t pv_domain_hypercall(struct pv_domain *d, unsigned vcpu, uint64_t nr, const uint64_t arg[6]);
/*
 * The same from code in a 32-bit segment of a PVH guest: number and arguments are the low halves of
 * registers, structures have the layouts of pv/abi/x86_32.h. The low half of the result counts. Where
 * 32-bit code gives shared_info its place or sets HVM_PARAM_CALLBACK_IRQ, the pages shared with the guest
 * get its layout, and 64-bit code changes it back in the same way.
 */
int64_t pv_domain_hypercall32(struct pv_domain *d, unsigned vcpu, uint32_t nr,
			      const uint32_t arg[6]);

/*
 * The guest broke its machine. reason: a static string; the first one is kept and told to the
 * crash hook.
 */
void pv_domain_crash(struct pv_domain *d, const char *reason);
const char *pv_domain_crash_reason(struct pv_domain *d); /* NULL if it did not */

/*
 * Shutdown state: PV_SHUTDOWN_* or -PV_ENODATA while running; and back to running after a
 * cancelled suspend.
 */
int pv_domain_shutdown_reason(struct pv_domain *d);
void pv_domain_shutdown_clear(struct pv_domain *d);

/*
 * ---- shared info, upcalls, time
 * -------------------------------------------------------------------------
 */

/*
 * PV: the builder chose the place of shared_info. Zeroes the page, masks all event channels and
 * upcalls, applies what became pending before. A later XENMEM_add_to_physmap moves it, contents
 * and all.
 */
int pv_domain_set_shared_info(struct pv_domain *d, uint64_t gfn);
uint64_t pv_domain_shared_info(struct pv_domain *d); /* gfn or PV_STATE_NO_GPA */

/* Guest-physical address of struct pv_vcpu_info of a vCPU, or PV_STATE_NO_GPA when it has none. */
uint64_t pv_domain_vcpu_info_gpa(struct pv_domain *d, unsigned vcpu);
uint8_t pv_domain_upcall_vector(struct pv_domain *d, unsigned vcpu); /* PVH; 0 = not set */
int pv_domain_vcpu_is_up(struct pv_domain *d, unsigned vcpu);

/*
 * PVH: a vCPU came up or went down by other means than hypercalls (INIT-SIPI, HLT for ever), or
 * the builder brings one up. Does not call the vcpu_up and vcpu_down hooks.
 */
int pv_domain_vcpu_set_up(struct pv_domain *d, unsigned vcpu, int up);

/* A vCPU runs, waits for a CPU, or is blocked (PV_RUNSTATE_*); for the guest's accounting only. */
void pv_domain_runstate(struct pv_domain *d, unsigned vcpu, unsigned state);

/* struct vcpu_time_info for all vCPUs: guest_ns = system_time + scale(tsc - tsc_timestamp). */
struct pv_clock {
	uint64_t tsc_timestamp;
	uint64_t system_time; /* ns */
	uint32_t tsc_to_system_mul;
	int8_t tsc_shift;
	uint8_t flags; /* PV_XEN_PVCLOCK_* / PVCLOCK_TSC_STABLE_BIT */
	uint16_t pad;
};
int pv_domain_set_clock(struct pv_domain *d, const struct pv_clock *clock);
/* mul and shift for a TSC of this many kHz (exact to 32 bits). -PV_EINVAL for 0. */
int pv_clock_scale(uint64_t tsc_khz, uint32_t *mul, int8_t *shift);

/* UTC at guest system time 0. */
void pv_domain_set_wallclock(struct pv_domain *d, uint64_t sec, uint32_t nsec);

/* The time that the timer_set hook asked for has come (or may have). */
void pv_domain_timer_fired(struct pv_domain *d, unsigned vcpu);

/*
 * ---- event channels
 * -------------------------------------------------------------------------------------
 */

/*
 * A host-side end of an interdomain event channel. The caller owns the struct, zeroes it, fills
 * in the first four fields and keeps it in place until pv_domain_evtchn_unbind_host returns (or
 * the domain is destroyed).
 *
 * fn(arg) is called when the guest sends, with the domain's lock held: it sets a flag, writes an
 * eventfd or posts a semaphore, and returns. It must not call pv_domain_*. When an engine's fast
 * path handles the send, kick index `kick` is raised instead and fn is not called. Binding
 * delivers one kick, as Xen does: sends may have been lost before.
 */
struct pv_host_port {
	uint16_t domid; /* the backend's: the remote_dom of the guest's unbound port */
	uint16_t kick;	/* kick index for the fast path, or PV_KICK_INDEX_NONE */
	void (*fn)(void *arg);
	void *arg;
	/* private: the domain writes these under its lock */
	uint32_t port; /* 0 when not bound, or when the guest closed its end */
	uint32_t pad;
};

/*
 * A port for a host-side end, made by the builder (console, xenstore): UNBOUND, for remote_domid.
 * Port or error.
 */
int pv_domain_evtchn_alloc_unbound(struct pv_domain *d, uint16_t remote_domid);
/*
 * Bind to an unbound port. -PV_EINVAL: no such port, not unbound, or meant for another domid; a
 * port is bound once.
 */
int pv_domain_evtchn_bind_host(struct pv_domain *d, struct pv_host_port *hp, uint32_t port);
/*
 * The guest's end goes back to unbound. After return fn is not running and will not run. Harmless
 * when not bound.
 */
void pv_domain_evtchn_unbind_host(struct pv_domain *d, struct pv_host_port *hp);
/* Raise the event in the guest. -PV_ENOTCONN when the guest has closed its end. */
int pv_domain_evtchn_send(struct pv_domain *d, struct pv_host_port *hp);
/* Close a port made by the builder or the guest, from the host's side. */
int pv_domain_evtchn_close(struct pv_domain *d, uint32_t port);

/* What a guest's send to this port does (all zero = PV_ROUTE_NONE). */
struct pv_route pv_domain_route(struct pv_domain *d, uint32_t port);

/*
 * Raise a virtual interrupt; dropped (return 0) if the guest has not bound it. Global ones: vcpu
 * is ignored.
 */
int pv_domain_virq(struct pv_domain *d, unsigned vcpu, uint32_t virq);

/*
 * ---- grants: the backend's side
 * --------------------------------------------------------------------------
 */

#define PV_GRANT_READONLY 1u

struct pv_grant_map {
	void *ptr;	 /* host pointer to the page (4096 bytes), by gpa_map */
	uint64_t gfn;	 /* the granted frame */
	uint32_t handle; /* for unmap */
	uint32_t flags;	 /* PV_GRANT_READONLY */
};

/*
 * Map a page that the guest granted to `domid`, for as long as the map lives the guest cannot end
 * the grant. A writable map makes the page dirty now; whoever writes to it later while dirty
 * pages are being logged must mark it again through the VMM. Returns 0, or a negative GNTST_*
 * value, which callers pass on as an I/O error: bad reference, not granted, granted to somebody
 * else, read-only, transitive and sub-page grants (refused: a part of a page can only be copied),
 * entry changing too fast, no memory at that frame, too many maps.
 */
int pv_domain_grant_map(struct pv_domain *d, uint16_t domid, uint32_t ref, unsigned flags,
			struct pv_grant_map *map);
/* Undo one map, once. GNTST_bad_handle for a handle that is not this map's. */
int pv_domain_grant_unmap(struct pv_domain *d, uint16_t domid, const struct pv_grant_map *map);

/* One page of a batch. */
struct pv_grant_batch {
	uint32_t ref;		 /* map: in */
	int32_t status;		 /* out: what the call for one page returns */
	struct pv_grant_map map; /* map: flags in, the rest out if status is 0; unmap: in */
};

/*
 * n pages under one hold of the domain's lock (given up for a moment now and then): the same as n
 * calls for one page, in order. Return how many failed.
 */
uint32_t pv_domain_grant_map_batch(struct pv_domain *d, uint16_t domid, struct pv_grant_batch *op,
				   uint32_t n);
uint32_t pv_domain_grant_unmap_batch(struct pv_domain *d, uint16_t domid, struct pv_grant_batch *op,
				     uint32_t n);

/* One copy of a batch, between a granted page and memory of the host's; offset + len <= 4096. */
struct pv_grant_copy {
	uint32_t ref;
	uint32_t offset, len; /* bytes, in the granted page */
	bool to_grant;	/* local -> granted page (makes it dirty), else granted page -> local */
	int32_t status; /* out: 0, or a negative GNTST_* value */
	void *local; /* len bytes; of different copies, apart from each other; only read if to_grant */
};

/*
 * n copies, in no order among each other; one that fails leaves the others as they are. Same errors as map,
 * plus GNTST_bad_copy_arg, and GNTST_general_error beyond the part that a sub-page grant lends.
 *
 * The domain's lock is held for finding and pinning up to 32 pages and again for letting go of them, not for
 * the bytes themselves when these are more than 4096 in all: other vCPUs and backends wait no longer for a long batch than
 * for a short one. Until the call returns the guest can neither end the grants nor give their pages another meaning; what it does with the bytes meanwhile it does to
 * itself, and `local` receives each of them once.
 * Returns how many failed.
 */
uint32_t pv_domain_grant_copy_batch(struct pv_domain *d, uint16_t domid, struct pv_grant_copy *op,
				    uint32_t n);
/* One copy alone; its status. */
int pv_domain_grant_read(struct pv_domain *d, uint16_t domid, uint32_t ref, uint32_t offset,
			 void *buf, uint32_t len);
int pv_domain_grant_write(struct pv_domain *d, uint16_t domid, uint32_t ref, uint32_t offset,
			  const void *buf, uint32_t len);

/*
 * Grant a frame of the guest's memory to `domid` on the guest's behalf (the builder's grants of
 * the console and xenstore rings; ref < PV_STATE_GRANT_SEEDS). Kept until grant frame 0 has a
 * place.
 */
int pv_domain_grant_seed(struct pv_domain *d, uint32_t ref, uint16_t domid, uint64_t gfn);
/* After set_state, when backends have mapped again what they need: drop the holds carried over. */
void pv_domain_grant_settle(struct pv_domain *d);

/*
 * ---- memory map and parameters, by the builder
 * ------------------------------------------------------------
 */

struct pv_domain_memory {
	uint64_t addr, size; /* bytes */
	uint32_t type;	     /* E820: 1 RAM, 2 reserved, ... */
	uint32_t pad;
};
/* What XENMEM_memory_map answers; copied; at most 128 entries. */
int pv_domain_set_memory_map(struct pv_domain *d, const struct pv_domain_memory *map, uint32_t n);

/* Pages that the guest has now, and the most that its balloon may have from now on (at least 1). */
uint64_t pv_domain_pages(struct pv_domain *d);
void pv_domain_set_max_pages(struct pv_domain *d, uint64_t max_pages);

/* HVM_PARAM_*, any index below PV_STATE_HVM_PARAMS. */
int pv_domain_set_hvm_param(struct pv_domain *d, uint32_t index, uint64_t value);
int pv_domain_get_hvm_param(struct pv_domain *d, uint32_t index, uint64_t *value);

/*
 * ---- save and restore
 * --------------------------------------------------------------------------------------
 */

/*
 * All of the domain's state, with all vCPUs stopped. Arrays are the caller's: -PV_ENOBUFS if one
 * is too small, with the needed counts in st->nr_*; nothing else changes.
 */
int pv_domain_get_state(struct pv_domain *d, struct pv_state *st);

/*
 * Before the guest runs, on a domain just created with a configuration at least as large
 * (-PV_EBUSY otherwise), its memory already in place. Arrays in ascending order: vCPU id, port, low
 * half of the handle. Every index is checked; -PV_EINVAL, -PV_E2BIG or -PV_ENOMEM, and no effect on
 * the domain, if anything is wrong. Then: set_clock, backends bind and map again, grant_settle, run.
 */
int pv_domain_set_state(struct pv_domain *d, const struct pv_state *st);

#endif
