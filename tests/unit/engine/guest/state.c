/*
 * state.c: guests whose state is taken away and brought back, and whose writes are logged
 */
#include "guest.h"

/* Counts in memory and in registers of all kinds: a lost or doubled instruction shows. */
static void count(unsigned task)
{
	volatile uint64_t *counter = (volatile uint64_t *)SCRATCH;
	uint64_t xmm, mem = *counter;

	HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_FS, VB + SCRATCH_GPA + 4096);
	__asm__ volatile("movq %0, %%xmm7" ::"r"(mem));
	for (;;) {
		__asm__ volatile("movq %%xmm7, %0; inc %0; movq %0, %%xmm7" : "=&r"(xmm));
		*counter = ++mem;
		if (task == TASK_COUNT_ECHO)
			expect(HC1(TEST_ECHO, mem) == (int64_t)mem);
		if (task == TASK_COUNT_BLOCK) {
			uint64_t now = (uint64_t)HC0(TEST_NOW);
			struct pv_sched_poll sp = {.timeout = now + 50000};

			vcpu_info()->evtchn_upcall_mask = 1;
			expect(HC2(PV_HYPERVISOR_sched_op, PV_SCHEDOP_poll, &sp) == 0);
		}
		__asm__ volatile("mov %0, %%fs:0" ::"r"(xmm) : "memory");
		expect(xmm == mem && *(volatile uint64_t *)(SCRATCH + 4096) == mem);
	}
}

/* Everything that the monitor is to find in the vCPU's state. */
static void state(void)
{
	install_upcall(on_upcall);
	install_traps(on_trap);
	HC2(PV_HYPERVISOR_stack_switch, PV_FLAT_KERNEL_SS, 0x123450);
	HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_FS, 0x1000);
	HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_GS_KERNEL, 0x2000);
	HC2(PV_HYPERVISOR_set_segment_base, PV_SEGBASE_GS_USER, 0x3000);
	HC2(PV_HYPERVISOR_set_debugreg, 2, 0x4000);
	report(1, (uint64_t)upcall_entry);
	report(2, trap_entries[14]);
	__asm__ volatile(
		"mov $0xabcdef, %%r13; movq %%r13, %%xmm2; mov $77, %%r14; 1: pause; jmp 1b" ::
			: "r13");
}

/* Writes a byte into every page that the monitor names, then says so. */
static void dirty(void)
{
	volatile uint64_t *command = (volatile uint64_t *)(VB + COMMAND_GPA);

	for (;;) {
		/* command[0]: round, [1]: first page, [2]: number, [3]: distance */
		uint64_t round = command[0];

		for (uint64_t i = 0; i < command[2]; i++)
			*(volatile uint8_t *)(VB + ((command[1] + i * command[3]) << 12)) =
				(uint8_t)round;
		HC2(TEST_REPORT, 0, round);
		while (command[0] == round)
			__builtin_ia32_pause();
	}
}

#define ALIAS 0x40000000ull
#define P     1ull
#define RW    2ull
#define NX    (1ull << 63)

static volatile uint64_t faults;

static void skip_fault(struct trap_frame *f)
{
	expect(f->vector == 14);
	faults++;
	f->rip += 3;
}

static int64_t map(uint64_t va, uint64_t pte)
{
	return HC3(PV_HYPERVISOR_update_va_mapping, va, pte, PV_UVMF_INVLPG);
}

static void try_write(uint64_t at)
{
	__asm__ volatile("movb $9, (%%rax)" ::"a"(at) : "memory");
}

static void mapping(void)
{
	uint64_t gpa = SCRATCH_GPA + 0x10000;
	volatile uint8_t *flat = (volatile uint8_t *)(VB + gpa);
	struct pv_mmu_update u = {.ptr = SCRATCH_GPA + 64, .val = 0x1234};
	struct pv_mmuext_op op = {.cmd = PV_MMUEXT_NEW_BASEPTR, .arg1.mfn = 5};
	uint32_t n;

	install_traps(skip_fault);
	/* Elsewhere: the same memory. */
	expect(map(ALIAS, gpa | P | RW | NX) == 0);
	*(volatile uint8_t *)ALIAS = 42;
	expect(flat[0] == 42);
	/* Read-only: a write faults, a read does not. */
	expect(map(VB + gpa, gpa | P | NX) == 0);
	try_write(VB + gpa);
	expect(faults == 1 && flat[0] == 42);
	expect(map(ALIAS, 0) == 0);
	try_write(ALIAS);
	expect(faults == 2);
	expect(map(VB + gpa, gpa | P | RW) == 0);
	try_write(VB + gpa);
	expect(faults == 2 && flat[0] == 9);
	/* Not what belongs to others. */
	expect(map(0x600000000000, gpa | P) == -PV_EINVAL);
	expect(map(0x600010000000, gpa | P) == -PV_EINVAL);
	expect(map(0x5fff00000000, gpa | P) == -PV_EINVAL);
	expect(map(0, gpa | P) == -PV_EINVAL);
	expect(map(ALIAS, RAM_SIZE | P) == -PV_EINVAL);
	expect(map(ALIAS, 0x000ffffffffff000 | P) == -PV_EINVAL);
	/* Page tables that nobody walks can be written and loaded. */
	expect(hypercall(PV_HYPERVISOR_mmu_update, (uint64_t)&u, 1, (uint64_t)&n, PV_DOMID_SELF,
			 0) == 0);
	expect(n == 1 && *(volatile uint64_t *)(SCRATCH + 64) == 0x1234);
	u.ptr = RAM_SIZE;
	expect(hypercall(PV_HYPERVISOR_mmu_update, (uint64_t)&u, 1, 0, PV_DOMID_SELF, 0) ==
	       -PV_EINVAL);
	expect(hypercall(PV_HYPERVISOR_mmuext_op, (uint64_t)&op, 1, (uint64_t)&n, PV_DOMID_SELF,
			 0) == 0);
	op.arg1.mfn = RAM_SIZE >> 12;
	expect(hypercall(PV_HYPERVISOR_mmuext_op, (uint64_t)&op, 1, 0, PV_DOMID_SELF, 0) ==
	       -PV_EINVAL);
}

/* Mappings that another engine has to make again. */
static void mapping_kept(void)
{
	uint64_t gpa = SCRATCH_GPA + 0x20000;

	install_traps(skip_fault);
	expect(map(ALIAS, gpa | P | RW | NX) == 0);
	expect(map(VB + gpa + 4096, (gpa + 4096) | P | NX) == 0);
	*(volatile uint8_t *)ALIAS = 1;
	report(0, 1);
	while (*(volatile uint8_t *)(VB + gpa) != 2)
		__builtin_ia32_pause();
	expect(*(volatile uint8_t *)ALIAS == 2);
	try_write(VB + gpa + 4096);
	expect(faults == 1);
}

void tasks_state(unsigned task)
{
	switch (task) {
	case TASK_COUNT:
	case TASK_COUNT_ECHO:
	case TASK_COUNT_BLOCK: count(task); break;
	case TASK_STATE: state(); break;
	case TASK_DIRTY: dirty(); break;
	case TASK_MAPPING: mapping(); break;
	case TASK_MAPPING_KEPT: mapping_kept(); break;
	default: return;
	}
	done(0);
}
