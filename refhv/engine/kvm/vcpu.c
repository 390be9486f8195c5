/*
 * vcpu.c: one vCPU, its thread and its loop
 *
 * A vCPU that is down waits inside KVM for INIT and SIPI (MP_STATE uninitialized), so that both ways
 * up, the local APIC's and VCPUOP_up, work at any time. KVM_RUN comes back with EAGAIN when an INIT
 * has arrived.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <x86intrin.h>
#include <pv/abi/errno.h>
#include <pv/abi/sched.h>
#include "boot/acpi.h"
#include "kvm.h"

#define STACK_SIZE	  (256u << 10)
#define MSR_TSC		  0x10u
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MTRR_ON_WRITEBACK 0x806u /* otherwise Linux believes that PAT is off */
#define RFLAGS_IF	  (1ull << 9)

static int fail(char *why, size_t size, unsigned vcpu, const char *what)
{
	int ret = errno ? -errno : -PV_EIO;

	snprintf(why, size, "KVM: vCPU %u: %s: %s", vcpu, what, strerror(errno));
	return ret;
}

/* The guest's TSC is the host's: then the client's clock needs nothing of KVM's. */
static int set_tsc(struct ke_vcpu *v)
{
	uint64_t zero = 0;
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uintptr_t)&zero};

	if (!ioctl(v->fd, KVM_SET_DEVICE_ATTR, &attr))
		return 0;
	/* Linux before 5.16. It makes equal what is written to several vCPUs within a second. */
	return ke_msr_set(v, MSR_TSC, __rdtsc());
}

int ke_vcpu_create(struct ke_vcpu *v, char *why, size_t size)
{
	struct engine *e = v->e;
	struct kvm_mp_state state = {KVM_MP_STATE_UNINITIALIZED};
	struct kvm_enable_cap enforce = {.cap = KVM_CAP_ENFORCE_PV_FEATURE_CPUID, .args = {1}};
	int khz;

	v->fd = ioctl(e->vm, KVM_CREATE_VCPU, (unsigned long)BOOT_APIC_ID(v->id));
	if (v->fd < 0)
		return fail(why, size, v->id, "cannot be made");
	v->run = mmap(NULL, e->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return fail(why, size, v->id, "no shared state");
	}
	v->run->kvm_valid_regs = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	khz = ioctl(v->fd, KVM_GET_TSC_KHZ, 0);
	if (!e->tsc_khz && khz > 0)
		e->tsc_khz = (uint64_t)khz;
	if (ke_cpuid_set(v))
		return fail(why, size, v->id, "refuses its CPUID leaves");
	/* KVM's own paravirtual MSRs are not offered; where it can, it shall not serve them either.
	 */
	ioctl(v->fd, KVM_ENABLE_CAP, &enforce);
	if (set_tsc(v))
		return fail(why, size, v->id, "refuses a time stamp counter");
	if (ke_msr_set(v, MSR_MTRR_DEF_TYPE, MTRR_ON_WRITEBACK))
		return fail(why, size, v->id, "has no MTRRs");
	if (ioctl(v->fd, KVM_SET_MP_STATE, &state))
		return fail(why, size, v->id, "cannot wait for its start");
	return 0;
}

static int mp_state(struct ke_vcpu *v)
{
	struct kvm_mp_state s = {0};

	return ioctl(v->fd, KVM_GET_MP_STATE, &s) ? -1 : (int)s.mp_state;
}

static void set_mp_state(struct ke_vcpu *v, uint32_t state)
{
	struct kvm_mp_state s = {state};

	if (ioctl(v->fd, KVM_SET_MP_STATE, &s))
		ke_died(v, "MP_STATE %u refused (%s)", state, strerror(errno));
}

/* By means of the machine's. */
static void changed(struct ke_vcpu *v, bool up)
{
	const struct engine_config *c = &v->e->config;

	ke_write(&v->up, up);
	if (c->client->vcpu_changed)
		c->client->vcpu_changed(c->client_ctx, v->id, up);
	if (up)
		ke_upcall_check(v);
}

static uint64_t hypercalls(struct engine *e)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		n += ke_read(&e->vcpu[i].exits[KE_EXIT_CALL]);
	return n;
}

/* HLT with interrupts off is how a vCPU of Xen's goes down, and the last one the domain with it. */
static void look(struct ke_vcpu *v)
{
	struct engine *e = v->e;

	if (!ke_read(&v->up) || mp_state(v) != KVM_MP_STATE_HALTED ||
	    v->run->s.regs.regs.rflags & RFLAGS_IF)
		return;
	set_mp_state(v, KVM_MP_STATE_UNINITIALIZED);
	changed(v, false);
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		if (ke_read(&e->vcpu[i].up) || ke_read(&e->vcpu[i].todo) & KE_UP)
			return;
	/* Not what one does who wants to be off: a kernel that was not understood, and gave up. */
	if (!hypercalls(e))
		ke_died(v, "halted for good before its first hypercall (trap: %s)",
			ke_trap_name(e));
	else
		ke_ended(e, PV_SHUTDOWN_poweroff);
}

