/*
 * engine.h: the one table that an engine fills in
 *
 * An engine runs the vCPUs of one domain. It knows registers, time-outs and the upcall words of
 * struct pv_vcpu_info; event channels, grants and all other hypercalls belong to its client
 * (libpv's struct pv_domain, wired up by refhv). One process may hold several engines.
 *
 * Trust: the caller is trusted; the guest is not. Whatever a guest does, an engine's calls return
 * (with an error if need be) and the client hears died(). Register contents that come out of
 * vcpu_get() are the guest's own claims; vcpu_set() accepts hostile contents (a received stream)
 * and refuses or neutralises them.
 *
 * Errors: 0 or more is success, negative is -PV_E* (pv/abi/errno.h).
 *
 * Threads: create, wait, destroy, pause, resume, vcpu_get, vcpu_set and the dirty_* calls are for
 * one controlling thread at a time. All others may come from any thread, also from within the
 * client's callbacks and with the client's locks held: they never sleep and never call the client.
 *
 * Life: create -> (RAM is filled, vcpu_set, vcpu_info_set) -> wait -> vcpu_up(0) -> resume -> ...
 * -> destroy. A new engine is paused and all its vCPUs are down.
 */
#ifndef REFHV_ENGINE_ENGINE_H
#define REFHV_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <pv/abi/hvm/hvm_vcpu.h>
#include <pv/abi/xen.h>
#include <pv/vmm.h>

#define ENGINE_MAX_VCPUS 128u
#define ENGINE_KICK_FDS	 16u	/* eventfds that a send on a routed port can write */
#define ENGINE_MAX_PORTS 4096u	/* 2-level event channels; ports with a route */
#define ENGINE_XSAVE_MAX 16384u /* bytes */
#define ENGINE_MAP_MAX	 16384u /* remapped pages of one guest */
#define ENGINE_NO_GPA	 UINT64_MAX

struct engine; /* private to the implementation; starts with a const struct engine_impl * */

/*
 * What the engine asks of its client. The callbacks come from the engine's own threads (one for
 * each vCPU), with no engine lock held; calls for different vCPUs run at the same time.
 */
struct engine_client {
	/*
	 * A hypercall that the engine does not answer itself. May sleep: only this vCPU waits.
	 * arg[] are private copies of registers. The result goes into the vCPU's rax. If the vCPU
	 * shall not run on afterwards (shutdown, VCPUOP_down), call vcpu_down() or stop() before
	 * returning.
	 */
	int64_t (*hypercall)(void *ctx, unsigned vcpu, uint64_t nr, const uint64_t arg[6]);

	/*
	 * The same from code in a 32-bit segment: only the low halves of nr and arg[] are the
	 * guest's, and what they point to has the layout of 32-bit guests. NULL: such calls get
	 * -PV_ENOSYS.
	 */
	int64_t (*hypercall32)(void *ctx, unsigned vcpu, uint32_t nr, const uint32_t arg[6]);

	/*
	 * A vCPU began to run, or stopped for good, by means of the machine's and not by a
	 * hypercall (INIT-SIPI; HLT with interrupts off). NULL if nobody wants to know.
	 */
	void (*vcpu_changed)(void *ctx, unsigned vcpu, bool up);

	/*
	 * The guest ended by means of the machine's: PV_SHUTDOWN_poweroff (ACPI S5, or every vCPU
	 * halted for good) or PV_SHUTDOWN_reboot. The engine has been told to stop(). NULL if the
	 * engine's guests cannot.
	 */
	void (*ended)(void *ctx, unsigned reason);

	/*
	 * The guest wrote n bytes, at least 1, to the debug console, which a kernel has before
	 * anything else (Xen's port 0xe9). NULL: they are dropped. May sleep.
	 */
	void (*debug_write)(void *ctx, const char *buf, uint32_t n);

	/* The deadline of timer_set() has passed (or nearly so: early calls are possible). */
	void (*timer)(void *ctx, unsigned vcpu);

	/*
	 * The guest broke its machine (a fault with no handler, the process killed, a pause
	 * ignored). Called once; `why` holds a line for a person with the vCPU's registers where
	 * they are known, and is only valid during the call. No vCPU runs on. Comes from a vCPU's
	 * thread, from watch() or from pause().
	 */
	void (*died)(void *ctx, const char *why);
};

