/*
 * guest.h: a bare paravirtual guest, one function for each task
 */
#ifndef TEST_ENGINE_GUEST_H
#define TEST_ENGINE_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <pv/abi/callback.h>
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/sched.h>
#include <pv/abi/version.h>
#include <pv/abi/xen.h>
#include "../shared.h"

#define SHARED	((volatile struct pv_shared_info *)(VB + SHARED_GPA))
#define SCRATCH ((volatile uint8_t *)(VB + SCRATCH_GPA))

static inline int64_t hypercall(uint32_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
				uint64_t e)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = 0;
	int64_t ret;

	__asm__ volatile("call *%1"
			 : "=a"(ret)
			 : "r"(VB + HCPAGE_GPA + 32ull * nr), "D"(a), "S"(b), "d"(c), "r"(r10),
			   "r"(r8), "r"(r9)
			 : "memory", "cc");
	return ret;
}

#define HC0(nr)		 hypercall(nr, 0, 0, 0, 0, 0)
#define HC1(nr, a)	 hypercall(nr, (uint64_t)(a), 0, 0, 0, 0)
#define HC2(nr, a, b)	 hypercall(nr, (uint64_t)(a), (uint64_t)(b), 0, 0, 0)
#define HC3(nr, a, b, c) hypercall(nr, (uint64_t)(a), (uint64_t)(b), (uint64_t)(c), 0, 0)

static inline int64_t raw(uint64_t nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e,
			  uint64_t f)
{
	register uint64_t r10 __asm__("r10") = d;
	register uint64_t r8 __asm__("r8") = e;
	register uint64_t r9 __asm__("r9") = f;
	int64_t ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return ret;
}

static inline uint64_t rdtsc(void)
{
	uint32_t lo, hi;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return lo | (uint64_t)hi << 32;
}

static inline void report(unsigned key, uint64_t value)
{
	HC2(TEST_REPORT, key, value);
}

__attribute__((noreturn)) static inline void done(uint64_t verdict)
{
	for (;;)
		HC1(TEST_DONE, verdict);
}

/* The task fails with the line that did not hold. */
#define expect(cond)                    \
	do {                            \
		if (!(cond))            \
			done(__LINE__); \
	} while (0)

/* What the upcall and trap entries (entry.S) hand to C: the frame that the hypervisor pushed. */
struct trap_frame {
	uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rax, rdx, rsi, rdi;
	uint64_t vector;
	uint64_t rcx, r11; /* pushed by the hypervisor, from here on */
	uint64_t error;	   /* 0 if the vector has none */
	uint64_t rip, cs, rflags, rsp, ss;
};

extern void upcall_entry(void);
extern const uint64_t trap_entries[32];
extern void (*volatile on_upcall)(struct trap_frame *f);
extern void (*volatile on_trap)(struct trap_frame *f);
extern volatile uint64_t upcalls;

void install_upcall(void (*fn)(struct trap_frame *f));
void install_traps(void (*fn)(struct trap_frame *f));
volatile struct pv_vcpu_info *vcpu_info(void);
unsigned vcpu_id(void);

void tasks_calls(unsigned task);
void tasks_events(unsigned task);
void tasks_traps(unsigned task);
void tasks_state(unsigned task);
void tasks_smp(unsigned task);
void tasks_attack(unsigned task);
void tasks_bench(unsigned task);

#endif
