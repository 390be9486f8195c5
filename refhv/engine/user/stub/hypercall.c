/*
 * hypercall.c: hypercalls that need nothing but the vCPU's own state, and the way to the monitor
 * for all others
 *
 * Trust: arguments are the guest's; a bad pointer gives -PV_EFAULT. See stub.h.
 */
#include <pv/abi/callback.h>
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/sched.h>
#include <pv/abi/version.h>
#include "stub.h"

/* About 20 us: as long as a sleep and a wake would take. */
#define SPINS 400u

static uint32_t this_cpu(void)
{
	uint32_t lo, hi, aux;

	/* Linux keeps the CPU number in TSC_AUX. */
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi), "=c"(aux));
	return aux & 0xfff;
}

/*
 * Ask the monitor and wait for the answer. The answer may take long, so the vCPU counts as
 * UE_CALLING: kicks need no signal, the way out looks at the upcall words.
 */
int64_t stub_ask(struct ue_vrw *v, uint64_t nr, const uint64_t arg[6])
{
	const struct ue_vro *ro = stub_ro(v);
	uint32_t request = v->request + 1, cpu = this_cpu(), polling, seen;
	int64_t ret;

	v->nr = nr;
	for (int i = 0; i < 6; i++)
		v->arg[i] = arg[i];
	v->cpu = cpu;
	stub_store(&v->state, UE_CALLING);
	stub_store(&v->request, request);
	__atomic_add_fetch(&v->doorbell, 1, __ATOMIC_SEQ_CST);

	/* Partner: the service thread sets `sleeps` and then sleeps on the old value of the
	 * doorbell. */
	if (stub_load(&ro->sleeps))
		stub_futex_wake(&v->doorbell);

	/* Spin only when the monitor is seen to work on another CPU: blind spinning costs up to a
	 * time slice. */
	polling = stub_load(&ro->spin_cpu);
	if (polling && polling != cpu + 1)
		for (unsigned i = 0; i < SPINS && stub_load(&ro->response) != request; i++)
			__builtin_ia32_pause();

	if (stub_load(&ro->response) != request) {
		stub_swap(&v->sleeps, 1);
		for (;;) {
			/* Partner: the service thread stores the response, changes wake, then looks
			 * at sleeps. */
			seen = stub_load(&ro->wake);
			if (stub_load(&ro->response) == request)
				break;
			/* An answer may take long; what the monitor wants meanwhile does not wait
			 * for it. */
			if (stub_commanded(v))
				stub_obey(v);
			else
				stub_futex_wait(&ro->wake, seen);
		}
		stub_store(&v->sleeps, 0);
	}
	ret = ro->result;
	/* A full barrier: from here on kicks come as signals, those before are found by the exit's
	 * look. */
	stub_swap(&v->state, UE_RUNNING);
	return ret;
}

static int64_t set_trap_table(struct ue_vrw *v, uint64_t table)
{
	struct pv_trap_info *traps = stub_traps(v), t;

	if (!table) {
		for (unsigned i = 0; i < 256; i++)
			traps[i].address = 0;
		return 0;
	}
	/* A table ends with an entry without an address; one that names every vector twice does not
	 * end. */
	for (unsigned i = 0; i < 512; i++, table += sizeof(t)) {
		if (stub_copy(&t, (void *)table, sizeof(t)))
			return -PV_EFAULT;
		if (!t.address)
			return 0;
		traps[t.vector] = t;
	}
	return -PV_EINVAL;
}

static struct ue_callback *callback_of(struct ue_vrw *v, unsigned type)
{
	switch (type) {
	case PV_CALLBACKTYPE_event: return &v->event;
	case PV_CALLBACKTYPE_failsafe: return &v->failsafe;
	case PV_CALLBACKTYPE_syscall: return &v->syscall;
	default: return NULL;
	}
}

