/*
 * kvm.h: the inside of the kvm engine
 *
 * A guest is a VM of the host's KVM, with the local APICs in the kernel and no other device. One
 * thread runs each vCPU; one more, the service thread, keeps the timers and repeats upcalls that
 * found an APIC switched off. After wait() nothing is opened; ioctls.h lists what is still asked of
 * the kernel.
 *
 * Hypercalls leave the guest as OUT instructions (enum ke_port), by KVM's own Xen support, or by
 * way of a hypercall page that holds such an OUT.
 *
 * Trust: registers, page tables, ports and MSRs are the guest's word; they are read once and can
 * only lead to memory of the guest's own. struct kvm_run is the kernel's.
 */
#ifndef REFHV_ENGINE_KVM_KVM_H
#define REFHV_ENGINE_KVM_KVM_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include "../engine.h"
#include "sites.h"
#include "walk.h"

#define ke_read(p)     __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define ke_write(p, x) __atomic_store_n(p, x, __ATOMIC_SEQ_CST)
#define ke_swap(p, x)  __atomic_exchange_n(p, x, __ATOMIC_SEQ_CST)
#define ke_set(p, x)   __atomic_fetch_or(p, x, __ATOMIC_SEQ_CST)
#define ke_clear(p, x) __atomic_fetch_and(p, ~(x), __ATOMIC_SEQ_CST)
#define ke_add(p, x)   __atomic_add_fetch(p, x, __ATOMIC_SEQ_CST)
#define ke_count(p)    __atomic_fetch_add(p, 1, __ATOMIC_RELAXED)

/*
 * Ports of ours. No PC has anything there, and neither has Xen's PVH machine. Only code in ring 0
 * reaches them, or such code as the guest's kernel gives leave to; that gets -PV_EPERM.
 */
enum ke_port {
	KE_PORT_CALL = 0xf4,   /* one byte: a hypercall, registers as at the hypercall page */
	KE_PORT_UNDONE = 0xf5, /* the same from code by sites_shorten() */
	KE_PORT_SEND = 0xf8,   /* four bytes: EVTCHNOP_send on the port in eax */
};

#define KE_MSR_PAGE	   0x40000200u /* 0x40000000 is always Hyper-V's in KVM */
#define KE_MSR_EFER	   0xc0000080u
#define KE_LOCAL_APIC_BASE 0xfee00000u
#define KE_PATIENCE_S	   3 /* for a vCPU's thread that shall end */

/* ke_vcpu.todo: what a vCPU's thread does before it enters the guest again. */
enum ke_todo {
	KE_REST = 1 << 0,  /* the engine is paused, or the guest is dead */
	KE_QUIT = 1 << 1,  /* the engine is being destroyed */
	KE_START = 1 << 2, /* take the registers in `start` */
	KE_UP = 1 << 3,
	KE_DOWN = 1 << 4,
	KE_LOOK = 1 << 5,  /* is it halted for good? */
	KE_SYNIC = 1 << 6, /* the legacy callback has changed, or is not armed and wanted */
	KE_NMI = 1 << 7,
	KE_FLUSH = 1 << 8, /* forget translations of the guest's page tables */
};

enum ke_exit {
	KE_EXIT_CALL,
	KE_EXIT_SEND,
	KE_EXIT_PIO,
	KE_EXIT_MMIO,
	KE_EXIT_MSR,
	KE_EXIT_EFER,
	KE_EXIT_PAGE,
	KE_EXIT_SIPI,
	KE_EXIT_POKED,
	KE_EXIT_OTHER,
	KE_EXITS
};

struct ke_vcpu {
	struct engine *e;
	unsigned id;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	bool started;
	bool rests; /* under e->lock */

	uint32_t todo;	 /* atomic: enum ke_todo */
	uint32_t inside; /* atomic: the thread is in KVM_RUN, or about to be */
	uint32_t wake;	 /* futex: changes when the thread shall look up from block() */
	uint32_t sleeps; /* atomic: the thread is in block() */
	uint32_t kicked; /* atomic: kicked since the last block() */
	uint32_t up;	 /* atomic: it runs, or waits for a time when it may */
	uint32_t nmi;	 /* atomic: one is to be given to it */
	uint32_t synic;	 /* atomic, its thread's to change: the legacy callback ends by itself */