/* What runs on it. An engine is for one of them: engine_impl.guest. */
enum engine_guest {
	ENGINE_GUEST_PV,  /* no MMU of its own: all RAM at virt_base; state in Xen's PV context */
	ENGINE_GUEST_PVH, /* a whole CPU with an MMU: starts as Xen's PVH does */
};

/* A part of guest-physical space that is memory from the start. */
struct engine_region {
	uint64_t gpa, size; /* bytes, multiples of 4096 */
};
#define ENGINE_MAX_REGIONS 8u

/*
 * How an engine of whole CPUs catches hypercalls (reference: Linux's xen_hypercall_amd and
 * xen_hypercall_intel, which execute VMMCALL and VMCALL directly since XSA-466). Guests that ask
 * for a hypercall page get one in every mode.
 */
enum engine_trap {
	ENGINE_TRAP_AUTO,
	ENGINE_TRAP_KVM_XEN,   /* the host kernel's own Xen support */
	ENGINE_TRAP_RUN_TIME,  /* patched in memory when the guest sets up long mode */
	ENGINE_TRAP_LOAD_TIME, /* patched in memory before the guest starts */
	ENGINE_TRAP_PAGE,      /* nothing but the hypercall page */
};

struct engine_config {
	unsigned max_vcpus; /* 1..ENGINE_MAX_VCPUS */
	/*
	 * RAM: a memfd as made by engine_ram_create(), mapped shared and writable at `ram` in this
	 * process; both stay the caller's and outlive the engine. Guest-physical address g is byte
	 * g of the file, is at ram + g here and, for an engine without a guest MMU, at
	 * virt_base + g in the guest. The file spans all addresses that can ever be memory, holes
	 * included: nobody touches those, so they cost nothing.
	 */
	int ram_fd;
	void *ram;
	uint64_t ram_size; /* bytes, a multiple of 4096: where the span ends */
	/* PVH: what is memory at the start, ascending, not touching. None: all of the span. */
	struct engine_region region[ENGINE_MAX_REGIONS];
	unsigned nregions;
	uint64_t virt_base; /* PV: a multiple of 4096, >= 64 KiB; virt_base + ram_size below
			       0x5ffe00000000 */

	bool paging; /* the guest may remap its own pages (update_va_mapping): three more system
			calls */
	bool no_speculation; /* switch off speculative store bypass and indirect branch speculation
				in the guest */

	/* Answers to XENVER_version, XENVER_get_features (submaps) and the Xen leaves of CPUID
	 * (0x40000000 + n). */
	uint32_t xen_version; /* major << 16 | minor */
	uint32_t features[4];
	uint32_t cpuid[6][4]; /* eax, ebx, ecx, edx; all zero = no such leaf */

	int64_t clock_offset; /* ns: guest system time = CLOCK_MONOTONIC + clock_offset */

	int kvm_fd;	/* kvm: /dev/kvm, opened by who may; the caller's, needed during create() */
	uint16_t domid; /* PVH: told by the Xen leaves of CPUID */
	enum engine_trap trap; /* PVH: how hypercalls are caught; AUTO chooses */

	const struct engine_client *client;
	void *client_ctx;
};

/* engine_vcpu_state.flags */
#define ENGINE_VCPU_UP (1u << 0) /* runs as soon as the engine is resumed */
/* xsave[] is valid; otherwise the FPU starts from reset, or from ctxt.fpu_ctxt if I387_VALID */
#define ENGINE_VCPU_XSAVE (1u << 1)

/*
 * A vCPU at rest: plain, no pointers. In ctxt: user_regs (rip is the next instruction; a vCPU that
 * was in a hypercall has its result in rax), trap_ctxt, kernel_ss and kernel_sp, debugreg, the
 * three callbacks, fs_base and the two gs bases, ctrlreg[0] (TS), ctrlreg[2] (CR2). Selectors are
 * Xen's flat ones. A vCPU that slept in block or poll is caught as having returned from it
 * (spuriously, which both allow); deadlines belong to the client.
 */