static int64_t callback_op(struct ue_vrw *v, uint64_t cmd, uint64_t arg)
{
	struct pv_callback_register reg;
	struct pv_callback_unregister unreg;
	struct ue_callback *cb;

	switch (cmd) {
	case PV_CALLBACKOP_register:
		if (stub_copy(&reg, (void *)arg, sizeof(reg)))
			return -PV_EFAULT;
		cb = callback_of(v, reg.type);
		if (!cb)
			return -PV_ENOSYS;
		if (reg.address >> 47)
			return -PV_EINVAL;
		cb->address = reg.address;
		cb->flags = reg.flags;
		return 0;
	case PV_CALLBACKOP_unregister:
		if (stub_copy(&unreg, (void *)arg, sizeof(unreg)))
			return -PV_EFAULT;
		cb = callback_of(v, unreg.type);
		/* As Xen: only what a guest can live without can be unregistered. */
		if (!cb || cb == &v->event || cb == &v->failsafe)
			return -PV_ENOSYS;
		cb->address = 0;
		return 0;
	default: return -PV_ENOSYS;
	}
}

static int64_t set_callbacks(struct ue_vrw *v, uint64_t event, uint64_t failsafe, uint64_t syscall)
{
	if (event >> 47 || failsafe >> 47 || syscall >> 47)
		return -PV_EINVAL;
	v->event = (struct ue_callback){event, 0};
	v->failsafe = (struct ue_callback){failsafe, 0};
	v->syscall = (struct ue_callback){syscall, 0};
	return 0;
}

static int64_t set_segment_base(struct ue_vrw *v, uint64_t which, uint64_t base)
{
	if (which <= PV_SEGBASE_GS_KERNEL && base >> 47)
		return -PV_EINVAL;
	switch (which) {
	case PV_SEGBASE_FS: return stub_set_fs_base(v, base) ? 0 : -PV_EINVAL;
	case PV_SEGBASE_GS_KERNEL: return stub_set_gs_base(v, base) ? 0 : -PV_EINVAL;
	case PV_SEGBASE_GS_USER: v->gs_base_user = base; return 0;
	case PV_SEGBASE_GS_USER_SEL:
		/* Flat selectors only: the null selector is the one that can be loaded. */
		return base & ~3ull ? -PV_EINVAL : 0;
	default: return -PV_EINVAL;
	}
}

static int64_t xen_version(uint64_t cmd, uint64_t arg, bool *answered)
{
	struct pv_feature_info fi;

	*answered = true;
	switch (cmd) {
	case PV_XENVER_version: return stub_info->xen_version;
	case PV_XENVER_pagesize: return 4096;
	case PV_XENVER_get_features:
		if (stub_copy(&fi, (void *)arg, sizeof(fi)))
			return -PV_EFAULT;
		if (fi.submap_idx >= 4)
			return -PV_EINVAL;
		fi.submap = stub_info->features[fi.submap_idx];
		return stub_copy((void *)arg, &fi, sizeof(fi)) ? -PV_EFAULT : 0;
	default: *answered = false; return 0;
	}
}

/* A send to a port whose other end is a host thread changes nothing in guest memory: one eventfd
 * write. */
static int64_t evtchn_send(uint64_t arg, bool *answered)
{
	static const uint64_t one = 1;
	struct pv_evtchn_send send;
	uint8_t route;

	*answered = true;
	if (stub_copy(&send, (void *)arg, sizeof(send)))
		return -PV_EFAULT;
	route = send.port < ENGINE_MAX_PORTS ? stub_routes[send.port] : UE_ROUTE_MONITOR;
	if (route == UE_ROUTE_MONITOR || route > UE_NR_KICKS) {
		*answered = false;
		return 0;
	}
	SYS3(SYS_write, UE_FD_KICK + route - 1, &one, sizeof(one));
	return 0;
}

static int64_t dispatch(struct ue_vrw *v, uint64_t nr, const uint64_t arg[6]);