	uint64_t vinfo_gpa;   /* atomic; ENGINE_NO_GPA */
	uint64_t deadline;    /* atomic: guest system time in ns, 0 = off */
	uint32_t vector;      /* atomic: of upcalls; 0: the engine's callback */
	uint32_t undelivered; /* atomic: an upcall found the APIC off */
	uint64_t retry_at;    /* monotonic ns; the service thread's */
	uint32_t retries;     /* the service thread's */
	uint64_t exits_seen;  /* the service thread's */
	uint64_t quiet_since; /* the service thread's: monotonic ns */

	struct pv_vcpu_hvm_context start; /* under e->lock */
	struct walk_cpu cpu;		  /* atomic words: as of the last hypercall */

	/* Only the thread's. */
	bool incomplete; /* an exit that KVM finishes at the next entry */
	bool arriving;	 /* INIT has come */

	uint64_t exits[KE_EXITS]; /* atomic */
};

/* A memory slot of KVM's: a part of the RAM file that the guest sees. */
struct ke_slot {
	uint64_t gpa, size; /* size 0: free */
};
#define KE_MAX_SLOTS 500u /* KVM has at least 509 */

/* A page that shows another one. */
struct ke_overlay {
	uint64_t gfn, source;
};

/* How hypercalls get here: what ke_trap_init() and later finds decide. */
enum ke_trap_state {
	KE_TRAP_KVM_XEN,
	KE_TRAP_WAITING, /* for the guest to write EFER */
	KE_TRAP_LOAD_TIME,
	KE_TRAP_RUN_TIME,
	KE_TRAP_AMBIGUOUS, /* more than one place looks right: none is touched */
	KE_TRAP_PAGE,
};

struct engine {
	const struct engine_impl *impl;
	struct engine_config config;
	int vm;
	size_t run_size;
	uint64_t tsc_khz;
	int kick[ENGINE_KICK_FDS];
	bool has_synic;

	/* Who runs. Held for a few instructions and system calls that do not sleep. */
	pthread_mutex_t lock;
	pthread_cond_t rested, changed;
	bool paused, waited;

	uint32_t dead;	   /* atomic: died() or ended() has been called */
	uint32_t stopping; /* atomic: all threads end */
	int64_t clock;	   /* atomic: guest system time = CLOCK_MONOTONIC + clock */
	uint32_t callback; /* atomic: the legacy callback's vector */
	uint64_t kicks;	   /* atomic */

	/* vm.c: the memory map */
	pthread_mutex_t map_lock;
	struct ke_slot slot[KE_MAX_SLOTS];
	unsigned nslots;
	struct ke_overlay *overlay;
	unsigned noverlays, max_overlays;

	/* trap.c */
	pthread_mutex_t trap_lock;
	uint32_t trap;	/* atomic: enum ke_trap_state */
	bool xen_sends; /* KVM_XEN can write an eventfd for a send */
	bool filtered;	/* writes to EFER come here */
	bool patched;
	struct sites sites; /* if patched; at is a gpa */
	uint32_t try_short; /* atomic: the next hypercall may show that there is a shorter way */

	/* route.c */
	uint8_t routed[ENGINE_MAX_PORTS]; /* 1 + kick index; under the client's lock */

	/* dirty.c */
	uint32_t logging; /* atomic */
	uint64_t page_words;
	uint64_t *written; /* by this process: of this round, then of the one before */

	/* timer.c */
	pthread_t service;
	bool serving;
	uint32_t service_wake; /* futex */
	uint64_t sleep_until;  /* atomic: monotonic ns */

	struct ke_vcpu vcpu[ENGINE_MAX_VCPUS];
};

/* vm.c */
int ke_vm_create(struct engine *e, char *why, size_t size);
void *ke_mem(struct engine *e, uint64_t gpa, uint64_t len);
int ke_frame_set(struct engine *e, uint64_t gfn, bool present);
int ke_overlay_set(struct engine *e, uint64_t gfn, uint64_t source, unsigned flags);
int ke_slots_log(struct engine *e, bool on);

/* vcpu.c */
int ke_vcpu_create(struct ke_vcpu *v, char *why, size_t size);
int ke_vcpu_thread(struct ke_vcpu *v);

/* run.c */
void ke_poke(struct ke_vcpu *v);
void ke_ask(struct ke_vcpu *v, uint32_t todo);
bool ke_rest(struct ke_vcpu *v);
int ke_vcpu_up(struct engine *e, unsigned vcpu);
int ke_vcpu_down(struct engine *e, unsigned vcpu);
void ke_stop(struct engine *e);
int ke_pause(struct engine *e, unsigned timeout_ms);
int ke_resume(struct engine *e);
void ke_block(struct engine *e, unsigned vcpu, uint64_t deadline_ns);
void ke_unblock(struct ke_vcpu *v);
int ke_signal_init(void);
int ke_signal(void);

