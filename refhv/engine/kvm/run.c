/*
 * run.c: who runs, who rests, and how a running vCPU is made to look up
 *
 * Whoever wants something of a vCPU's thread sets bits in `todo` and pokes it. Partners: the thread
 * sets `inside`, then looks at todo, then enters the guest; ke_poke() comes after todo was set and
 * looks at `inside`. One of the two sees the other. immediate_exit closes the last gap, between the
 * look and the guest.
 */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "kvm.h"

/* Longest sleep in block(): interrupts of the local APIC do not wake it. */
#define LONGEST_SLEEP_NS 20000000ull

static void on_signal(int sig)
{
}

int ke_signal(void)
{
	return SIGRTMIN + 1;
}

/* Interrupts KVM_RUN, which is never restarted; system calls in the client's callbacks are. */
int ke_signal_init(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	return sigaction(ke_signal(), &sa, NULL);
}

int ke_futex_wait(const uint32_t *word, uint32_t seen, uint64_t deadline_ns)
{
	struct timespec ts = {(time_t)(deadline_ns / 1000000000u),
			      (long)(deadline_ns % 1000000000u)};

	return (int)syscall(SYS_futex, word, FUTEX_WAIT_BITSET_PRIVATE, seen,
			    deadline_ns ? &ts : NULL, NULL, FUTEX_BITSET_MATCH_ANY);
}

void ke_futex_wake(const uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

void ke_unblock(struct ke_vcpu *v)
{
	ke_add(&v->wake, 1);
	if (ke_read(&v->sleeps))
		ke_futex_wake(&v->wake);
}

void ke_poke(struct ke_vcpu *v)
{
	ke_write(&v->run->immediate_exit, 1);
	if (ke_read(&v->inside)) {
		ke_count(&v->e->kicks);
		pthread_kill(v->thread, ke_signal());
	}
	ke_unblock(v);
}

void ke_ask(struct ke_vcpu *v, uint32_t todo)
{
	ke_set(&v->todo, todo);
	ke_poke(v);
}

/* On the vCPU's thread: until it may go on; false when it shall end. */
bool ke_rest(struct ke_vcpu *v)
{
	struct engine *e = v->e;

	pthread_mutex_lock(&e->lock);
	v->rests = true;
	pthread_cond_broadcast(&e->rested);
	while ((ke_read(&v->todo) & (KE_REST | KE_QUIT)) == KE_REST)
		pthread_cond_wait(&e->changed, &e->lock);
	v->rests = false;
	pthread_mutex_unlock(&e->lock);
	return !(ke_read(&v->todo) & KE_QUIT);
}

int ke_vcpu_up(struct engine *e, unsigned vcpu)
{
	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	pthread_mutex_lock(&e->lock);
	ke_clear(&e->vcpu[vcpu].todo, (uint32_t)KE_DOWN);
	ke_ask(&e->vcpu[vcpu], KE_UP);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

int ke_vcpu_down(struct engine *e, unsigned vcpu)
{
	if (vcpu >= e->config.max_vcpus)
		return -PV_ENOENT;
	pthread_mutex_lock(&e->lock);
	ke_clear(&e->vcpu[vcpu].todo, (uint32_t)KE_UP);
	ke_ask(&e->vcpu[vcpu], KE_DOWN);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

static void all_shall_rest(struct engine *e)
{
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		ke_ask(&e->vcpu[i], KE_REST);
}

void ke_stop(struct engine *e)
{
	pthread_mutex_lock(&e->lock);
	if (!e->paused) {
		e->paused = true;
		all_shall_rest(e);
	}
	pthread_mutex_unlock(&e->lock);
}

int ke_pause(struct engine *e, unsigned timeout_ms)
{
	uint64_t deadline = ke_now() + timeout_ms * 1000000ull;
	struct timespec ts = {(time_t)(deadline / 1000000000u), (long)(deadline % 1000000000u)};
	char why[80];
	unsigned i;

	ke_stop(e);
	pthread_mutex_lock(&e->lock);
	for (i = 0; i < e->config.max_vcpus; i++) {
		struct ke_vcpu *v = &e->vcpu[i];

		while (v->started && !v->rests)
			if (pthread_cond_timedwait(&e->rested, &e->lock, &ts) && !v->rests)
				goto late;
	}
	pthread_mutex_unlock(&e->lock);
	return ke_read(&e->dead) ? -PV_ESRCH : 0;
late:
	pthread_mutex_unlock(&e->lock);
	snprintf(why, sizeof(why), "vCPU %u did not stop within %u ms", i, timeout_ms);
	ke_died_outside(e, why);
	return -PV_ETIMEDOUT;
}

int ke_resume(struct engine *e)
{
	if (!e->waited)
		return -PV_EBUSY;
	if (ke_read(&e->dead))
		return -PV_ESRCH;
	pthread_mutex_lock(&e->lock);
	e->paused = false;
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		ke_clear(&e->vcpu[i].todo, (uint32_t)KE_REST);
	pthread_cond_broadcast(&e->changed);
	pthread_mutex_unlock(&e->lock);
	return 0;
}

void ke_block(struct engine *e, unsigned vcpu, uint64_t deadline_ns)
{
	struct ke_vcpu *v = &e->vcpu[vcpu];
	uint64_t until = ke_now() + LONGEST_SLEEP_NS;
	uint32_t seen = ke_read(&v->wake);

	if (deadline_ns) {
		int64_t at = (int64_t)deadline_ns - ke_read(&e->clock);

		if (at <= 0)
			return;
		if ((uint64_t)at < until)
			until = (uint64_t)at;
	}
	ke_write(&v->sleeps, 1);
	if (!ke_swap(&v->kicked, 0) && !ke_read(&v->todo) && until > ke_now())
		ke_futex_wait(&v->wake, seen, until);
	ke_write(&v->sleeps, 0);
	ke_write(&v->kicked, 0);
}