static int64_t multicall(struct ue_vrw *v, uint64_t list, uint64_t count)
{
	struct pv_multicall_entry call;

	for (; count; count--, list += sizeof(call)) {
		/* A long list does not delay a pause: what is left is done by calling again. */
		if (stub_load(&stub_ro(v)->stop)) {
			v->regs.rdi = list;
			v->regs.rsi = count;
			v->again = 1;
			return PV_HYPERVISOR_multicall;
		}
		if (stub_copy(&call, (void *)list, sizeof(call)))
			return -PV_EFAULT;
		if (call.op == PV_HYPERVISOR_multicall || call.op == PV_HYPERVISOR_iret)
			call.result = (uint64_t)-PV_EINVAL;
		else
			call.result = (uint64_t)dispatch(v, call.op, call.args);
		if (stub_copy((char *)list + offsetof(struct pv_multicall_entry, result),
			      &call.result, sizeof(call.result)))
			return -PV_EFAULT;
	}
	return 0;
}

static int64_t dispatch(struct ue_vrw *v, uint64_t nr, const uint64_t arg[6])
{
	bool answered;
	int64_t ret;

	switch (nr) {
	case PV_HYPERVISOR_set_trap_table: return set_trap_table(v, arg[0]);
	case PV_HYPERVISOR_mmu_update: return stub_mmu_update(arg[0], arg[1], arg[2]);
	case PV_HYPERVISOR_stack_switch:
		v->kernel_ss = arg[0];
		v->kernel_sp = arg[1];
		return 0;
	case PV_HYPERVISOR_set_callbacks: return set_callbacks(v, arg[0], arg[1], arg[2]);
	case PV_HYPERVISOR_fpu_taskswitch:
		/* CR0.TS of a process cannot be set: refuse rather than let a lazy FPU switch
		 * corrupt registers. */
		return arg[0] ? -PV_EOPNOTSUPP : 0;
	case PV_HYPERVISOR_set_debugreg:
		/* State only: breakpoints do not fire. */
		if (arg[0] >= 8)
			return -PV_EINVAL;
		v->debugreg[arg[0]] = arg[1];
		return 0;
	case PV_HYPERVISOR_get_debugreg:
		return arg[0] < 8 ? (int64_t)v->debugreg[arg[0]] : -PV_EINVAL;
	case PV_HYPERVISOR_multicall: return multicall(v, arg[0], arg[1]);
	case PV_HYPERVISOR_update_va_mapping: return stub_update_va_mapping(arg[0], arg[1]);
	case PV_HYPERVISOR_xen_version:
		ret = xen_version(arg[0], arg[1], &answered);
		if (answered)
			return ret;
		break;
	case PV_HYPERVISOR_set_segment_base: return set_segment_base(v, arg[0], arg[1]);
	case PV_HYPERVISOR_mmuext_op: return stub_mmuext_op(arg[0], arg[1], arg[2]);
	case PV_HYPERVISOR_sched_op:
		if (arg[0] == PV_SCHEDOP_yield || arg[0] == PV_SCHEDOP_block ||
		    arg[0] == PV_SCHEDOP_poll)
			return stub_sched_op(v, arg);
		break;
	case PV_HYPERVISOR_callback_op: return callback_op(v, arg[0], arg[1]);
	case PV_HYPERVISOR_event_channel_op:
		if (arg[0] != PV_EVTCHNOP_send)
			break;
		ret = evtchn_send(arg[1], &answered);
		if (answered)
			return ret;
		break;
	}
	return stub_ask(v, nr, arg);
}

static int64_t call(struct ue_vrw *v, uint64_t nr)
{
	const uint64_t arg[6] = {v->regs.rdi, v->regs.rsi, v->regs.rdx,
				 v->regs.r10, v->regs.r8,  v->regs.r9};

	return dispatch(v, nr, arg);
}

/* From the hypercall page. */
int64_t stub_hypercall(struct ue_vrw *v, uint32_t nr)
{
	return call(v, nr);
}

/* From a raw system call instruction: all registers are in v->regs, rip is behind the instruction.
 */
void stub_raw_hypercall(struct ue_vrw *v)
{
	if (v->regs.rax == PV_HYPERVISOR_iret) {
		stub_iret(v, true);
		return;
	}
	v->regs.rax = (uint64_t)call(v, v->regs.rax);
	if (v->again) {
		v->again = 0;
		v->regs.rip -= 2; /* the length of syscall */
	}
}