/* What was half done when the guest was left, such as moving on behind an OUT: KVM's state is only
 * then complete. */
static void complete(struct ke_vcpu *v)
{
	if (!v->incomplete)
		return;
	v->incomplete = false;
	ke_write(&v->run->immediate_exit, 1);
	ioctl(v->fd, KVM_RUN, 0);
	ke_write(&v->run->immediate_exit, 0);
}

static void start(struct ke_vcpu *v)
{
	if (ke_start_apply(v))
		ke_died(v, "start state refused (%s)", strerror(errno));
}

static void do_requests(struct ke_vcpu *v, uint32_t todo)
{
	ke_clear(&v->todo, todo & ~(uint32_t)(KE_REST | KE_QUIT));
	complete(v);
	if (todo & KE_DOWN) {
		set_mp_state(v, KVM_MP_STATE_UNINITIALIZED);
		ke_write(&v->up, 0);
	}
	if (todo & KE_START)
		start(v);
	if (todo & KE_UP) {
		set_mp_state(v, KVM_MP_STATE_RUNNABLE);
		ke_write(&v->up, 1);
	}
	if (todo & (KE_SYNIC | KE_UP))
		ke_synic_set(v);
	if (todo & (KE_NMI | KE_UP))
		ke_nmi_give(v);
	if (todo & KE_FLUSH)
		ke_tlb_drop(v);
	if (todo & KE_LOOK)
		look(v);
}

/*
 * KVM_RUN has come back without an exit. A vCPU that was down may have got its INIT, even if a
 * signal came as well: SIPI follows, or has come. INIT has put the APIC and the SynIC back to their
 * beginnings.
 */
static void on_return(struct ke_vcpu *v)
{
	if (ke_read(&v->up) || mp_state(v) == KVM_MP_STATE_UNINITIALIZED)
		return;
	ke_count(&v->exits[KE_EXIT_SIPI]);
	ke_write(&v->synic, 0);
	ke_synic_set(v);
	changed(v, true);
	ke_nmi_give(v);
}

static void on_exit_reason(struct ke_vcpu *v)
{
	struct kvm_run *run = v->run;

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		v->incomplete = true;
		ke_pio(v);
		break;
	case KVM_EXIT_MMIO:
		v->incomplete = true;
		ke_mmio(v);
		break;
	case KVM_EXIT_X86_RDMSR:
		v->incomplete = true;
		ke_rdmsr(v);
		break;
	case KVM_EXIT_X86_WRMSR:
		v->incomplete = true;
		ke_wrmsr(v);
		break;
	case KVM_EXIT_XEN:
		v->incomplete = true;
		ke_hypercall_xen(v);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
	case KVM_EXIT_HLT: ke_count(&v->exits[KE_EXIT_OTHER]); break;
	case KVM_EXIT_SHUTDOWN: ke_died(v, "triple fault"); break;
	case KVM_EXIT_FAIL_ENTRY:
		ke_died(v, "the processor refuses its state (%#llx)",
			(unsigned long long)run->fail_entry.hardware_entry_failure_reason);
		break;
	case KVM_EXIT_INTERNAL_ERROR:
		ke_died(v, "KVM cannot go on (internal error %u)", run->internal.suberror);
		break;
	default: ke_died(v, "KVM stops for an unknown reason (%u)", run->exit_reason);
	}
}

static void enter(struct ke_vcpu *v)
{
	int ret = ioctl(v->fd, KVM_RUN, 0);
	int error = ret ? errno : 0;

	ke_write(&v->inside, 0);
	if (error == EINTR)
		ke_count(&v->exits[KE_EXIT_POKED]);
	v->run->kvm_dirty_regs = 0;
	v->incomplete = false;
	if (ke_read(&v->undelivered))
		ke_upcall_retry(v);
	if (!error)
		on_exit_reason(v);
	else if (error == EINTR || error == EAGAIN)
		on_return(v);
	else
		ke_died(v, "KVM cannot run it: %s%s", strerror(error),
			error == EFAULT ? " (memory that is not to be had)" : "");
}

static void *run(void *arg)
{
	struct ke_vcpu *v = arg;
	uint32_t todo;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%u", v->id);
	prctl(PR_SET_NAME, name);
	for (;;) {
		ke_write(&v->run->immediate_exit, 0);
		ke_write(&v->inside, 1);
		todo = ke_read(&v->todo);
		if (!todo) {
			enter(v);
			continue;
		}
		ke_write(&v->inside, 0);
		do_requests(v, todo);
		if (todo & (KE_REST | KE_QUIT) && !ke_rest(v))
			return NULL;
	}
}

int ke_vcpu_thread(struct ke_vcpu *v)
{
	pthread_attr_t attr;
	sigset_t most, old;
	int ret;

	/* Signals are for the threads of the client, but for the one that pokes. */
	sigfillset(&most);
	sigdelset(&most, ke_signal());
	pthread_sigmask(SIG_SETMASK, &most, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ret = pthread_create(&v->thread, &attr, run, v);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	v->started = !ret;
	return ret ? -PV_EAGAIN : 0;
}
