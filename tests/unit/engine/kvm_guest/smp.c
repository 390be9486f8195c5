/*
 * smp.c: more than one vCPU
 */
#include "guest.h"

#define ICR_LOW	  0x300u
#define ICR_HIGH  0x310u
#define INIT	  0x4500u
#define SIPI	  (0x4600u | TEST_TRAMPOLINE >> 12)
#define MAX_VCPUS 64u

volatile unsigned arrived[MAX_VCPUS], leave;
extern char trampoline[], trampoline_end[], pml4[], start64[];

static void send_ipi(unsigned vcpu, uint32_t what)
{
	apic_write(ICR_HIGH, vcpu << 25);
	apic_write(ICR_LOW, what);
}

static void wait_ms(unsigned ms)
{
	long until = call(CALL_NOW, 0, 0, 0, 0) + ms * 1000000l;

	while (call(CALL_NOW, 0, 0, 0, 0) < until)
		;
}

static void start(unsigned vcpu)
{
	unsigned before = arrived[vcpu];

	send_ipi(vcpu, INIT);
	wait_ms(1);
	send_ipi(vcpu, SIPI);
	wait_ms(1);
	if (arrived[vcpu] == before)
		send_ipi(vcpu, SIPI);
	while (arrived[vcpu] == before)
		__asm__ volatile("pause");
}

void start_others(void)
{
	volatile char *to = (volatile char *)(uintptr_t)TEST_TRAMPOLINE;

	for (int i = 0; i < trampoline_end - trampoline; i++)
		to[i] = trampoline[i];
	apic_on();
	for (unsigned v = 1; v < mailbox->vcpus; v++)
		start(v);
}

static volatile uint32_t turn, watching, good, bad;
static volatile uint32_t *const window = (volatile uint32_t *)(1ul << 30);

static void watch_window(void)
{
	uint32_t before = turn, value = *window;

	if (before & 1 || turn != before)
		return;
	if (value == 100 + (before >> 1 & 1))
		good++;
	else
		bad++;
}

/* Sleeps, and counts the upcalls, until it is to leave by VCPUOP_down (1) or by HLT (2). */
void other_main(unsigned vcpu)
{
	apic_on();
	__asm__ volatile("sti");
	__atomic_fetch_add(&arrived[vcpu], 1, __ATOMIC_SEQ_CST);
	while (!leave) {
		if (watching)
			watch_window();
		__asm__ volatile("pause");
	}
	if (leave == 1) {
		call(CALL_DOWN, vcpu, 0, 0, 0);
		/* VCPUOP_up: here it goes on. */
		__atomic_fetch_add(&arrived[vcpu], 100, __ATOMIC_SEQ_CST);
	}
	for (;;)
		__asm__ volatile("cli; hlt");
}

void task_smp(void)
{
	for (unsigned v = 0; v < mailbox->vcpus; v++)
		need(!call(CALL_VECTOR, v, TEST_VECTOR, 0, 0));
	/* Pending before the vCPU has ever run, as when Linux registers its vcpu_info. */
	for (unsigned v = 1; v < mailbox->vcpus; v++)
		need(!call(CALL_SEND, v, 0, 0, 0));
	start_others();
	for (unsigned v = 1; v < mailbox->vcpus; v++) {
		need(arrived[v] == 1);
		while (!upcalls[v])
			__asm__ volatile("pause");
	}
	for (unsigned i = 2; i < 12; i++) {
		for (unsigned v = 1; v < mailbox->vcpus; v++)
			need(!call(CALL_SEND, v, 0, 0, 0));
		for (unsigned v = 1; v < mailbox->vcpus; v++)
			while (upcalls[v] < i)
				__asm__ volatile("pause");
	}
}

