/*
 * work.c: what a vCPU does between two stretches of guest code
 *
 * Rest when the monitor says stop, with the whole state of the vCPU in the control pages; carry out
 * commands; take an upcall that is due. entry.S looks for work each time before it enters guest
 * code. See stub.h for trust.
 */
#include <immintrin.h>
#include <pv/abi/errno.h>
#include "stub.h"

/* The same question as check_work in entry.S asks, without a callback the answer is no. */
static bool upcall_due(const struct ue_vrw *v)
{
	const struct pv_vcpu_info *vi = (const struct pv_vcpu_info *)stub_ro(v)->vinfo;
	uint8_t word[2];

	return !stub_copy(word, &vi->evtchn_upcall_pending, 2) && word[0] && !word[1];
}

bool stub_commanded(const struct ue_vrw *v)
{
	return stub_load(&stub_ro(v)->command_seq) != v->command_done;
}

bool stub_has_work(const struct ue_vrw *v)
{
	return stub_load(&stub_ro(v)->stop) || stub_commanded(v) || upcall_due(v);
}

void stub_obey(struct ue_vrw *v)
{
	const struct ue_vro *ro = stub_ro(v);
	uint32_t seq = stub_load(&ro->command_seq);

	switch (ro->command) {
	case UE_CMD_REPLAY: stub_mappings_replay(); break;
	case UE_CMD_DIRTY_ARM: stub_dirty_arm(); break;
	case UE_CMD_DIRTY_OFF: stub_dirty_off(); break;
	}
	stub_store(&v->command_done, seq);
	stub_futex_wake(&v->command_done);
}

__attribute__((target("xsave"))) static void save_fpu(void *area)
{
	uint64_t *header = (uint64_t *)((char *)area + 512);

	/* XSAVE writes only the first word of the header. */
	for (int i = 0; i < 8; i++)
		header[i] = 0;
	__builtin_ia32_xsave64(area, -1ll);
}

/*
 * Rest. The registers are in v->regs already; with FPU state and segment bases beside them the
 * state is complete, and the monitor may read or replace it until it takes the stop back.
 */
static void rest(struct ue_vrw *v)
{
	void *area = (char *)v + UE_VRW_XSAVE;
	const struct ue_vro *ro = stub_ro(v);
	uint32_t stop, seen;

	if (v->fresh) {
		v->fresh = 0;
	} else {
		save_fpu(area);
		v->fs_base = stub_get_fs_base(v);
		v->gs_base_kernel = stub_get_gs_base(v);
	}
	for (;;) {
		/* Partner: the monitor changes stop or command_seq, then wake. */
		seen = stub_load(&ro->wake);
		if (stub_commanded(v)) {
			stub_obey(v);
			continue;
		}
		stop = stub_load(&ro->stop);
		if (!stop)
			break;
		if (v->parked != stop) {
			stub_swap(&v->parked, stop);
			stub_futex_wake(&v->parked);
			continue;
		}
		stub_futex_wait(&ro->wake, seen);
	}
	stub_swap(&v->parked, 0);
	stub_set_fs_base(v, v->fs_base);
	stub_set_gs_base(v, v->gs_base_kernel);
	if (stub_xrstor(area))
		stub_die(v, UE_DEATH_BAD_STATE, 0);
}

void stub_work(struct ue_vrw *v)
{
	for (;;) {
		if (stub_load(&stub_ro(v)->stop))
			rest(v);
		else if (stub_commanded(v))
			stub_obey(v);
		else if (upcall_due(v))
			stub_deliver_upcall(v);
		else
			return;
	}
}

/* A hypercall is over, its registers but rip are in v->regs: the guest goes on behind its call. */
void stub_call_return(struct ue_vrw *v)
{
	if (v->again) {
		v->again = 0;
		v->regs.rip = UE_HC_ENTRY;
		return;
	}
	if (stub_copy(&v->regs.rip, (void *)v->regs.rsp, 8) || v->regs.rip >> 47)
		stub_die(v, UE_DEATH_BAD_RETURN, v->regs.rip);
	v->regs.rsp += 8;
}

void stub_die(struct ue_vrw *v, uint64_t why, uint64_t detail)
{
	const uint64_t arg[6] = {why, detail};

	for (;;)
		stub_ask(v, UE_REQ_DIED, arg);
}
