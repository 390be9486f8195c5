/*
 * The guest's half of libpv: struct pv, one per kernel, and the calls that need no facility header
 * of their own.
 *
 * The kernel allocates struct pv (static or on its heap), calls pv_init() once, and hands the
 * pointer to everything else. There are no globals. The hypervisor is trusted with everything;
 * other domains with nothing.
 *
 * Result convention: >= 0 is success; negative is -PV_E* (abi/errno.h, Xen's numbers), a
 * hypercall's own errors included.
 */
#ifndef PV_GUEST_H
#define PV_GUEST_H

#include <stdint.h>
#include <stddef.h>
#include <pv/os.h>
#include <pv/evtchn.h>
#include <pv/gnttab.h>

struct pv_shared_info;
struct pv_vcpu_info;
struct pv_start_info;
struct pv_hvm_start_info;

/* vCPUs that have their vcpu_info inside shared_info; one more needs pv_vcpu_info_set(). */
#define PV_LEGACY_VCPUS 32u
#define PV_MAX_VCPUS	128u

/* How the domain came up. */
enum pv_mode {
	PV_MODE_PV,  /* PV entry: start_info in rsi, hypercall page filled in by the builder */
	PV_MODE_PVH, /* PVH entry: hvm_start_info in ebx, hypercalls by vmcall or vmmcall */
};

/*
 * A way into the hypervisor. The library calls it for every hypercall; arg beyond what the call
 * takes is 0. Must not block the calling CPU beyond the hypercall itself. Callable from any
 * context.
 */
typedef int64_t (*pv_hypercall_fn)(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2,
				   uint64_t a3, uint64_t a4, uint64_t a5);

/* What pv_init() is told; everything here may be forgotten after the call. */
struct pv_boot {
	uint32_t size; /* sizeof(struct pv_boot): append-only, a missing tail counts as 0 */
	enum pv_mode mode;
	const struct pv_start_info *start_info; /* PV_MODE_PV: mapped, readable */
	/* PV_MODE_PVH: mapped, readable; NULL where there is none (Arm) */
	const struct pv_hvm_start_info *hvm_start_info;
	/*
	 * 4 KiB, page aligned, executable. PV (x86): as named by the HYPERCALL_PAGE note. PVH
	 * (x86): a page that the hypervisor is asked to fill through its MSR; NULL: the instruction
	 * itself is used. Ignored elsewhere.
	 */
	void *hypercall_page;
	/* Used instead of all of the above if not NULL (another transport, or a test). */
	pv_hypercall_fn hypercall;
	void *hypercall_ctx; /* kept in struct pv for the kernel's own hypercall function */
};

/*
 * One per guest kernel. Fields up to the line are readable for everybody, never written outside the
 * library; the rest is private.
 */
struct pv {
	enum pv_mode mode;
	uint32_t version;    /* XENVER_version: major << 16 | minor */
	uint64_t features;   /* bit n: PV_XENFEAT_n, submap 0 */
	uint32_t flags;	     /* start info flags: PV_SIF_* */
	uint32_t interrupts; /* 1 after pv_upcall_enable(): ports are unmasked as they are bound */
	uint32_t dispatched; /* handlers run so far, on any vCPU; wraps. For a wait hook: see below
			      */
	uint64_t nr_pages;   /* PV: of start_info; PVH: 0, see its memory map */
	struct pv_shared_info *shared_info;
	void *store_ring;   /* struct pv_xenstore_domain_interface, or NULL: no xenstore (an initial
			       domain) */
	void *console_ring; /* struct pv_xencons_interface, or NULL: no console ring */
	uint32_t store_port;
	uint32_t console_port;
	void *hypercall_ctx;
	/* ---- private ---- */
	struct pv_os os;
	pv_hypercall_fn hypercall;
	void *hypercall_page;
	uint32_t wait_seen; /* dispatched, when pv_wait() last returned */
	struct pv_vcpu_info *vcpu_info[PV_MAX_VCPUS];
	struct pv_evtchn_table evtchn;
	struct pv_gnttab gnttab;
};

/*
 * Prepares only the way into the hypervisor, so that pv_hypercall() and pv_console_io() work; for a
 * kernel's first messages, before it has memory to give. pv must be zeroed. Called by pv_init()
 * too. -PV_ENODEV: not running on this ABI (PVH: no CPUID signature).
 */
int pv_hypercall_init(struct pv *pv, const struct pv_boot *boot);

/*
 * Everything: hypercalls, features, shared_info mapped, all ports masked, console and xenstore
 * rings found and mapped. Needs the four mandatory hooks (-PV_EINVAL without them). Grants are set
 * up apart: pv_gnttab_init(). Called once; not undone.
 */
