/*
 * What a guest kernel gives to libpv: struct pv_os, four mandatory hooks and a few optional ones.
 *
 * The library owns no memory, no threads, no clock and no output: it asks here. The kernel is
 * trusted; a hook's result is used as is. A port in polling mode (boot loader, unikernel without
 * interrupts) fills in the four mandatory hooks and nothing else.
 */
#ifndef PV_OS_H
#define PV_OS_H

#include <stdint.h>

/* Attributes of a mapping asked for with map_gfn. */
#define PV_MAP_WRITE \
	1u /* writable; without it read-only is enough (a writable mapping is also correct) */

/* Levels of log(). */
#define PV_LOG_ERROR 0
#define PV_LOG_WARN  1
#define PV_LOG_INFO  2

#define PV_PAGE_SHIFT 12
#define PV_PAGE_SIZE  4096u

/*
 * Concurrency: the library calls hooks from whatever context called the library. If the kernel
 * calls into libpv from an interrupt handler or from more than one CPU it gives lock and unlock;
 * then pages_alloc, pages_free and wait are never called with the lock held.
 */
struct pv_os {
	uint32_t size; /* sizeof(struct pv_os): growth is append-only, a missing tail counts as NULL
			*/
	void *ctx;     /* first argument of every hook */

	/* Mandatory. */

	/* n pages, zeroed, page aligned, virtually contiguous; the frames behind need not be
	 * contiguous. NULL: none left. */
	void *(*pages_alloc)(void *ctx, unsigned n);
	void (*pages_free)(void *ctx, void *va, unsigned n);
	/*
	 * The frame number that the hypervisor and other domains know the page at va by: its guest
	 * frame (PVH, auto-translated PV), or its machine frame (classic PV: p2m[pfn]).
	 */
	uint64_t (*va_to_gfn)(void *ctx, const void *va);
	/*
	 * Maps n frames that belong to the domain or were given to it (console and xenstore rings,
	 * shared_info and, in classic PV, grant frames) at consecutive addresses, normal write-back
	 * memory. attr: PV_MAP_*. NULL: not possible.
	 */
	void *(*map_gfn)(void *ctx, const uint64_t *gfn, unsigned n, unsigned attr);

	/* Optional; NULL selects the default in []. */

	/* Undoes map_gfn [nothing: everything is mapped once and for all]. */
	void (*unmap)(void *ctx, void *va, unsigned n);
	/* Mutual exclusion with upcalls and other CPUs; the result is handed to unlock [nothing:
	 * one context, no interrupts]. */
	unsigned long (*lock)(void *ctx);
	void (*unlock)(void *ctx, unsigned long flags);
	/*
	 * Sleeps until wake(token) or until deadline_ns of now_ns (0: no deadline). 0: look again
	 * (also when nothing happened: spurious returns are allowed), -PV_ETIMEDOUT: the deadline
	 * has passed. A wake that came after the last return and before this call must not be lost.
	 * [poll mode: dispatch, then SCHEDOP_poll on all bound ports; see pv_poll()]
	 */
	int (*wait)(void *ctx, const void *token, uint64_t deadline_ns);
	/* Called from handlers; may run in an upcall [nothing: the poller looks again]. */
	void (*wake)(void *ctx, const void *token);
	/* Nanoseconds since a fixed point, never backwards [pv_time_now(): time since the host
	 * started, from pvclock]. */
	uint64_t (*now_ns)(void *ctx);
	/* One line without a newline; level PV_LOG_* [dropped]. */
	void (*log)(void *ctx, int level, const char *msg);

	/* Backends only: n guest frames with no memory behind them, to map foreign grants at;
	 * UINT64_MAX: none [maps are refused]. */
	uint64_t (*gfn_area_alloc)(void *ctx, unsigned n);

	/* Classic PV only: maps machine frame mfn at va with PTE flags; 0 or -PV_E* [the hypercall
	 * update_va_mapping]. */
	int (*pte_update)(void *ctx, void *va, uint64_t mfn, unsigned flags);

	/* SMP only: number of the vCPU that runs this code [0]. */
	unsigned (*vcpu_id)(void *ctx);
};

#endif
