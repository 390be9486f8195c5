/*
 * Further vCPUs: bringing them up with a stack, running one function, taking them down.
 */
#include "internal.h"
#include <pv/abi/vcpu.h>
#include <pv/abi/hvm/hvm_vcpu.h>

#define CR0_PG_WP_NE_MP_PE	  0x80010023
#define CR4_OSXMMEXCPT_OSFXSR_PAE 0x620
#define EFER_LMA_LME		  0x500

enum { IDLE, STARTING, RUNNING };

static struct {
	char *stack;
	int initialised, state;
	void (*fn)(void *arg);
	void *arg;
} cpu[KERNEL_CPUS];

unsigned cpu_id(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	return *(unsigned *)(sp & ~(uintptr_t)(KERNEL_STACK - 1));
}

static int vcpu_op(unsigned op, unsigned id, void *arg)
{
	return (int)pv_hypercall3(&kernel_pv, PV_HYPERVISOR_vcpu_op, op, id, (uintptr_t)arg);
}

int cpu_is_up(unsigned id)
{
	return vcpu_op(PV_VCPUOP_is_up, id, NULL) > 0;
}

/* First code of a further vCPU, on its own stack. Comes round again when it is started again. */
void cpu_main(void)
{
	unsigned id = cpu_id();

	if (!kernel_is_pv())
		trap_load();
	for (;;) {
		__atomic_store_n(&cpu[id].state, RUNNING, __ATOMIC_RELEASE);
		if (kernel_pv.interrupts)
			irq_restore(1);
		cpu[id].fn(cpu[id].arg);
		irq_save();
		__atomic_store_n(&cpu[id].state, IDLE, __ATOMIC_RELEASE);
		vcpu_op(PV_VCPUOP_down, id, NULL);
	}
}

static int initialise_pv(unsigned id)
{
	struct pv_vcpu_guest_context *c = pages_alloc(2);
	struct pv_vcpu_info *vi = pv_vcpu_info(&kernel_pv, id);
	int rc;

	if (!c)
		return -PV_ENOMEM;
	c->flags = PV_VGCF_in_kernel;
	c->user_regs.rip = (uintptr_t)pv_cpu_start;
	c->user_regs.rsp = (uintptr_t)cpu[id].stack + KERNEL_STACK;
	c->user_regs.cs = PV_FLAT_KERNEL_CS;
	c->user_regs.ss = PV_FLAT_KERNEL_SS;
	c->user_regs.rflags = 0x202;
	c->kernel_ss = PV_FLAT_KERNEL_SS;
	c->kernel_sp = c->user_regs.rsp;
	c->ctrlreg[0] = CR0_PG_WP_NE_MP_PE;
	c->ctrlreg[3] = mmu_cr3();
	trap_table(c->trap_ctxt);
	c->event_callback_eip = (uintptr_t)pv_event_entry;
	c->failsafe_callback_eip = (uintptr_t)pv_failsafe_entry;
	STORE(&vi->evtchn_upcall_mask, 1);
	rc = vcpu_op(PV_VCPUOP_initialise, id, c);
	pages_free(c, 2);
	return rc;
}

static int initialise_pvh(unsigned id)
{
	struct pv_vcpu_hvm_context c;

	memset(&c, 0, sizeof(c));
	c.mode = PV_VCPU_HVM_MODE_64B;
	c.cpu_regs.x86_64.rip = (uintptr_t)pvh_cpu_start;
	c.cpu_regs.x86_64.rsp = (uintptr_t)cpu[id].stack + KERNEL_STACK;
	c.cpu_regs.x86_64.rflags = 2;
	c.cpu_regs.x86_64.cr0 = CR0_PG_WP_NE_MP_PE;
	c.cpu_regs.x86_64.cr3 = mmu_cr3();
	c.cpu_regs.x86_64.cr4 = CR4_OSXMMEXCPT_OSFXSR_PAE;
	c.cpu_regs.x86_64.efer = EFER_LMA_LME;
	return vcpu_op(PV_VCPUOP_initialise, id, &c);
}

/* A stack at a multiple of its size, with the vCPU's number at the bottom. */
static char *new_stack(unsigned id)
{
	const unsigned n = KERNEL_STACK / PV_PAGE_SIZE;
	char *area = pages_alloc(2 * n), *stack;

	if (!area)
		return NULL;
	stack = (char *)(((uintptr_t)area + KERNEL_STACK - 1) & ~(uintptr_t)(KERNEL_STACK - 1));
	if (stack > area)
		pages_free(area, (unsigned)(stack - area) / PV_PAGE_SIZE);
	pages_free(stack + KERNEL_STACK, n - (unsigned)(stack - area) / PV_PAGE_SIZE);
	*(unsigned *)stack = id;
	return stack;
}

int cpu_start(unsigned id, void (*fn)(void *arg), void *arg)
{
	int rc;

	if (!id || id >= KERNEL_CPUS || id >= kernel.vcpus)
		return -PV_ENOENT;
	if (__atomic_load_n(&cpu[id].state, __ATOMIC_ACQUIRE) != IDLE)
		return -PV_EBUSY;
	if (!cpu[id].stack) {
		cpu[id].stack = new_stack(id);
		if (!cpu[id].stack)
			return -PV_ENOMEM;
	}
	/* It says IDLE a moment before it is down; coming up before that would be lost. */
	while (cpu_is_up(id))
		pv_sched_yield(&kernel_pv);
	cpu[id].fn = fn;
	cpu[id].arg = arg;
	__atomic_store_n(&cpu[id].state, STARTING, __ATOMIC_RELEASE);
	rc = 0;
	if (!cpu[id].initialised)
		rc = kernel_is_pv() ? initialise_pv(id) : initialise_pvh(id);
	if (!rc) {
		cpu[id].initialised = 1;
		rc = vcpu_op(PV_VCPUOP_up, id, NULL);
	}
	if (rc) {
		STORE(&cpu[id].state, IDLE);
		return rc;
	}
	while (__atomic_load_n(&cpu[id].state, __ATOMIC_ACQUIRE) == STARTING)
		pv_sched_yield(&kernel_pv);
	return 0;
}