/* VCPUOP_down and up keep a vCPU's state; INIT and SIPI start a vCPU that is down anew. */
void task_down_up(void)
{
	start_others();
	leave = 1;
	while (!call(CALL_DOWNS, 0, 0, 0, 0))
		;
	wait_ms(20);
	need(arrived[1] == 1);
	need(!call(CALL_UP, 1, 0, 0, 0));
	while (arrived[1] != 101)
		__asm__ volatile("pause");
	leave = 0;
	start(1);
	need(arrived[1] == 102);
}

void task_initialise(void)
{
	need(call(CALL_START, 1, 0, 0, 0) == -22);
	need(!call(CALL_START, 1, (long)start64, (long)pml4, 1));
	need(!call(CALL_UP, 1, 0, 0, 0));
	while (!arrived[1])
		__asm__ volatile("pause");
	need(call(CALL_START, 1, (long)start64, (long)pml4, 1) == -16);
}

/* SCHEDOP_block and poll: until their time, or a kick. */
void task_block(void)
{
	long before = call(CALL_NOW, 0, 0, 0, 0), after;

	call(CALL_BLOCK, 5000000, 0, 0, 0);
	after = call(CALL_NOW, 0, 0, 0, 0);
	need(after - before >= 5000000);
	/* A kick that came before counts. */
	call(CALL_KICK, 0, 0, 0, 0);
	before = call(CALL_NOW, 0, 0, 0, 0);
	call(CALL_BLOCK, 15000000, 0, 0, 0);
	after = call(CALL_NOW, 0, 0, 0, 0);
	need(after - before < 15000000);
}

void task_halt(void)
{
	start_others();
	leave = 2;
	wait_ms(2);
	for (;;)
		__asm__ volatile("cli; hlt");
}

/* It is noticed while this vCPU is busy; and that one can be started anew. */
void task_halt_others(void)
{
	start_others();
	leave = 2;
	while (!call(CALL_TOLD_DOWN, 0, 0, 0, 0))
		;
	leave = 0;
	start(1);
	need(arrived[1] == 2);
}

/* Whatever a vCPU does: one that is busy, one with interrupts off, one that is down and comes up. */
void task_nmi(void)
{
	need(call(CALL_NMI, 64, 0, 0, 0) == -2);
	start_others();
	need(!call(CALL_NMI, 1, 0, 0, 0));
	while (!nmis[1])
		__asm__ volatile("pause");
	__asm__ volatile("cli");
	for (unsigned i = 1; i <= 10; i++) {
		need(!call(CALL_NMI, 0, 0, 0, 0));
		while (nmis[0] < i)
			__asm__ volatile("pause");
	}
	leave = 1;
	while (!call(CALL_DOWNS, 0, 0, 0, 0))
		;
	wait_ms(20);
	need(!call(CALL_NMI, 1, 0, 0, 0));
	need(!call(CALL_NMI, 1, 0, 0, 0));
	wait_ms(20);
	need(nmis[1] == 1);
	need(!call(CALL_UP, 1, 0, 0, 0));
	while (arrived[1] != 101)
		__asm__ volatile("pause");
	need(nmis[0] == 10 && nmis[1] == 2);
}

/*
 * The large page at 1 GiB is mapped to two places in turn, while the other vCPU reads there. `turn` is odd while it changes.
 */
void task_flush(void)
{
	volatile uint64_t *entry = (volatile uint64_t *)(pml4 + 3 * 4096);

	for (uint32_t i = 0; i < 2; i++)
		*(volatile uint32_t *)(uintptr_t)(TEST_SCRATCH + (i << 21)) = 100 + i;
	*entry = TEST_SCRATCH | 0x83;
	need(*window == 100);
	watching = 1;
	start_others();
	for (uint32_t i = 1; i < 50; i++) {
		turn++;
		*entry = (TEST_SCRATCH + ((i & 1) << 21)) | 0x83;
		need(!call(CALL_FLUSH, 0, 0, 0, 0));
		turn++;
		need(*window == 100 + (i & 1));
		for (uint32_t before = good; mailbox->vcpus > 1 && good == before;)
			__asm__ volatile("pause");
	}
	need(!bad);
}
