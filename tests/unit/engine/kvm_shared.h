/*
 * kvm_shared.h: what the test of the kvm engine and the guest that it runs have agreed upon
 *
 * Physical memory: 64 MiB from 0 on. The guest has it mapped flat, and the first GiB once more at
 * TEST_HIGH. Included by assembly, too.
 */
#ifndef TEST_KVM_SHARED_H
#define TEST_KVM_SHARED_H

#define TEST_RAM	(64 << 20)
#define TEST_SPAN	(1 << 30) /* addresses that can become memory */
#define TEST_MAILBOX	0x1000
#define TEST_PAGE	0x2000 /* the hypercall page, if the guest asks for one */
#define TEST_INFO	0x3000 /* struct pv_vcpu_info of vCPU n at n * 64 */
#define TEST_TRAMPOLINE 0x7000 /* where other vCPUs begin, by SIPI */
#define TEST_HIGH	0xffff888000000000
#define TEST_FRAME	(256 << 20) /* no memory at first */
#define TEST_SCRATCH	(32 << 20)

#define TEST_VECTOR   0x40 /* of upcalls; the guest sends EOIs */
#define TEST_CALLBACK 0x41 /* it does not */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct test_mailbox {
	uint32_t task;
	uint32_t vcpus;
	uint32_t direct; /* hypercalls: 0 by the page, 1 by VMMCALL, 2 by VMCALL */
	uint32_t going;	 /* the guest counts up as long as it lives */
	uint32_t stop;
};

enum test_task {
	TASK_ECHO = 1,
	TASK_CPUID,
	TASK_UPCALLS,
	TASK_BLOCKED_UPCALL,
	TASK_CALLBACK,
	TASK_TIMER,
	TASK_SMP,
	TASK_DOWN_UP,
	TASK_INITIALISE,
	TASK_BLOCK,
	TASK_HALT,
	TASK_HALT_OTHERS,
	TASK_S5,
	TASK_RESET,
	TASK_TRIPLE_FAULT,
	TASK_NOWHERE,
	TASK_CALLS,
	TASK_SPIN,
	TASK_FRAMES,
	TASK_OVERLAY,
	TASK_DIRTY,
	TASK_SEND,
	TASK_MSRS,
	TASK_PORTS,
	TASK_RING_3,
	TASK_NMI,
	TASK_FLUSH,
};

/* Hypercall numbers. */
enum test_call {
	CALL_DONE = 64, /* verdict: 0, or the line that failed */
	CALL_REPORT,	/* key, value */
	CALL_ECHO,	/* six arguments: their weighted sum */
	CALL_PRINT,	/* gva, bytes */
	CALL_SEND,	/* vCPU: an event is pending there */
	CALL_TIMER,	/* ns from now */
	CALL_BLOCK,	/* ns from now, 0 = none */
	CALL_KICK,	/* vCPU: as if one of its ports had become pending */
	CALL_FRAME,	/* gfn, present */
	CALL_OVERLAY,	/* gfn, source */
	CALL_DOWN,	/* vCPU */
	CALL_UP,	/* vCPU */
	CALL_START,	/* vCPU, entry, page table, stack */
	CALL_VECTOR,	/* vCPU, vector */
	CALL_CALLBACK,	/* vector */
	CALL_NOW,	/* ns */
	CALL_TOLD_DOWN, /* how many vCPUs were told to have halted for good */
	CALL_DOWNS,	/* how many CALL_DOWN there were */
	CALL_NMI,	/* vCPU */
	CALL_FLUSH,	/* HVMOP_flush_tlbs */
};
#define TEST_KEYS 64
#endif

#endif
