/*
 * pv/vmm.h: what libpv asks of a virtual machine monitor
 *
 * The library owns no memory, no threads, no clock and no output. A VMM fills in struct pv_vmm
 * and hands it to pv_domain_create(); the struct and everything it points to must outlive the
 * domain.
 *
 * Trust: hooks are trusted; every value that came from a guest has been checked before it reaches
 * a hook, in the sense that each hook documents. Errors are negative -PV_E* values
 * (pv/abi/errno.h).
 *
 * Locking. One lock per domain, taken and released through the lock and unlock hooks. Hooks are
 * of two kinds:
 *
 *   LEAF   may be called with the domain's lock held, from any thread that calls into the library.
 *          Must be short, must not sleep, must not call pv_domain_* functions of the same domain.
 *   FREE   called without the lock, always on the thread that made the call into the library.
 *          May sleep and may call pv_domain_* functions of the same domain.
 *
 * Both kinds must be safe to call from several threads at once unless the VMM itself serialises
 * its calls into the library. Hooks may not be called from within pv_domain_destroy() except
 * free, gpa_map and physmap_set.
 */
#ifndef PV_VMM_H
#define PV_VMM_H

#include <stddef.h>
#include <stdint.h>

/* Why a vCPU is kicked: a set of bits. */
#define PV_KICK_UPCALL 1u /* evtchn_upcall_pending of this vCPU went from 0 to 1 */
#define PV_KICK_EVENT  2u /* a port became pending: wakes vCPUs that sit in SCHEDOP_poll */

/* physmap_set(): there is nothing at this gfn any more but what was there before the overlay. */
#define PV_PHYSMAP_NONE UINT64_MAX
/* physmap_set(): flags */
#define PV_PHYSMAP_READONLY 1u

/*
 * What EVTCHNOP_send on a port amounts to, for an engine that answers sends by itself. A fast
 * path may be stale
 * for as long as it takes to see route_changed: a send that comes too late finds a dead kick
 * index or a spurious event, both of which all ends tolerate.
 */
#define PV_ROUTE_NONE  0u /* ask the library: pv_domain_hypercall */
#define PV_ROUTE_KICK  1u /* raise kick index `kick`; nothing changes in guest memory */
#define PV_ROUTE_LOCAL 2u /* make `port` of the same domain pending on `vcpu` */

#define PV_KICK_INDEX_NONE 0xffffu

struct pv_route {
	uint16_t kind; /* PV_ROUTE_* */
	uint16_t kick;
	uint16_t vcpu;
	uint16_t pad;
	uint32_t port;
};

struct pv_vmm {
	uint32_t size; /* sizeof(struct pv_vmm); grows at its end only, a missing tail is NULL */
	void *ctx;     /* first argument of every hook */

	/*
	 * ---- mandatory
	 * -------------------------------------------------------------------------------
	 */

	/*
	 * LEAF. Memory for the domain's own bookkeeping: size bytes, zeroed, aligned for any
	 * type; NULL when there is none. The library bounds what a guest can make it ask for
	 * (about 4 MiB at the largest limits).
	 */
	void *(*alloc)(void *ctx, size_t size);
	void (*free)(void *ctx, void *p, size_t size);

	/*
	 * LEAF. A host pointer to guest-physical memory [gpa, gpa + len), which never crosses a 4
	 * KiB page. NULL if that is not memory. With write != 0 the page counts as dirty from now
	 * on, and for as long as the pointer is used (the library uses it before it releases the
	 * domain's lock, or hands it to a backend as
	 * a writable grant map: see pv_domain_grant_map). The pointer stays valid while the
	 * domain lives, except that physmap_set, frame_set and release on the same gfn may
	 * invalidate it.
	 */
	void *(*gpa_map)(void *ctx, uint64_t gpa, uint32_t len, int write);

	/*
	 * LEAF. Translate a guest virtual address as this vCPU sees it; the answer is good to the
	 * end of its 4 KiB page. 0, or -PV_EFAULT if it is not mapped (or not writable and write
	 * != 0).
	 */
	int (*gva_to_gpa)(void *ctx, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa);

