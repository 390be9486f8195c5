/*
 * guest.h: the inside of the test guest
 */
#ifndef TEST_KVM_GUEST_H
#define TEST_KVM_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../kvm_shared.h"

#define mailbox ((volatile struct test_mailbox *)(uintptr_t)TEST_MAILBOX)

/* The guest's verdict is the first line that does not hold. */
#define need(x)                                             \
	do {                                                \
		if (!(x))                                   \
			call(CALL_DONE, __LINE__, 0, 0, 0); \
	} while (0)

void guest_main(unsigned vcpu);

long call(long nr, long a, long b, long c, long d);
long call6(long nr, const long arg[6]);

/* events.c */
struct vinfo {
	volatile uint8_t pending, pad, mask;
	uint8_t rest[61];
};
struct frame;
void trap(struct frame *f);
struct vinfo *vinfo(unsigned vcpu);
extern volatile unsigned upcalls[64], callbacks[64], nmis[64], faults;
extern volatile uint64_t resume_at; /* where a fault goes on; 0: a fault is the end */
void idt_init(void);
void apic_on(void);
void apic_write(unsigned reg, uint32_t value);
void wait_for(volatile unsigned *n, unsigned at_least);
void task_upcalls(void);
void task_blocked_upcall(void);
void task_callback(void);
void task_timer(void);

/* smp.c */
extern volatile unsigned arrived[64], leave;
void other_main(unsigned vcpu);
void task_smp(void);
void task_down_up(void);
void task_initialise(void);
void task_block(void);
void task_halt(void);
void task_halt_others(void);
void task_nmi(void);
void task_flush(void);
void start_others(void);

/* cpu.c */
void task_cpuid(void);
void task_msrs(void);
void task_ports(void);
void task_ring_3(void);
bool faults_at(void (*fn)(void));

/* memory.c */
void task_frames(void);
void task_overlay(void);
void task_dirty(void);

static inline void outb(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
	return value;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

static inline uint64_t rdmsr(uint32_t msr)
{
	uint32_t lo, hi;

	__asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
	return (uint64_t)hi << 32 | lo;
}

#endif