struct engine_vcpu_state {
	uint32_t size; /* sizeof(struct engine_vcpu_state); readers accept any size that ends after
			  flags */
	uint32_t flags;
	uint32_t event_flags[3]; /* CALLBACKF_* of event, failsafe and syscall callback */
	uint32_t xsave_size;	 /* bytes used, <= ENGINE_XSAVE_MAX */
	uint64_t iopl;		 /* as set by the guest; nothing depends on it */
	struct pv_vcpu_guest_context ctxt;
	uint8_t xsave[ENGINE_XSAVE_MAX]
		__attribute__((aligned(64))); /* XSAVE image, standard format */
};

/* A page that the guest mapped elsewhere or otherwise than flat. */
struct engine_mapping {
	uint64_t gva; /* page aligned */
	uint64_t pte; /* gpa of the page | PTE bits P (1), RW (2), NX (1 << 63); without P: unmapped
		       */
};

/* What is in use, for `refhv info` and for tests: engine_caps() bits. */
#define ENGINE_CAP_FSGSBASE (1u << 0) /* fs and gs base change without a system call */
#define ENGINE_CAP_LDT \
	(1u << 1) /* hypercalls find their vCPU through ES; without: by constant or by trap */
#define ENGINE_CAP_SPIN (1u << 2) /* more than one CPU: adaptive spinning may be used */
#define ENGINE_CAP_DIRTY_UFFD \
	(1u << 3) /* dirty log by userfaultfd WP_ASYNC; without: by mprotect */
#define ENGINE_CAP_USERNS	  (1u << 4)
#define ENGINE_CAP_NAMESPACES	  (1u << 5) /* mount, IPC, UTS and network namespaces of its own */
#define ENGINE_CAP_LANDLOCK	  (1u << 6)
#define ENGINE_CAP_MSEAL	  (1u << 7)
#define ENGINE_CAP_NO_SPECULATION (1u << 8)

/* One kind of exit to this process, and how often it came. */
struct engine_exits {
	const char *kind; /* a word, static */
	uint64_t count;
};
#define ENGINE_MAX_EXITS 24u

struct engine_info {
	uint32_t caps;	     /* ENGINE_CAP_* */
	int32_t pid;	     /* of the guest process, 0 if the engine has none */
	uint64_t hypercalls; /* answered by the client since create */
	uint64_t kicks;	     /* signals sent to running vCPUs */
	const char *trap;    /* how hypercalls are caught now, for a person; NULL: the only way */
	uint64_t cpu_ns;     /* used by the vCPUs, if pid is 0 */
	unsigned nexits;
	struct engine_exits exits[ENGINE_MAX_EXITS];
};

struct engine_impl {
	const char *name; /* "user", "kvm" */
	enum engine_guest guest;
	unsigned max_vcpus;

	/* Can it run here? 0, or negative with a line for a person in why[]. Cheap; starts nothing.
	 */
	int (*probe)(char *why, size_t size);

	/*
	 * Start the machine: 0 and *e, or negative with a line in why[]. Returns before the guest
	 * process is ready. The thread that calls this must live as long as the engine: when it
	 * ends, the guest process is killed.
	 */
	int (*create)(struct engine **e, const struct engine_config *config, char *why,
		      size_t size);

	/*
	 * Finish what create() began, at most until timeout_ms. From here on the engine opens
	 * nothing and works inside a sandbox that allows what user/monitor/monitor.h and
	 * kvm/ioctls.h list. Must be
	 * called once before resume().
	 */
	int (*wait)(struct engine *e, unsigned timeout_ms, char *why, size_t size);

	/* Kill what still runs, wait for the engine's threads (not from a callback), free. NULL is
	 * allowed. */
	void (*destroy)(struct engine *e);

	/* Fill the 4096 bytes of a hypercall page, which lie in guest RAM. Also after a restore:
	 * hosts differ. */
	void (*hypercall_page)(struct engine *e, void *page);

	/*
	 * The whole state of a vCPU, which must be down or the engine paused. set: -PV_EINVAL if
	 * the state cannot be a vCPU's (an address that is not canonical, an XSAVE image that this
	 * machine does not take). ENGINE_VCPU_UP is reported by get and obeyed by set.
	 *
	 * -PV_ENOSYS for guests of ENGINE_GUEST_PVH, where nobody asks: VCPUOP_initialise and the boot vCPU go by
	 * vcpu_start_set(), the library keeps runstate, timers and areas itself, died() names the registers. Whole
	 * CPUs (hidden parts of segments, MSRs, a local APIC) do not fit into Xen's PV context; the form for them
	 * is Xen's HVM context record, which comes with the saving of such guests.
	 */
	int (*vcpu_set)(struct engine *e, unsigned vcpu, const struct engine_vcpu_state *state);
	int (*vcpu_get)(struct engine *e, unsigned vcpu, struct engine_vcpu_state *state);