	/*
	 * LEAF. Something happened for a vCPU (why: PV_KICK_*). The effect must not be lost on a
	 * vCPU that is just
	 * about to sleep: a kick that finds the vCPU outside block() makes its next block()
	 * return at once. PV_KICK_EVENT: vcpu is where the port notifies; a VMM that handles
	 * SCHEDOP_poll without the library wakes every vCPU that it has in a poll.
	 */
	void (*kick)(void *ctx, unsigned vcpu, unsigned why);

	/*
	 * LEAF. Guest system time in ns: monotonic, the scale that struct vcpu_time_info describes.
	 */
	uint64_t (*now)(void *ctx);

	/*
	 * ---- optional; NULL selects what stands in []
	 * -----------------------------------------------------
	 */

	/* LEAF. The domain's lock; not recursive. [the VMM serialises all calls] */
	void (*lock)(void *ctx);
	void (*unlock)(void *ctx);

	/*
	 * LEAF. Arrange for pv_domain_timer_fired(d, vcpu) at guest system time abs_ns or soon
	 * after; replaces the vCPU's earlier request; 0 = none wanted. Firing early or when none
	 * is wanted does no harm. [the VMM calls pv_domain_timer_fired at its own pace: timers
	 * are as exact as that]
	 */
	void (*timer_set)(void *ctx, unsigned vcpu, uint64_t abs_ns);

	/*
	 * LEAF. What a send to this port does from now on; ports start as PV_ROUTE_NONE. [no fast
	 * path exists; or ask pv_domain_route]
	 */
	void (*route_changed)(void *ctx, uint32_t port, struct pv_route route);

	/*
	 * FREE. Sleep until a kick for this vCPU, or until guest system time deadline_ns (0 =
	 * none); may return early for no reason. [does not sleep: the guest spins on
	 * SCHEDOP_block and SCHEDOP_poll]
	 */
	void (*block)(void *ctx, unsigned vcpu, uint64_t deadline_ns);

	/* FREE. SCHEDOP_yield. [nothing] */
	void (*yield)(void *ctx, unsigned vcpu);

	/*
	 * FREE. The guest asks to stop (PV_SHUTDOWN_*). All vCPUs must stop running; the return
	 * value is what the
	 * hypercall returns if it ever does: for suspend 0 = resumed in a new domain, 1 =
	 * cancelled; otherwise the VMM does not let the vCPU run again. [returns 0]
	 */
	int (*shutdown)(void *ctx, unsigned vcpu, unsigned reason);

	/*
	 * LEAF. pv_domain_crash was called for the first time: the guest broke the machine. Stop
	 * all vCPUs soon. reason is a static string. [nothing: ask pv_domain_crash_reason]
	 */
	void (*crash)(void *ctx, const char *reason);

	/*
	 * FREE. The vCPU life cycle, requested by vCPU `by`.
	 *   vcpu_initialise: context is a private copy of the guest's struct: struct
	 *   pv_vcpu_guest_context for PV,
	 *     struct pv_vcpu_hvm_context for PVH; its contents are hostile. Called at most once
	 *     for each vCPU.
	 *   vcpu_up, vcpu_down: called on changes only. A vCPU that takes itself down stops when
	 *   its hypercall
	 *     ends, at the latest.
	 *   While one of the two is under way, another change of that vCPU waits for it.
	 * [VCPUOP_initialise, up and down: -PV_ENOSYS]
	 */
	int (*vcpu_initialise)(void *ctx, unsigned by, unsigned vcpu, const void *context,
			       uint32_t size);
	int (*vcpu_up)(void *ctx, unsigned by, unsigned vcpu);
	int (*vcpu_down)(void *ctx, unsigned by, unsigned vcpu);

	/*
	 * LEAF. struct pv_vcpu_info of this vCPU now lies at gpa (8-byte aligned, in one page);
	 * an engine that reads the upcall words itself follows it. [the VMM asks
	 * pv_domain_vcpu_info_gpa]
	 */
	void (*vcpu_info_set)(void *ctx, unsigned vcpu, uint64_t gpa);