/* death.c */
void ke_died(struct ke_vcpu *v, const char *format, ...) __attribute__((format(printf, 2, 3)));
void ke_died_outside(struct engine *e, const char *why);
void ke_ended(struct engine *e, unsigned reason);

/* start.c */
int ke_start_check(const struct pv_vcpu_hvm_context *c);
int ke_start_set(struct engine *e, unsigned vcpu, const struct pv_vcpu_hvm_context *context);
int ke_start_apply(struct ke_vcpu *v);

/* cpuid.c */
struct ke_cpuid_config {
	unsigned vcpu, max_vcpus;
	uint16_t domid;
	uint32_t xen_version;
	uint64_t tsc_khz;
	bool tsc_deadline; /* KVM has that timer */
};
/* What this vCPU is told, from what the host supports. `out` has room for in->nent + 10. */
void ke_cpuid_build(const struct kvm_cpuid2 *in, const struct ke_cpuid_config *c,
		    struct kvm_cpuid2 *out);
int ke_cpuid_set(struct ke_vcpu *v);

/* hypercall.c */
void ke_hypercall(struct ke_vcpu *v);
void ke_hypercall_undone(struct ke_vcpu *v);
void ke_hypercall_xen(struct ke_vcpu *v);
void ke_send(struct ke_vcpu *v);
int ke_gva_to_gpa(struct engine *e, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa);
void ke_note_cpu(struct ke_vcpu *v);
bool ke_long_mode(const struct kvm_sregs *s);

/* page.c */
/* long_mode: for 64-bit code, which sends in a shorter way. */
void ke_page_fill(void *page, bool long_mode);

/* trap.c */
int ke_trap_init(struct engine *e, char *why, size_t size);
int ke_image_loaded(struct engine *e, uint64_t start, uint64_t end, char *why, size_t size);
void ke_trap_efer(struct ke_vcpu *v);
void ke_trap_shorten(struct ke_vcpu *v);
void ke_trap_skip(struct ke_vcpu *v);
const char *ke_trap_name(struct engine *e);

/* msr.c */
void ke_rdmsr(struct ke_vcpu *v);
void ke_wrmsr(struct ke_vcpu *v);
int ke_msr_set(struct ke_vcpu *v, uint32_t index, uint64_t value);

/* upcall.c */
bool ke_upcall(struct ke_vcpu *v);
bool ke_upcall_retry(struct ke_vcpu *v);
uint64_t ke_upcall_repeat(struct ke_vcpu *v, uint64_t now);
void ke_upcall_check(struct ke_vcpu *v);
void ke_upcall_vector_set(struct engine *e, unsigned vcpu, uint8_t vector);
void ke_callback_set(struct engine *e, uint8_t vector);
void ke_synic_set(struct ke_vcpu *v);
void ke_kick(struct engine *e, unsigned vcpu, unsigned why);

/* shootdown.c */
int ke_nmi(struct engine *e, unsigned vcpu);
void ke_nmi_give(struct ke_vcpu *v);
int ke_tlb_flush(struct engine *e, unsigned by);
void ke_tlb_drop(struct ke_vcpu *v);

/* pio.c */
void ke_pio(struct ke_vcpu *v);
/* What a byte read from this port is. */
uint8_t ke_pio_read(uint16_t port);
void ke_mmio(struct ke_vcpu *v);

/* route.c */
void ke_route_set(struct engine *e, uint32_t port, struct pv_route route);

/* timer.c */
uint64_t ke_now(void);
int ke_service_start(struct engine *e);
void ke_service_wake(struct engine *e);
void ke_timer_set(struct engine *e, unsigned vcpu, uint64_t abs_ns);
void ke_clock_set(struct engine *e, int64_t offset);

int ke_futex_wait(const uint32_t *word, uint32_t seen, uint64_t deadline_ns);
void ke_futex_wake(const uint32_t *word);

/* dirty.c */
int ke_dirty_start(struct engine *e);
int ke_dirty_collect(struct engine *e, uint64_t *bitmap);
void ke_dirty_stop(struct engine *e);
void ke_mark_dirty(struct engine *e, uint64_t gpa, uint64_t len);

#endif