	/*
	 * ---- for ENGINE_GUEST_PVH only, NULL otherwise
	 */

	/*
	 * The kernel lies in RAM at [start, end): last chance to choose how hypercalls are caught.
	 * Negative with a line in why[] if there is no way. Before the first resume.
	 */
	int (*image_loaded)(struct engine *e, uint64_t start, uint64_t end, char *why, size_t size);

	/*
	 * Where a vCPU starts when it comes up: the boot vCPU, and VCPUOP_initialise. The contents
	 * are hostile: -PV_EINVAL if no CPU can be like that. The vCPU must be down.
	 */
	int (*vcpu_start_set)(struct engine *e, unsigned vcpu,
			      const struct pv_vcpu_hvm_context *context);

	/* HVMOP_set_evtchn_upcall_vector: upcalls of this vCPU come as `vector`; it sends EOIs. */
	void (*upcall_vector_set)(struct engine *e, unsigned vcpu, uint8_t vector);
	/*
	 * HVM_PARAM_CALLBACK_IRQ: for vCPUs without one of their own; the guest sends no EOI. 0 =
	 * none. Where that cannot be had, the guest dies of the first upcall that would need it.
	 */
	void (*callback_set)(struct engine *e, uint8_t vector);

	/* An NMI for this vCPU, which takes it when it comes up if it is down. One waits, not more. */
	int (*nmi)(struct engine *e, unsigned vcpu);
	/*
	 * HVMOP_flush_tlbs, on the thread of vCPU `by`, in a callback and without the client's locks: no vCPU uses a
	 * translation of the guest's page tables that is older than the call. Waits until vCPUs have been interrupted.
	 */
	int (*tlb_flush)(struct engine *e, unsigned by);

	/*
	 * A page outside the regions becomes memory, or stops being it: zero at first, byte gfn <<
	 * 12 of the file. -PV_EINVAL beyond the span. Works while vCPUs run.
	 */
	int (*frame_set)(struct engine *e, uint64_t gfn, bool present);
	/*
	 * Page `gfn`, here and for the guest, shows what page `source` is (PV_PHYSMAP_NONE: itself
	 * again). flags: PV_PHYSMAP_READONLY, which an engine may ignore: both pages are the
	 * guest's own. Works while vCPUs run.
	 */
	int (*overlay_set)(struct engine *e, uint64_t gfn, uint64_t source, unsigned flags);

	/*
	 * Sleep on vCPU's own thread, in a callback, until a kick for it, its stop, or guest system
	 * time deadline_ns (0 = none). A kick since the last block() makes it return at once.
	 */
	void (*block)(struct engine *e, unsigned vcpu, uint64_t deadline_ns);

	/*
	 * ---- for all
	 */

	/* Let a vCPU run, or not. down does not wait: the vCPU stops at the end of its hypercall,
	 * or soon. */
	int (*vcpu_up)(struct engine *e, unsigned vcpu);
	int (*vcpu_down)(struct engine *e, unsigned vcpu);

	/* Where this vCPU's struct pv_vcpu_info lies; ENGINE_NO_GPA: nowhere, no upcalls. */
	int (*vcpu_info_set)(struct engine *e, unsigned vcpu, uint64_t gpa);

	/* shared_info, whose pending words SCHEDOP_poll looks at; ENGINE_NO_GPA: nowhere. */
	int (*shared_info_set)(struct engine *e, uint64_t gpa);

	/*
	 * The guest uses FIFO event channels: the word of port p is 4-byte word p % 1024 of page
	 * gfn[p / 1024] of n, and that is where SCHEDOP_poll looks; gfn NULL: shared_info again.
	 * NULL for an engine that leaves polls to the client.
	 */
	void (*event_array_set)(struct engine *e, const uint64_t *gfn, uint32_t n);

