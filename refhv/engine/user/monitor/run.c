/*
 * run.c: who runs, who rests, and who is told that something happened
 *
 * A vCPU may run when it is up and the engine is not paused; then its ue_vro.stop is 0. Otherwise
 * stop holds the number of the request to rest, which the vCPU repeats in ue_vrw.parked when its
 * state is complete. A guest that forges parked spoils its own image; one that never rests is
 * killed when the pause's time is up.
 */
#include <pv/abi/errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "monitor.h"

static struct ue_vcpu *vcpu_of(struct engine *e, unsigned vcpu)
{
	return vcpu < e->config.max_vcpus ? &e->vcpu[vcpu] : NULL;
}

/* The process stays a zombie until destroy() has waited for it: its number cannot mean somebody
 * else. */
static void signal_vcpu(struct ue_vcpu *v)
{
	if (!v->tid)
		return;
	__atomic_add_fetch(&v->e->kicks, 1, __ATOMIC_RELAXED);
	syscall(SYS_tgkill, v->e->pid, v->tid, SIGUSR1);
}

/* Make the vCPU look at its RO page, wherever it is. */
void ue_nudge(struct ue_vcpu *v)
{
	ue_add(&v->ro->wake, 1);
	ue_futex_wake(&v->ro->wake);
	if (!ue_read(&v->rw->parked))
		signal_vcpu(v);
}

static void may_run(struct ue_vcpu *v)
{
	ue_add(&v->order, 1);
	ue_write(&v->ro->stop, 0);
	ue_add(&v->ro->wake, 1);
	ue_futex_wake(&v->ro->wake);
}

/* Under the lock. */
static void must_rest(struct ue_vcpu *v)
{
	/* 0 means run. */
	if (!++v->e->generation)
		v->e->generation = 1;
	ue_write(&v->ro->stop, v->e->generation);
	ue_nudge(v);
}

int ue_vcpu_up(struct engine *e, unsigned vcpu)
{
	struct ue_vcpu *v = vcpu_of(e, vcpu);

	if (!v)
		return -PV_ENOENT;
	pthread_mutex_lock(&e->lock);
	if (!v->up) {
		v->up = true;
		if (!e->paused)
			may_run(v);
	}
	pthread_mutex_unlock(&e->lock);
	return 0;
}

int ue_vcpu_down(struct engine *e, unsigned vcpu)
{
	struct ue_vcpu *v = vcpu_of(e, vcpu);

	if (!v)
		return -PV_ENOENT;
	pthread_mutex_lock(&e->lock);
	if (v->up) {
		v->up = false;
		if (!e->paused)
			must_rest(v);
	}
	pthread_mutex_unlock(&e->lock);
	return 0;
}

void ue_stop(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	if (!e->paused) {
		e->paused = true;
		for (unsigned i = 0; i < e->config.max_vcpus; i++)
			if (e->vcpu[i].up)
				must_rest(&e->vcpu[i]);
	}
	pthread_mutex_unlock(&e->lock);
}

/* True once the vCPU rests as last told. */
bool ue_rests(struct ue_vcpu *v, uint64_t deadline_ns)
{
	uint32_t parked, stop;

	for (;;) {
		stop = ue_read(&v->ro->stop);
		parked = ue_read(&v->rw->parked);
		if (stop && parked == stop) {
			ue_read(&v->order);
			return true;
		}
		if (!stop || ue_read(&v->e->dead) || ue_now() >= deadline_ns)
			return false;
		ue_futex_wait(&v->rw->parked, parked, deadline_ns);
	}
}

int ue_pause(struct engine *e, unsigned timeout_ms)
{
	uint64_t deadline = ue_now() + timeout_ms * 1000000ull;
	char why[80];

	ue_stop(e);
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		if (ue_rests(&e->vcpu[i], deadline))
			continue;
		if (ue_gone(e))
			return -PV_ESRCH;
		snprintf(why, sizeof(why), "vCPU %u did not stop within %u ms", i, timeout_ms);
		ue_died(e, why);
		return -PV_ETIMEDOUT;
	}
	return 0;
}

int ue_resume(struct engine *e)
{
	if (!e->waited)
		return -PV_EBUSY;
	if (ue_read(&e->dead))
		return -PV_ESRCH;
	pthread_mutex_lock(&e->lock);
	if (e->paused) {
		e->paused = false;
		for (unsigned i = 0; i < e->config.max_vcpus; i++)
			if (e->vcpu[i].up)
				may_run(&e->vcpu[i]);
	}
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static uint8_t upcall_mask(struct ue_vcpu *v)
{
	uint64_t gpa = ue_read(&v->vinfo_gpa);
	struct pv_vcpu_info *vi;

	if (gpa == ENGINE_NO_GPA)
		return 1;
	vi = (struct pv_vcpu_info *)((char *)v->e->config.ram + gpa);
	return ue_read(&vi->evtchn_upcall_mask);
}

/*
 * Partner: the vCPU writes its state, then looks at the event words; we are called after those were
 * written, and look at the state. One of the two sees the other. A vCPU in UE_CALLING looks on its
 * way out; one whose upcalls are masked looks when it unmasks them.
 */
static void kick_one(struct ue_vcpu *v, bool upcall)
{
	uint32_t state;

	ue_add(&v->ro->wake, 1);
	state = ue_read(&v->rw->state);
	if (state == UE_POLLING || (upcall && state == UE_BLOCKED))
		ue_futex_wake(&v->ro->wake);
	else if (upcall && state == UE_RUNNING && !upcall_mask(v) && !ue_swap(&v->rw->kicked, 1))
		signal_vcpu(v);
}

void ue_kick(struct engine *e, unsigned vcpu, unsigned why)
{
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		struct ue_vcpu *v = &e->vcpu[i];

		if (i == vcpu)
			kick_one(v, why & PV_KICK_UPCALL);
		else if (why & PV_KICK_EVENT && ue_read(&v->rw->state) == UE_POLLING)
			kick_one(v, false);
	}
}

/* Have vCPU 0, in whatever state it is, carry out a command inside the guest process. */
int ue_command(struct engine *e, uint32_t command)
{
	struct ue_vcpu *v = &e->vcpu[0];
	uint64_t deadline = ue_now() + 5000000000ull;
	uint32_t seq = v->ro->command_seq + 1, done;

	v->ro->command = command;
	ue_write(&v->ro->command_seq, seq);
	ue_nudge(v);
	while ((done = ue_read(&v->rw->command_done)) != seq) {
		if (ue_read(&e->dead) || ue_now() >= deadline)
			return ue_gone(e) ? -PV_ESRCH : -PV_ETIMEDOUT;
		ue_futex_wait(&v->rw->command_done, done, deadline);
	}
	return 0;
}
