/*
 * monitor.h: the side of the user engine that lives in the domain process
 *
 * After wait() it opens nothing more. Its system calls from then on, for the sandbox of the domain
 * process:
 *
 *   futex (WAIT_BITSET, WAKE on memory shared with the guest process), tgkill and kill (the guest
 * process only), ioctl (UFFDIO_REGISTER and UFFDIO_UNREGISTER on the userfaultfd, PAGEMAP_SCAN on
 * the pagemap), waitid, sched_setaffinity (own threads), clock_gettime and getcpu where the vdso
 * falls back to the kernel, poll, close, munmap, what pthread_join and malloc need (madvise, mmap,
 * munmap, brk), rt_sigprocmask, exit.
 *
 * wait() itself also makes the threads (clone3 or clone, rseq, set_robust_list, prctl) and uses
 * recvmsg. Signals need the guest process to have the uid of this one, or CAP_KILL: do not change
 * uids after create().
 *
 * Trust: what lies in a struct ue_vrw or ue_shared is the guest's word. It is read once, through
 * ue_read(), and used in ways that can only hurt the guest: numbers are masked, waits have other
 * ends.
 */
#ifndef REFHV_ENGINE_USER_MONITOR_H
#define REFHV_ENGINE_USER_MONITOR_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <time.h>
#include "../../engine.h"
#include "../layout.h"

#define ue_read(p)     __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define ue_write(p, x) __atomic_store_n(p, x, __ATOMIC_SEQ_CST)
#define ue_swap(p, x)  __atomic_exchange_n(p, x, __ATOMIC_SEQ_CST)
#define ue_add(p, x)   __atomic_add_fetch(p, x, __ATOMIC_SEQ_CST)

struct ue_vcpu {
	struct engine *e;
	unsigned id;
	struct ue_vro *ro; /* ours */
	struct ue_vrw *rw; /* the guest's */
	int32_t tid;	   /* of the vCPU's thread */
	bool up;	   /* under e->lock */

	uint64_t vinfo_gpa; /* atomic; ENGINE_NO_GPA */
	uint64_t deadline;  /* atomic: guest system time in ns, 0 = off */
	/*
	 * Atomic: what one thread did before the vCPU ran, or rested, is seen by whoever learns of
	 * that. In fact the guest process hands this on through its words, but it is outside of
	 * what the language knows.
	 */
	uint32_t order;

	/* The service thread and what only it uses. */
	pthread_t thread;
	bool started;
	uint32_t last; /* request answered last */
	int pinned;    /* the CPU that the thread is confined to, -1 = not confined */
	bool polls;
	unsigned hits, misses, backoff;
	uint64_t answered_ns;
};

struct engine {
	const struct engine_impl *impl;
	struct engine_config config;
	uint32_t caps;

	int ctl_fd, sock, pidfd, pagemap, uffd;
	int kick[ENGINE_KICK_FDS];
	pid_t pid;
	void *ctl;
	uint64_t ctl_size;
	struct ue_info *info;
	uint8_t *routes;
	struct ue_shared *shared;
	uint64_t page_words; /* 64-bit words of a bitmap of all pages */

	/* Who runs. The lock is held for a few instructions and system calls that do not sleep. */
	pthread_mutex_t lock;
	uint32_t generation;
	bool paused;
	bool waited;

	uint32_t dead;	   /* atomic: died() has been called */
	uint32_t stopping; /* atomic: service threads end */
	uint32_t killing;  /* atomic: the process is expected to die, destroy() is at work */
	uint64_t hypercalls, kicks; /* atomic, for info() */

	uint32_t logging; /* atomic: mark_dirty has something to do */
	uint64_t
		*written; /* pages written by this process: of this round, then of the one before */

	cpu_set_t cpus; /* this process may use */
	struct ue_vcpu vcpu[UE_MAX_VCPUS];
};

/* run.c */
void ue_nudge(struct ue_vcpu *v);
int ue_vcpu_up(struct engine *e, unsigned vcpu);
int ue_vcpu_down(struct engine *e, unsigned vcpu);
void ue_kick(struct engine *e, unsigned vcpu, unsigned why);
void ue_stop(struct engine *e);
int ue_pause(struct engine *e, unsigned timeout_ms);
int ue_resume(struct engine *e);
int ue_command(struct engine *e, uint32_t command);
bool ue_rests(struct ue_vcpu *v, uint64_t deadline_ns);

/* death.c */
void ue_died(struct engine *e, const char *why);
void ue_died_in_guest(struct ue_vcpu *v, uint64_t why, uint64_t detail);
bool ue_gone(struct engine *e);
void ue_watch(struct engine *e);

/* service.c */
int ue_service_start(struct ue_vcpu *v);
void ue_service_wake(struct ue_vcpu *v);
void ue_timer_set(struct engine *e, unsigned vcpu, uint64_t abs_ns);

/* spawn.S */
int ue_spawn(int (*fn)(void *), void *arg, void *stack_top);

/* launch.c */
int ue_launch(struct engine *e, char *why, size_t size);
int ue_wait(struct engine *e, unsigned timeout_ms, char *why, size_t size);

/* state.c */
int ue_vcpu_set(struct engine *e, unsigned vcpu, const struct engine_vcpu_state *state);
int ue_vcpu_get(struct engine *e, unsigned vcpu, struct engine_vcpu_state *state);
uint32_t ue_xsave_size(void);
void ue_fpu_reset(void *area);

/* dirty.c */
int ue_dirty_start(struct engine *e);
int ue_dirty_collect(struct engine *e, uint64_t *bitmap);
void ue_dirty_stop(struct engine *e);
void ue_mark_dirty(struct engine *e, uint64_t gpa, uint64_t len);

/* mappings.c */
int ue_gva_to_gpa(struct engine *e, unsigned vcpu, uint64_t gva, int write, uint64_t *gpa);
int ue_mappings_get(struct engine *e, struct engine_mapping *map, unsigned n);
int ue_mappings_set(struct engine *e, const struct engine_mapping *map, unsigned n);
void ue_mappings_dirty(struct engine *e, uint64_t *bitmap);

/* futex.c */
uint64_t ue_now(void);
int ue_futex_wait(const uint32_t *word, uint32_t seen, uint64_t deadline_ns);
void ue_futex_wake(const uint32_t *word);

/* The stub's image, as built. */
extern const char ue_stub_image[], ue_stub_image_end[];

#endif
