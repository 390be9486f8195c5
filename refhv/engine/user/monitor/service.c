/*
 * service.c: one thread for each vCPU answers its hypercalls and keeps its timer
 *
 * The thread sleeps on the vCPU's doorbell. Where it runs decides what a call costs: asleep, it
 * belongs on the vCPU's own CPU, where the hand-over is a context switch; polling, on any other. It
 * polls only for a vCPU that calls again and again at short intervals, tells the vCPU on which CPU
 * it does so (the vCPU spins only then), and falls asleep after two polls in vain, for the next 64
 * calls at least. Blind spinning would be the worst of all.
 */
#include <pv/abi/errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include "monitor.h"

#define POLL_NS	      20000u
#define SHORT_GAP     60000u /* ns between an answer and the next call: worth polling for */
#define SHORT_GAPS    8u
#define STACK_SIZE    (256u << 10)
#define BACKOFF	      64u
#define LOOK_AT_CLOCK 32u /* pauses between two looks at the clock */

static void confine_to(struct ue_vcpu *v, int cpu)
{
	cpu_set_t set;

	if (v->pinned == cpu)
		return;
	v->pinned = cpu;
	if (cpu < 0) {
		sched_setaffinity(0, sizeof(v->e->cpus), &v->e->cpus);
		return;
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

/* Away from the vCPU's CPU, to wherever else this process may run. */
static void stay_off(struct ue_vcpu *v, int cpu)
{
	cpu_set_t set = v->e->cpus;

	CPU_CLR(cpu, &set);
	v->pinned = -2;
	if (CPU_COUNT(&set))
		sched_setaffinity(0, sizeof(set), &set);
}

/* The vCPU's own claim; only a number within our own set counts. */
static int cpu_of(struct ue_vcpu *v)
{
	uint32_t cpu = ue_read(&v->rw->cpu);

	return cpu < CPU_SETSIZE && CPU_ISSET(cpu, &v->e->cpus) ? (int)cpu : -1;
}

/* Poll the doorbell for a while: true if it rang. */
static bool poll(struct ue_vcpu *v, uint32_t seen)
{
	int here = sched_getcpu();
	uint64_t until;
	bool rang = false;

	if (here < 0 || here == cpu_of(v))
		return false;
	until = ue_now() + POLL_NS;
	ue_write(&v->ro->spin_cpu, (uint32_t)here + 1);
	do {
		for (unsigned i = 0; i < LOOK_AT_CLOCK && !rang; i++) {
			rang = ue_read(&v->rw->doorbell) != seen;
			__builtin_ia32_pause();
		}
	} while (!rang && ue_now() < until);
	ue_write(&v->ro->spin_cpu, 0);
	return rang;
}

/* Before each answer: was it worth polling, is it going to be? */
static void learn(struct ue_vcpu *v)
{
	int cpu;

	if (v->polls || !(v->e->caps & ENGINE_CAP_SPIN))
		return;
	cpu = cpu_of(v);
	confine_to(v, cpu);
	if (v->backoff) {
		v->backoff--;
		return;
	}
	v->hits = ue_now() - v->answered_ns < SHORT_GAP ? v->hits + 1 : 0;
	if (v->hits >= SHORT_GAPS && cpu >= 0) {
		v->polls = true;
		v->misses = 0;
		stay_off(v, cpu);
	}
}

static void poll_missed(struct ue_vcpu *v)
{
	if (++v->misses < 2)
		return;
	v->polls = false;
	v->hits = 0;
	v->backoff = BACKOFF;
}

static void answer(struct ue_vcpu *v, uint32_t request)
{
	uint64_t nr = ue_read(&v->rw->nr), arg[6];
	int64_t ret;

	for (int i = 0; i < 6; i++)
		arg[i] = ue_read(&v->rw->arg[i]);
	v->last = request;
	ue_read(&v->order);
	learn(v);
	if (nr == UE_REQ_DIED) {
		ue_died_in_guest(v, arg[0], arg[1]);
		return;
	}
	ret = v->e->config.client->hypercall(v->e->config.client_ctx, v->id, nr, arg);
	__atomic_add_fetch(&v->e->hypercalls, 1, __ATOMIC_RELAXED);
	v->ro->result = ret;
	ue_add(&v->order, 1);
	ue_write(&v->ro->response, request);
	/* Partner: the vCPU sets `sleeps`, reads wake, looks for the response and then sleeps on
	 * that wake. */
	ue_add(&v->ro->wake, 1);
	if (ue_read(&v->rw->sleeps))
		ue_futex_wake(&v->ro->wake);
	if (!v->polls)
		v->answered_ns = ue_now();
}

/* Monotonic time of the next timer, 0 = none; calls the client if that has come. */
static uint64_t timer(struct ue_vcpu *v)
{
	uint64_t at = ue_read(&v->deadline);
	int64_t mono;

	if (!at)
		return 0;
	mono = (int64_t)at - ue_read(&v->e->info->clock_offset);
	if (mono > (int64_t)ue_now())
		return (uint64_t)mono;
	/* Unless it has been set again meanwhile. */
	if (__atomic_compare_exchange_n(&v->deadline, &at, 0, false, __ATOMIC_SEQ_CST,
					__ATOMIC_SEQ_CST))
		v->e->config.client->timer(v->e->config.client_ctx, v->id);
	return timer(v);
}

static void *service(void *arg)
{
	struct ue_vcpu *v = arg;
	uint32_t seen, request;
	uint64_t deadline;

	prctl(PR_SET_NAME, "vcpu-service");
	prctl(PR_SET_TIMERSLACK, 1);
	for (;;) {
		seen = ue_read(&v->rw->doorbell);
		if (ue_read(&v->e->stopping))
			return NULL;
		request = ue_read(&v->rw->request);
		if (request != v->last) {
			answer(v, request);
			continue;
		}
		deadline = timer(v);
		if (v->polls) {
			if (poll(v, seen)) {
				v->misses = 0;
				continue;
			}
			poll_missed(v);
		}
		/* Partner: stub_ask changes the doorbell, then looks at sleeps. */
		ue_write(&v->ro->sleeps, 1);
		ue_futex_wait(&v->rw->doorbell, seen, deadline);
		ue_write(&v->ro->sleeps, 0);
	}
}

int ue_service_start(struct ue_vcpu *v)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int ret;

	/* Signals are for the threads of the client. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	ret = pthread_create(&v->thread, &attr, service, v);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	v->started = !ret;
	return ret ? -PV_EAGAIN : 0;
}

void ue_service_wake(struct ue_vcpu *v)
{
	ue_add(&v->rw->doorbell, 1);
	ue_futex_wake(&v->rw->doorbell);
}

void ue_timer_set(struct engine *e, unsigned vcpu, uint64_t abs_ns)
{
	struct ue_vcpu *v;

	if (vcpu >= e->config.max_vcpus)
		return;
	v = &e->vcpu[vcpu];
	ue_write(&v->deadline, abs_ns);
	/* The thread itself looks at its timer before it sleeps. */
	if (abs_ns && !pthread_equal(pthread_self(), v->thread))
		ue_service_wake(v);
}
