/*
 * sched.c: yield, block and poll: a vCPU gives up its CPU
 *
 * Sleeps are on ue_vro.wake, which the monitor changes after it has set event bits. All of them may
 * end early; a stop ends them, so that a resting vCPU is never inside one. See stub.h for trust.
 */
#include <pv/abi/errno.h>
#include <pv/abi/event_channel.h>
#include <pv/abi/sched.h>
#include "stub.h"

#define MAX_POLL   128u
#define FIFO_WORDS 1024u /* of a page */

static void set_mask(struct ue_vrw *v, uint8_t mask)
{
	struct pv_vcpu_info *vi = (struct pv_vcpu_info *)stub_ro(v)->vinfo;

	stub_copy(&vi->evtchn_upcall_mask, &mask, 1);
}

static int64_t block(struct ue_vrw *v)
{
	const struct ue_vro *ro = stub_ro(v);
	uint32_t seen;

	set_mask(v, 0);
	for (;;) {
		/* Partner: a kick changes wake and then looks at state; both are full barriers. */
		stub_swap(&v->state, UE_BLOCKED);
		seen = stub_load(&ro->wake);
		if (stub_has_work(v))
			break;
		stub_futex_wait(&ro->wake, seen);
	}
	stub_swap(&v->state, UE_RUNNING);
	return 0;
}

static bool pending_2l(uint32_t port)
{
	struct pv_shared_info *si = (struct pv_shared_info *)stub_info->shared_info;
	uint64_t word;

	return si && !stub_copy(&word, &si->evtchn_pending[port / 64], sizeof(word)) &&
	       word >> port % 64 & 1;
}

static bool pending_fifo(uint32_t port, uint32_t pages)
{
	uint32_t word, page = port / FIFO_WORDS;
	const uint32_t *words;

	if (page >= pages)
		return false;
	words = (const uint32_t *)stub_load(&stub_info->event_page[page]);
	return words && !stub_copy(&word, &words[port % FIFO_WORDS], sizeof(word)) &&
	       word >> PV_EVTCHN_FIFO_PENDING & 1;
}

/* 1 if a port is pending, 0 if none, negative for a port that cannot be. */
static int any_pending(const uint32_t *port, unsigned n)
{
	uint32_t fifo = stub_load(&stub_info->event_fifo);

	for (unsigned i = 0; i < n; i++) {
		if (port[i] >= (fifo ? PV_EVTCHN_FIFO_NR_CHANNELS : ENGINE_MAX_PORTS))
			return -PV_EINVAL;
		if (fifo ? pending_fifo(port[i], fifo - 1) : pending_2l(port[i]))
			return 1;
	}
	return 0;
}

static int64_t poll(struct ue_vrw *v, uint64_t arg)
{
	const struct ue_vro *ro = stub_ro(v);
	uint32_t port[MAX_POLL], seen;
	struct pv_sched_poll sp;
	int64_t ret, deadline;

	if (stub_copy(&sp, (void *)arg, sizeof(sp)))
		return -PV_EFAULT;
	if (sp.nr_ports > MAX_POLL)
		return -PV_EINVAL;
	if (stub_copy(port, (void *)sp.ports, sp.nr_ports * sizeof(port[0])))
		return -PV_EFAULT;

	for (;;) {
		stub_swap(&v->state, UE_POLLING);
		seen = stub_load(&ro->wake);
		ret = any_pending(port, sp.nr_ports);
		if (ret || stub_has_work(v))
			break;
		if (!sp.timeout) {
			stub_futex_wait(&ro->wake, seen);
			continue;
		}
		/* The kernel's clock is the guest's but for an offset, which a move may have
		 * changed. */
		deadline = (int64_t)sp.timeout - stub_info->clock_offset;
		if (deadline <= 0)
			break;
		struct {
			int64_t sec, nsec;
		} ts = {deadline / 1000000000, deadline % 1000000000};
		/* WAIT_BITSET takes an absolute time, on CLOCK_MONOTONIC. */
		if (SYS6(SYS_futex, &ro->wake, FUTEX_WAIT_BITSET, seen, &ts, 0, ~0u) ==
		    -PV_ETIMEDOUT)
			break;
	}
	stub_swap(&v->state, UE_RUNNING);
	return ret < 0 ? ret : 0;
}

int64_t stub_sched_op(struct ue_vrw *v, const uint64_t arg[6])
{
	switch (arg[0]) {
	case PV_SCHEDOP_yield: SYS0(SYS_sched_yield); return 0;
	case PV_SCHEDOP_block: return block(v);
	default: return poll(v, arg[1]);
	}
}
