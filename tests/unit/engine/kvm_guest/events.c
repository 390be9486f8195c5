/*
 * events.c: interrupts and upcalls of the test guest
 */
#include "guest.h"

#define APIC	  0xfee00000u
#define APIC_EOI  0xb0u
#define APIC_SPIV 0xf0u
#define APIC_ICR  0x300u

struct frame {
	uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
	uint64_t vector, error, rip, cs, rflags, rsp, ss;
};

volatile unsigned upcalls[64], callbacks[64], nmis[64], faults;
volatile uint64_t resume_at;
extern uint64_t idt[512];
extern char stubs[];

struct vinfo *vinfo(unsigned vcpu)
{
	return (struct vinfo *)(uintptr_t)(TEST_INFO + vcpu * 64u);
}

void apic_write(unsigned reg, uint32_t value)
{
	*(volatile uint32_t *)(uintptr_t)(APIC + reg) = value;
}

void apic_on(void)
{
	apic_write(APIC_SPIV, 0x1ff);
}

static unsigned own_number(void)
{
	return *(volatile uint32_t *)(uintptr_t)(APIC + 0x20) >> 25;
}

void trap(struct frame *f)
{
	unsigned vcpu;

	if (f->vector == TEST_VECTOR || f->vector == TEST_CALLBACK) {
		vcpu = own_number();
		vinfo(vcpu)->pending = 0;
		if (f->vector == TEST_CALLBACK) {
			callbacks[vcpu]++;
			return;
		}
		upcalls[vcpu]++;
		apic_write(APIC_EOI, 0);
		return;
	}
	if (f->vector == 2) {
		nmis[own_number()]++;
		return;
	}
	faults++;
	if (resume_at) {
		f->rip = resume_at;
		resume_at = 0;
		return;
	}
	call(CALL_REPORT, 1, (long)f->vector, 0, 0);
	call(CALL_DONE, (long)(0x10000 + f->vector), (long)f->rip, 0, 0);
}

void idt_init(void)
{
	for (unsigned i = 0; i < 256; i++) {
		uint64_t to = (uint64_t)(uintptr_t)(stubs + i * 16);

		idt[2 * i] = (to & 0xffff) | 8ull << 16 | 0x8eull << 40 | (to >> 16 & 0xffff) << 48;
		idt[2 * i + 1] = to >> 32;
	}
}

void wait_for(volatile unsigned *n, unsigned at_least)
{
	/* The CPU sleeps with interrupts on, and looks with them off. */
	for (;;) {
		__asm__ volatile("cli");
		if (*n >= at_least)
			break;
		__asm__ volatile("sti; hlt" : : : "memory");
	}
	__asm__ volatile("sti");
}

void task_upcalls(void)
{
	apic_on();
	need(!call(CALL_VECTOR, 0, TEST_VECTOR, 0, 0));
	__asm__ volatile("sti");
	for (unsigned i = 1; i <= 100; i++) {
		need(!call(CALL_SEND, 0, 0, 0, 0));
		wait_for(&upcalls[0], i);
	}
	need(upcalls[0] == 100);
	need(!callbacks[0]);
}

/* Linux registers its vector before its APIC is on: the upcall comes when it is. */
void task_blocked_upcall(void)
{
	apic_write(APIC_SPIV, 0xff);
	need(!call(CALL_VECTOR, 0, TEST_VECTOR, 0, 0));
	need(!call(CALL_SEND, 0, 0, 0, 0));
	__asm__ volatile("sti");
	need(!upcalls[0]);
	apic_on();
	wait_for(&upcalls[0], 1);
	need(!call(CALL_SEND, 0, 0, 0, 0));
	wait_for(&upcalls[0], 2);
	/* Off once more, as over a suspend; the guest makes no exit by itself. */
	__asm__ volatile("cli");
	apic_write(APIC_SPIV, 0xff);
	need(!call(CALL_SEND, 0, 0, 0, 0));
	apic_on();
	wait_for(&upcalls[0], 3);
}

/* This one comes whatever the APIC's state is: not touched, on, or switched off. */
void task_callback(void)
{
	need(!call(CALL_CALLBACK, TEST_CALLBACK, 0, 0, 0));
	__asm__ volatile("sti");
	for (unsigned i = 1; i <= 100; i++) {
		if (i == 50)
			apic_on();
		else if (i % 10 == 0 && i > 80)
			apic_write(APIC_SPIV, 0xff);
		need(!call(CALL_SEND, 0, 0, 0, 0));
		wait_for(&callbacks[0], i);
	}
	need(!upcalls[0]);
	if (mailbox->vcpus < 2)
		return;
	start_others();
	for (unsigned i = 1; i <= 20; i++) {
		need(!call(CALL_SEND, 1, 0, 0, 0));
		while (callbacks[1] < i)
			;
	}
}

void task_timer(void)
{
	long before, after;

	apic_on();
	need(!call(CALL_VECTOR, 0, TEST_VECTOR, 0, 0));
	for (unsigned i = 1; i <= 10; i++) {
		before = call(CALL_NOW, 0, 0, 0, 0);
		need(!call(CALL_TIMER, 3000000, 0, 0, 0));
		wait_for(&upcalls[0], i);
		after = call(CALL_NOW, 0, 0, 0, 0);
		need(after - before >= 3000000);
		call(CALL_REPORT, 2, after - before - 3000000, 0, 0);
	}
}
