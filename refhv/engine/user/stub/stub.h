/*
 * stub.h: the engine's code inside the guest process
 *
 * Freestanding, position fixed, no writable data: everything it knows is in the control pages
 * (layout.h). Nothing here protects the host: guest code may jump anywhere into the stub and
 * scribble over the RW pages. The stub only must keep an honest guest correct.
 */
#ifndef REFHV_ENGINE_USER_STUB_H
#define REFHV_ENGINE_USER_STUB_H

#include <stdbool.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include "../../engine.h"
#include "../layout.h"

#define stub_info   ((const struct ue_info *)UE_INFO)
#define stub_routes ((const uint8_t *)(UE_INFO + UE_ROUTE_OFF))
#define stub_shared ((struct ue_shared *)UE_SHARED)
#define stub_maps   ((struct ue_mapping *)(UE_SHARED + UE_MAP_OFF))

static inline struct ue_vrw *stub_vcpu(unsigned id)
{
	return (struct ue_vrw *)(UE_VRW + ((uint64_t)id << UE_VRW_SHIFT));
}

static inline const struct ue_vro *stub_ro(const struct ue_vrw *v)
{
	return (const struct ue_vro *)v->ro;
}

static inline struct pv_trap_info *stub_traps(struct ue_vrw *v)
{
	return (struct pv_trap_info *)((char *)v + UE_VRW_TRAPS);
}

#define stub_load(p)	 __atomic_load_n(p, __ATOMIC_SEQ_CST)
#define stub_store(p, x) __atomic_store_n(p, x, __ATOMIC_SEQ_CST)
#define stub_swap(p, x)	 __atomic_exchange_n(p, x, __ATOMIC_SEQ_CST)

static inline long stub_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

#define SYS0(nr)	     stub_syscall(nr, 0, 0, 0, 0, 0, 0)
#define SYS1(nr, a)	     stub_syscall(nr, (long)(a), 0, 0, 0, 0, 0)
#define SYS2(nr, a, b)	     stub_syscall(nr, (long)(a), (long)(b), 0, 0, 0, 0)
#define SYS3(nr, a, b, c)    stub_syscall(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define SYS4(nr, a, b, c, d) stub_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define SYS5(nr, a, b, c, d, e) \
	stub_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define SYS6(nr, a, b, c, d, e, f) \
	stub_syscall(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

static inline void stub_futex_wait(const uint32_t *word, uint32_t seen)
{
	SYS6(SYS_futex, word, FUTEX_WAIT, seen, 0, 0, 0);
}

/* Guest code may sleep on any word: a wake of one could be eaten by it. */
static inline void stub_futex_wake(const uint32_t *word)
{
	SYS3(SYS_futex, word, FUTEX_WAKE, 0x7fffffff);
}

/* Nothing is resolved at run time: there is no table of addresses to write to. */
#pragma GCC visibility push(hidden)

/* entry.S */
uint64_t stub_copy(void *to, const void *from, uint64_t n);
int stub_xrstor(const void *area);
long stub_clone(unsigned long flags, void *stack, struct ue_vrw *v);
void stub_restorer(void);
void stub_run(void);
void stub_trapped_call(void);
extern const char stub_text[], stub_end[];
extern const char stub_call_window[], stub_call_window_end[];
extern const char stub_run_window[], stub_run_window_end[];
struct stub_fixup {
	int32_t insn, fixup; /* relative to their own address */
};
extern const struct stub_fixup stub_extable[], stub_extable_end[];

/* hypercall.c */
int64_t stub_hypercall(struct ue_vrw *v, uint32_t nr);
void stub_raw_hypercall(struct ue_vrw *v);
int64_t stub_ask(struct ue_vrw *v, uint64_t nr, const uint64_t arg[6]);

/* sched.c */
int64_t stub_sched_op(struct ue_vrw *v, const uint64_t arg[6]);

/* mapping.c */
int64_t stub_update_va_mapping(uint64_t va, uint64_t pte);
int64_t stub_mmu_update(uint64_t reqs, uint64_t count, uint64_t done);
int64_t stub_mmuext_op(uint64_t ops, uint64_t count, uint64_t done);
const struct ue_mapping *stub_mapping_find(uint64_t gva);
void stub_mappings_replay(void);

/* dirty.c */
bool stub_dirty_fault(uint64_t address, uint64_t error);
void stub_dirty_arm(void);
void stub_dirty_off(void);

/* work.c */
bool stub_commanded(const struct ue_vrw *v);
void stub_obey(struct ue_vrw *v);
bool stub_has_work(const struct ue_vrw *v);
void stub_work(struct ue_vrw *v);
void stub_call_return(struct ue_vrw *v);
void stub_die(struct ue_vrw *v, uint64_t why, uint64_t detail) __attribute__((noreturn));

/* trap.c */
uint8_t stub_upcall_mask(const struct ue_vrw *v);
void stub_deliver_upcall(struct ue_vrw *v);
void stub_deliver_trap(struct ue_vrw *v, unsigned vector, bool has_error, uint64_t error);
void stub_iret(struct ue_vrw *v, bool trapped);
bool stub_iret_to(struct ue_vrw *v, const uint64_t *frame);

/* emulate.c */
bool stub_emulate(struct ue_vrw *v);
bool stub_set_fs_base(struct ue_vrw *v, uint64_t base);
bool stub_set_gs_base(struct ue_vrw *v, uint64_t base);
uint64_t stub_get_fs_base(struct ue_vrw *v);
uint64_t stub_get_gs_base(struct ue_vrw *v);

/* filter.c */
long stub_lockdown(bool mprotect_log);

/* setup.c */
void stub_map(void);
void stub_setup(struct ue_vrw *v) __attribute__((noreturn));
void stub_thread(struct ue_vrw *v) __attribute__((noreturn));

/* signal.c */
long stub_signals(void);
long stub_signal_stack(struct ue_vrw *v);

/* confine.c */
uint32_t stub_confine(void);

#pragma GCC visibility pop

#endif
