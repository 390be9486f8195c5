/*
 * main.c: which task runs, and what all tasks share
 */
#include "guest.h"

void (*volatile on_upcall)(struct trap_frame *f);
void (*volatile on_trap)(struct trap_frame *f);
volatile uint64_t upcalls;

void guest_main(uint64_t task, uint64_t vcpu);
void trap_c(struct trap_frame *f);
void *memset(void *to, int c, size_t n);
void *memcpy(void *to, const void *from, size_t n);

void *memset(void *to, int c, size_t n)
{
	for (volatile char *p = to; n--; p++)
		*p = (char)c;
	return to;
}

void *memcpy(void *to, const void *from, size_t n)
{
	const char *f = from;

	for (volatile char *p = to; n--; p++)
		*p = *f++;
	return to;
}

/* Stacks tell which vCPU this is. */
unsigned vcpu_id(void)
{
	return (unsigned)(((uint64_t)__builtin_frame_address(0) - VB - STACK_GPA) / STACK_SIZE);
}

volatile struct pv_vcpu_info *vcpu_info(void)
{
	return &SHARED->vcpu_info[vcpu_id()];
}

void trap_c(struct trap_frame *f)
{
	if (f->vector != 0xff) {
		on_trap(f);
		return;
	}
	__atomic_add_fetch(&upcalls, 1, __ATOMIC_SEQ_CST);
	/* Cleared first: an event that arrives from here on is pending again. */
	vcpu_info()->evtchn_upcall_pending = 0;
	__sync_synchronize();
	on_upcall(f);
}

void install_upcall(void (*fn)(struct trap_frame *f))
{
	struct pv_callback_register reg = {.type = PV_CALLBACKTYPE_event,
					   .address = (uint64_t)upcall_entry};

	on_upcall = fn;
	expect(HC2(PV_HYPERVISOR_callback_op, PV_CALLBACKOP_register, &reg) == 0);
}

void install_traps(void (*fn)(struct trap_frame *f))
{
	struct pv_trap_info table[23];

	on_trap = fn;
	for (unsigned i = 0; i < 22; i++)
		table[i] = (struct pv_trap_info){.vector = i < 21 ? (uint8_t)i : 0x80,
						 .flags = i == 14 ? 4 : 0,
						 .cs = PV_FLAT_KERNEL_CS,
						 .address = trap_entries[i]};
	table[22] = (struct pv_trap_info){0};
	expect(HC1(PV_HYPERVISOR_set_trap_table, table) == 0);
}

void guest_main(uint64_t task, uint64_t vcpu)
{
	(void)vcpu;
	tasks_calls((unsigned)task);
	tasks_events((unsigned)task);
	tasks_traps((unsigned)task);
	tasks_state((unsigned)task);
	tasks_smp((unsigned)task);
	tasks_attack((unsigned)task);
	tasks_bench((unsigned)task);
	done(999999);
}
