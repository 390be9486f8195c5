/*
 * timer.c: the service thread
 *
 * It keeps the vCPUs' timers, so that a vCPU need not leave the guest for one; repeats upcalls that
 * were not delivered; and, when no vCPU has come out of its guest for a while, has them look
 * whether they are halted for good.
 */
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>
#include <pv/abi/errno.h>
#include "kvm.h"

#define STACK_SIZE (256u << 10)
#define QUIET_NS   2000000000ull

uint64_t ke_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Monotonic time of this vCPU's timer, 0 = off; calls the client if it has come. */
static uint64_t timer(struct ke_vcpu *v)
{
	const struct engine_config *c = &v->e->config;
	uint64_t at;
	int64_t mono;

	while ((at = ke_read(&v->deadline))) {
		mono = (int64_t)at - ke_read(&v->e->clock);
		if (mono > (int64_t)ke_now())
			return (uint64_t)mono;
		/* Unless it has been set again meanwhile. */
		if (__atomic_compare_exchange_n(&v->deadline, &at, 0, false, __ATOMIC_SEQ_CST,
						__ATOMIC_SEQ_CST))
			c->client->timer(c->client_ctx, v->id);
	}
	return 0;
}

static uint64_t exits(struct ke_vcpu *v)
{
	uint64_t n = 0;

	for (unsigned k = 0; k < KE_EXITS; k++)
		if (k != KE_EXIT_POKED)
			n += ke_read(&v->exits[k]);
	return n;
}

/* A vCPU that is never left any more may have halted for good: it is asked now and then. Returns when the next time is. */
static uint64_t look_after(struct ke_vcpu *v, uint64_t now)
{
	uint64_t n = exits(v);

	if (!ke_read(&v->up) || n != v->exits_seen) {
		v->exits_seen = n;
		v->quiet_since = now;
	} else if (now - v->quiet_since >= QUIET_NS) {
		v->quiet_since = now;
		ke_ask(v, KE_LOOK);
	}
	return v->quiet_since + QUIET_NS;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return b && b < a ? b : a;
}

static void *serve(void *arg)
{
	struct engine *e = arg;
	uint64_t now, next;
	uint32_t seen;

	prctl(PR_SET_NAME, "vcpu-service");
	prctl(PR_SET_TIMERSLACK, 1);
	while (!ke_read(&e->stopping)) {
		seen = ke_read(&e->service_wake);
		now = ke_now();
		next = now + QUIET_NS;
		for (unsigned i = 0; i < e->config.max_vcpus; i++) {
			next = earlier(next, look_after(&e->vcpu[i], now));
			next = earlier(next, timer(&e->vcpu[i]));
			next = earlier(next, ke_upcall_repeat(&e->vcpu[i], now));
		}
		ke_write(&e->sleep_until, next);
		ke_futex_wait(&e->service_wake, seen, next);
	}
	return NULL;
}

int ke_service_start(struct engine *e)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ret = pthread_create(&e->service, &attr, serve, e);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	e->serving = !ret;
	return ret ? -PV_EAGAIN : 0;
}

void ke_service_wake(struct engine *e)
{
	ke_add(&e->service_wake, 1);
	ke_futex_wake(&e->service_wake);
}

/*
 * Partner: the service thread reads service_wake, then deadlines, then writes sleep_until and
 * sleeps only if service_wake is the same.
 */
void ke_timer_set(struct engine *e, unsigned vcpu, uint64_t abs_ns)
{
	if (vcpu >= e->config.max_vcpus)
		return;
	ke_write(&e->vcpu[vcpu].deadline, abs_ns);
	if (!abs_ns)
		return;
	ke_add(&e->service_wake, 1);
	if ((int64_t)abs_ns - ke_read(&e->clock) < (int64_t)ke_read(&e->sleep_until))
		ke_futex_wake(&e->service_wake);
}

void ke_clock_set(struct engine *e, int64_t offset)
{
	ke_write(&e->clock, offset);
	ke_service_wake(e);
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		ke_unblock(&e->vcpu[i]);
}
