/*
 * shared.h: what the test guest and its test monitor agree on
 */
#ifndef TEST_ENGINE_SHARED_H
#define TEST_ENGINE_SHARED_H

#include <stdint.h>

#define VB	    0x10000000ull /* virt_base */
#define IMAGE_GPA   0x100000ull	  /* where the guest is linked: VB + this */
#define RAM_SIZE    (32ull << 20)
#define SHARED_GPA  0x1000ull /* shared_info */
#define HCPAGE_GPA  0x2000ull
#define COMMAND_GPA 0x3000ull  /* what the test tells the guest while it runs */
#define STACK_GPA   0x40000ull /* stack of vCPU n ends at STACK_GPA + (n + 1) * STACK_SIZE */
#define STACK_SIZE  0x4000ull
#define SCRATCH_GPA 0x800000ull /* free memory up to the end */

/* Hypercalls of the test monitor, in the range that Xen leaves to an architecture. */
#define TEST_DONE   48u /* (verdict): the task is over */
#define TEST_REPORT 49u /* (key, value) */
#define TEST_ECHO   50u /* (a, b, c, d, e, f) -> a + 3b + 5c + 7d + 11e + 13f */
#define TEST_SEND   51u /* (vcpu, port): raises an event as libpv would */
#define TEST_BOOT   52u /* (vcpu, task): starts a vCPU on a task */
#define TEST_SLEEP  53u /* (us): the monitor takes its time */
#define TEST_TIMER  54u /* (abs_ns): port 1 becomes pending then */
#define TEST_NOW    55u /* -> guest system time */
#define TEST_DOWN   56u /* this vCPU stops */

/* What an unknown hypercall answers, plus its number, if the test wants to see it. */
#define TEST_UNKNOWN 0x5eed00000000ull

#define TEST_KEYS 512u

enum task {
	TASK_ECHO,
	TASK_IN_STUB,
	TASK_RAW_SYSCALL,
	TASK_MULTICALL,
	TASK_SEGMENT_BASES,
	TASK_CPUID,
	TASK_PRIVILEGED,
	TASK_EVENTS,
	TASK_EVENTS_MASKED,
	TASK_EVENTS_BLOCK,
	TASK_EVENTS_POLL,
	TASK_EVENTS_POLL_FIFO,
	TASK_TIMER,
	TASK_ROUTED_SEND,
	TASK_FPU_SIGNALS,
	TASK_PAGE_FAULT,
	TASK_OTHER_TRAPS,
	TASK_IRET,
	TASK_DOUBLE_FAULT,
	TASK_BAD_STACK,
	TASK_FORGE_MASK,
	TASK_SMP_BOOT,
	TASK_SMP_WORKER,
	TASK_STORM_BOOT,
	TASK_STORM,
	TASK_COUNT,
	TASK_COUNT_ECHO,
	TASK_COUNT_BLOCK,
	TASK_STATE,
	TASK_DIRTY,
	TASK_MAPPING,
	TASK_MAPPING_KEPT,
	TASK_ATTACK,
	TASK_ATTACK_PAGING,
	TASK_BENCH_STUB,
	TASK_BENCH_MONITOR,
	TASK_MAX
};

#endif