	/*
	 * The client has set event bits in guest memory: wake the vCPU, or make it take its upcall
	 * if upcalls are unmasked. why: PV_KICK_*; PV_KICK_EVENT wakes every vCPU that polls. Never
	 * lost; coalesced.
	 */
	void (*kick)(struct engine *e, unsigned vcpu, unsigned why);

	/* client->timer(vcpu) at guest system time abs_ns; replaces the earlier one; 0 = off. */
	void (*timer_set)(struct engine *e, unsigned vcpu, uint64_t abs_ns);

	/* Guest system time from now on = CLOCK_MONOTONIC + offset. */
	void (*clock_set)(struct engine *e, int64_t offset);

	/*
	 * Fast sends. kick_fd(i), i < ENGINE_KICK_FDS: an eventfd (non-blocking) that the caller
	 * waits on and reads; the engine's, closed by destroy. route_set: what EVTCHNOP_send on a
	 * port does (struct pv_route): for PV_ROUTE_KICK the engine may write kick_fd(route.kick)
	 * instead of asking the client.
	 */
	int (*kick_fd)(struct engine *e, unsigned i);
	void (*route_set)(struct engine *e, uint32_t port, struct pv_route route);

	/*
	 * stop: begin a pause and return at once. pause: wait until every vCPU rests, at most
	 * timeout_ms; a guest that does not stop in time is killed, died() is called and the answer
	 * is -PV_ETIMEDOUT.
	 */
	void (*stop)(struct engine *e);
	int (*pause)(struct engine *e, unsigned timeout_ms);
	int (*resume)(struct engine *e);

	/*
	 * Dirty log: one bit for each 4 KiB page, bit n % 64 of word n / 64, ram_size / 4096 bits.
	 * start: everything is clean from now on. collect: bitmap |= pages written since start or
	 * the last collect, and start over; never misses a page, may name too many. Works while
	 * vCPUs run and while they are paused.
	 */
	int (*dirty_start)(struct engine *e);
	int (*dirty_collect)(struct engine *e, uint64_t *bitmap);
	void (*dirty_stop)(struct engine *e);

	/*
	 * This process writes to guest memory through `ram`. Best called after the write. A mark
	 * counts in the collect that follows and in the one after that, so it may also come first
	 * if the write is over before a second collect. Free when no log is on.
	 */
	void (*mark_dirty)(struct engine *e, uint64_t gpa, uint64_t len);

	/*
	 * Where the guest has mapped gva, as kernel code sees it on this vCPU, or saw it at its
	 * last hypercall: 0 and *gpa, or -PV_EFAULT (also if write != 0 and it is read-only).
	 */
	int (*gva_to_gpa)(struct engine *e, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa);

	/*
	 * The pages that are not mapped flat. get: fills up to n, returns how many there are. set:
	 * replaces none, adds all (before the first resume); -PV_EINVAL if one is not a mapping
	 * that the guest could have made.
	 */
	int (*mappings_get)(struct engine *e, struct engine_mapping *map, unsigned n);
	int (*mappings_set)(struct engine *e, const struct engine_mapping *map, unsigned n);

	/* A descriptor that becomes readable when the guest process has died; then call watch(),
	 * which calls died(). */
	int (*watch_fd)(struct engine *e);
	void (*watch)(struct engine *e);

	void (*info)(struct engine *e, struct engine_info *info);
};

extern const struct engine_impl engine_user;
extern const struct engine_impl engine_kvm;

/* engine_ram_create() flags */
#define ENGINE_RAM_HUGE (1u << 0) /* of 2 MiB pages (hugetlbfs); size is a multiple of that */
#define ENGINE_RAM_THP	(1u << 1) /* of transparent huge pages, as far as the host allows */

/*
 * RAM for a guest: a memfd of `size` bytes, sealed against shrinking, growing and further seals, so
 * that no access through a mapping of it can fault; mapped shared at *ram. Pages appear when they
 * are touched.
 */
int engine_ram_create(uint64_t size, unsigned flags, int *fd, void **ram);
/* Make all pages of [gpa, gpa + size) present now. -PV_ENOMEM if the host has not so much. */
int engine_ram_prefault(int fd, void *ram, uint64_t gpa, uint64_t size);

/* RAM received from elsewhere (another process, a stream): checks size and seals, maps it. */
int engine_ram_adopt(int fd, uint64_t size, void **ram);

#endif