int pv_init(struct pv *pv, const struct pv_os *os, const struct pv_boot *boot);

static inline int64_t pv_hypercall5(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2,
				    uint64_t a3, uint64_t a4, uint64_t a5)
{
	return pv->hypercall(pv, nr, a1, a2, a3, a4, a5);
}

static inline int64_t pv_hypercall2(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2)
{
	return pv->hypercall(pv, nr, a1, a2, 0, 0, 0);
}

static inline int64_t pv_hypercall3(struct pv *pv, uint64_t nr, uint64_t a1, uint64_t a2,
				    uint64_t a3)
{
	return pv->hypercall(pv, nr, a1, a2, a3, 0, 0);
}

static inline int pv_has_feature(const struct pv *pv, unsigned feature)
{
	return feature < 64 && (pv->features >> feature & 1);
}

/* True where frame numbers are guest frames and the hypervisor translates (PVH, and PV on an engine
 * that says so). */
int pv_is_translated(const struct pv *pv);

/*
 * Upcalls. The kernel installs its vector or callback, then calls pv_upcall_enable(); from there on
 * bound ports are unmasked. The kernel's interrupt path calls pv_upcall(pv, vcpu) with further
 * upcalls to this vCPU held off (PV: evtchn_upcall_mask; PVH: interrupts disabled). Returns the
 * number of handlers that ran. pv_poll() is the same for polling mode: all bound ports, masked or
 * not, from one CPU only.
 */
void pv_upcall_enable(struct pv *pv);
unsigned pv_upcall(struct pv *pv, unsigned vcpu);
unsigned pv_poll(struct pv *pv);

/* A vcpu_info of the kernel's own (in one page, 64-byte aligned) for this vCPU, before it runs or
 * on itself. See VCPUOP_register_vcpu_info. */
int pv_vcpu_info_set(struct pv *pv, unsigned vcpu, void *va);
struct pv_vcpu_info *pv_vcpu_info(struct pv *pv, unsigned vcpu);
unsigned pv_vcpu_id(const struct pv *pv);

/* The os lock, or nothing. */
unsigned long pv_lock(struct pv *pv);
void pv_unlock(struct pv *pv, unsigned long flags);

/*
 * Waits for pv_wake(token) or the deadline (pv_now() nanoseconds, 0: none). 0: look at your
 * condition again; -PV_ETIMEDOUT. Without an os hook: in polling mode, dispatches with pv_poll()
 * and if nothing ran, blocks in SCHEDOP_poll until any bound port is pending; in interrupt mode,
 * where an upcall may come between the caller's test and the sleep, looks again every 10 ms.
 *
 * A wait hook for interrupt mode that loses nothing holds upcalls off, compares pv->dispatched with
 * its value when the hook last returned on this CPU, and if they are equal calls
 * pv_evtchn_poll_bound(); then it lets upcalls in.
 */
int pv_wait(struct pv *pv, const void *token, uint64_t deadline_ns);
void pv_wake(struct pv *pv, const void *token);

/* The os clock if there is one, else pv_time_now(). */
uint64_t pv_now(struct pv *pv);
/* Nanoseconds since the host started, monotonic on one vCPU; by the time record of the calling vCPU
 * (pvclock). */
uint64_t pv_time_now(struct pv *pv);
/* Nanoseconds since 1970, UTC. 0: the host has published none. */
uint64_t pv_time_wall(struct pv *pv);

/* Emergency console: the hypervisor's own log. Works right after pv_hypercall_init(). The number of
 * bytes taken, or -PV_E*. */
int pv_console_io(struct pv *pv, const void *buf, size_t len);
void pv_log(struct pv *pv, int level, const char *msg);

/* Scheduling of this vCPU. */
int pv_sched_yield(struct pv *pv);
/*
 * PV: enables upcalls (evtchn_upcall_mask 0) and sleeps until one comes, atomically. In a PVH guest
 * use the processor's own pair (sti; hlt): there this call does not look at the interrupt flag.
 */
int pv_sched_block(struct pv *pv);
/* Ends the domain; reason PV_SHUTDOWN_*. Returns only if the hypervisor refuses. */
int pv_shutdown(struct pv *pv, unsigned reason);

/* HVM parameters (PVH). The value, or -PV_E*: values with the top bit set are not used by any
 * parameter of the ABI. */
int64_t pv_hvm_param_get(struct pv *pv, uint32_t index);
int pv_hvm_param_set(struct pv *pv, uint32_t index, uint64_t value);

/* A page of the host's (PV_XENMAPSPACE_*, index) placed at guest frame gfn; what was there is gone.
 * Translated guests only. */
int pv_add_to_physmap(struct pv *pv, unsigned space, uint64_t index, uint64_t gfn);

#endif