	/*
	 * LEAF. PVH: the guest chose how upcalls arrive (vector per vCPU; or the callback
	 * parameter). [ask]
	 */
	void (*upcall_vector_set)(void *ctx, unsigned vcpu, uint8_t vector);
	void (*hvm_param_set)(void *ctx, uint32_t index, uint64_t value);

	/*
	 * FREE. HYPERVISOR_console_io: len bytes, 1..PV_CONSOLE_CHUNK, unfiltered. Blocks, drops
	 * or limits the rate as the VMM likes: a guest can call this as fast as it can run. 0 or
	 * negative (ends the hypercall with it). [write: -PV_ENOSYS; read: 0 bytes]
	 */
	int (*console_write)(void *ctx, const char *buf, uint32_t len);
	int (*console_read)(void *ctx, char *buf, uint32_t len);

	/*
	 * LEAF. A page of the machine (shared_info, a grant frame) is about to live at gfn
	 * (present = 1), or lives there no longer (0). After success gpa_map must work there.
	 * Needed only for gfns outside RAM. [present: -PV_EINVAL unless gpa_map already succeeds
	 * at gfn]
	 */
	int (*frame_set)(void *ctx, uint64_t gfn, int present);

	/*
	 * LEAF. A grant that the guest maps into itself: make the page at gfn `source` appear at
	 * `gfn` as well, for the guest and for gpa_map; source = PV_PHYSMAP_NONE takes the
	 * overlay away (must not fail). Refuses (-PV_EBUSY) a gfn that has an overlay already,
	 * and one that cannot have any (-PV_EINVAL). flags: PV_PHYSMAP_READONLY.
	 * [GNTTABOP_map_grant_ref by the guest: GNTST_general_error; copy still works]
	 */
	int (*physmap_set)(void *ctx, uint64_t gfn, uint64_t source, unsigned flags);

	/*
	 * LEAF. Balloon: 2^order pages from gfn on get memory (populate: any contents of nobody
	 * else's) or lose it (release). 0 or negative. [XENMEM_{increase,decrease}_reservation
	 * and populate_physmap: -PV_ENOSYS]
	 */
	int (*populate)(void *ctx, uint64_t gfn, unsigned order);
	int (*release)(void *ctx, uint64_t gfn, unsigned order);

	/*
	 * FREE. Page-table updates of a PV guest without page tables that the library could know.
	 * [-PV_ENOSYS]
	 *   va_update: HYPERVISOR_update_va_mapping: the PTE at va becomes val; flags: PV_UVMF_*.
	 *   pt_update: one HYPERVISOR_mmu_update of a PTE at machine address ptr.
	 */
	int (*va_update)(void *ctx, unsigned vcpu, uint64_t va, uint64_t val, uint64_t flags);
	int (*pt_update)(void *ctx, unsigned vcpu, uint64_t ptr, uint64_t val);

	/*
	 * FREE. A hypercall number that the library does not handle (a VMM's own, or PV calls
	 * that its engine implements). -PV_ENOSYS for those it does not know either. [-PV_ENOSYS]
	 */
	int64_t (*hypercall)(void *ctx, unsigned vcpu, uint64_t nr, const uint64_t arg[6]);

	/*
	 * FREE. VCPUOP_send_nmi: an NMI for this vCPU, which may be down (then it waits). 0 or
	 * negative. [-PV_ENOSYS]
	 */
	int (*nmi)(void *ctx, unsigned by, unsigned vcpu);

	/*
	 * FREE. PVH: HVMOP_flush_tlbs: no vCPU uses a translation of its own page tables that it had
	 * before the call. 0 or negative. [-PV_ENOSYS: the guest uses its own interrupts]
	 */
	int (*tlb_flush)(void *ctx, unsigned by);

	/*
	 * LEAF. For an engine that answers SCHEDOP_poll by itself: from now on the guest uses FIFO
	 * event channels, and the word of port p is 4-byte word p % 1024 of page gfn[p / 1024], if
	 * that is one of n; or 2-level ones (gfn NULL), as at the start. Copy what is needed.
	 * [nothing]
	 */
	void (*event_array_set)(void *ctx, const uint64_t *gfn, uint32_t n);
};

/* The largest piece of guest output that console_write is given at once. */
#define PV_CONSOLE_CHUNK 128u

#endif
