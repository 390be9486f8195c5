/*
 * Exceptions and upcalls: tables for the processor (PVH) and the hypervisor (PV), and the dispatch.
 */
#include "internal.h"
#include <pv/abi/hvm/params.h>

#define NR_TRAPS   32
#define ENTRY_SIZE 16

struct idt_gate {
	uint16_t offset_low, selector, flags, offset_mid;
	uint32_t offset_high, zero;
};

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint64_t base;
};

static struct idt_gate idt[VECTOR_UPCALL + 1];
uint8_t trap_return_pv;
int (*trap_hook)(struct trap_frame *f);

static void set_gate(unsigned vector, const char *entry)
{
	uint64_t a = (uintptr_t)entry;

	/* Present interrupt gate: interrupts are off on entry. */
	idt[vector] = (struct idt_gate){(uint16_t)a,	     SEL_CODE64,	  0x8e00,
					(uint16_t)(a >> 16), (uint32_t)(a >> 32), 0};
}

unsigned trap_table(struct pv_trap_info *t)
{
	unsigned i;

	for (i = 0; i < NR_TRAPS; i++)
		t[i] = (struct pv_trap_info){
			.vector = (uint8_t)i,
			.flags = 4 | (i == 3 || i == 4 ? 3 : 0), /* events masked; int3, into */
			.cs = PV_FLAT_KERNEL_CS,
			.address = (uintptr_t)pv_trap_entries + i * ENTRY_SIZE};
	t[i] = (struct pv_trap_info){0};
	return NR_TRAPS;
}

void trap_load(void)
{
	struct table_pointer p = {sizeof(idt) - 1, (uintptr_t)idt};

	__asm__ volatile("lidt %0" : : "m"(p));
}

void trap_init(void)
{
	unsigned i;

	if (kernel_is_pv()) {
		struct pv_trap_info t[NR_TRAPS + 1];

		trap_return_pv = 1;
		trap_table(t);
		if (pv_hypercall2(&kernel_pv, PV_HYPERVISOR_set_trap_table, (uintptr_t)t, 0) ||
		    pv_hypercall3(&kernel_pv, PV_HYPERVISOR_set_callbacks,
				  (uintptr_t)pv_event_entry, (uintptr_t)pv_failsafe_entry, 0))
			panic("trap table or callbacks refused");
		return;
	}
	for (i = 0; i < NR_TRAPS; i++)
		set_gate(i, trap_entries + i * ENTRY_SIZE);
	set_gate(VECTOR_UPCALL, upcall_entry);
	trap_load();
}

static uint64_t fault_address(void)
{
	struct pv_vcpu_info *vi = pv_vcpu_info(&kernel_pv, cpu_id());
	uint64_t v;

	if (kernel_is_pv())
		return vi ? LOAD(&vi->arch.cr2) : 0;
	__asm__ volatile("mov %%cr2, %0" : "=r"(v));
	return v;
}

static void dump(const struct trap_frame *f)
{
	kprintf("vCPU %u: exception %lu error %#lx at rip %lx, address %lx\n", cpu_id(), f->vector,
		f->error, f->rip, fault_address());
	kprintf("  cs %04lx rflags %08lx rsp %04lx:%016lx\n", f->cs & 0xffff, f->rflags,
		f->ss & 0xffff, f->rsp);
	kprintf("  rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
	kprintf("  rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
	kprintf("  r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
	kprintf("  r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
}

void trap_dispatch(struct trap_frame *f)
{
	if (f->vector == VECTOR_UPCALL || f->vector == VECTOR_PV_EVENT) {
		pv_upcall(&kernel_pv, cpu_id());
		return;
	}
	if (trap_hook && trap_hook(f))
		return;
	dump(f);
	panic("unexpected exception %lu", f->vector);
}

/* PV: the inverse of the interrupt flag is a byte that hypervisor and guest share. */
unsigned long irq_save(void)
{
	struct pv_vcpu_info *vi;
	unsigned long flags;

	if (!kernel_is_pv()) {
		__asm__ volatile("pushfq; pop %0; cli" : "=r"(flags) : : "memory");
		return flags >> 9 & 1;
	}
	vi = pv_vcpu_info(&kernel_pv, cpu_id());
	if (!vi)
		return 0;
	flags = !LOAD(&vi->evtchn_upcall_mask);
	STORE(&vi->evtchn_upcall_mask, 1);
	__asm__ volatile("" : : : "memory");
	return flags;
}

void irq_restore(unsigned long flags)
{
	struct pv_vcpu_info *vi;

	__asm__ volatile("" : : : "memory");
	if (!flags)
		return;
	if (!kernel_is_pv()) {
		__asm__ volatile("sti" : : : "memory");
		return;
	}
	vi = pv_vcpu_info(&kernel_pv, cpu_id());
	STORE(&vi->evtchn_upcall_mask, 0);
	/* Partner: the hypervisor sets pending, then reads the mask. One of us must see the other.
	 */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (LOAD(&vi->evtchn_upcall_pending))
		pv_hypercall2(&kernel_pv, PV_HYPERVISOR_xen_version, 0, 0);
}

void kernel_interrupts_on(void)
{
	/* Type 2 in the top byte: a vector, on every vCPU. */
	if (!kernel_is_pv() &&
	    pv_hvm_param_set(&kernel_pv, PV_HVM_PARAM_CALLBACK_IRQ, 2ull << 56 | VECTOR_UPCALL))
		panic("no upcall vector");
	pv_upcall_enable(&kernel_pv);
	irq_restore(1);
}
