/*
 * The thread of one queue of a disk: turns, a short look at an idle ring, sleep.
 *
 * Trust: the guest decides when its events come and how many: an event without a request is paid for
 * with a delay that grows (XSA-332), and the thread never takes more than a batch before it
 * looks whether a control call waits.
 */
#include <poll.h>
#include <sched.h>
#include <time.h>
#include "disk_io.h"

#define BATCH	    64u
#define SPIN_MAX_NS 50000u
#define SPIN_MIN_NS 1000u

/* Kicks in a row that may be useless: the guest may have been served by a look at the ring. Each
 * one more delays the next look by as much again. */
#define USELESS_FREE	 16u
#define USELESS_DELAY_NS 100000ull
#define USELESS_MAX_NS	 10000000ull

#define TRIM_MS 10000

/* Sleeps until an event; both descriptors are empty after it. */
static void plain_wait(struct host_queue *q, int timeout_ms)
{
	struct pollfd p[2] = {{.fd = q->kick, .events = POLLIN}, {.fd = q->wake, .events = POLLIN}};

	if (poll(p, 2, timeout_ms) <= 0)
		return;
	if (p[0].revents) {
		host_disk_drain_fd(q->kick);
		q->kicked = true;
	}
	if (p[1].revents)
		host_disk_drain_fd(q->wake);
}

uint64_t host_queue_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One round: completions, responses, requests. True if anything moved. */
static bool turn(struct host_queue *q)
{
	struct pv_blkback *back = &q->disk->back;
	unsigned done;
	int taken;

	q->moved = 0;
	done = q->uses_uring ? host_uring_reap(q) : 0;
	taken = pv_blkback_work(back, q->index, BATCH);

	/* work() publishes what reap finished; after a stop or while quiet it does not look. */
	pv_blkback_flush(back, q->index);
	if (q->uses_uring)
		host_uring_kick(q);
	return done || taken > 0;
}

/*
 * Looks at an idle ring for up to spin_ns: after a look that found something twice the time that
 * it took, after one that did not half of what it was, down to none; from there only every 64th
 * sleep tries again. So a busy ring is served without wake-ups, and a quiet one costs nothing.
 */
static bool spin(struct host_queue *q, unsigned *sleeps)
{
	const struct pv_blkback *back = &q->disk->back;
	uint64_t began, now;

	/* Completions wake us; with some outstanding there is nothing to win by looking. */
	if (q->alone || q->index >= pv_blkback_queues(back) || back->quiet ||
	    pv_blkback_queue_inflight(back, q->index))
		return false;
	if (q->spin_ns < SPIN_MIN_NS) {
		if (++*sleeps % 64)
			return false;
		q->spin_ns = SPIN_MAX_NS;
	}
	began = now = host_queue_now();
	while (now - began < q->spin_ns && !__atomic_load_n(&q->want, __ATOMIC_RELAXED)) {
		if (turn(q)) {
			uint64_t twice = 2 * (now - began) + SPIN_MIN_NS;

			q->spin_ns = twice < SPIN_MAX_NS ? (unsigned)twice : SPIN_MAX_NS;
			return true;
		}
		now = host_queue_now();
	}
	q->spin_ns /= 2;
	return false;
}

/* What the last kick brought; returns how long not to listen. */
static uint64_t judge(struct host_queue *q, bool moved)
{
	uint64_t delay;

	if (moved)
		q->useless = 0;
	else if (q->kicked && q->useless < 1000)
		q->useless++;
	q->kicked = false;
	if (moved || q->useless <= USELESS_FREE)
		return 0;
	delay = (q->useless - USELESS_FREE) * USELESS_DELAY_NS;
	return delay < USELESS_MAX_NS ? delay : USELESS_MAX_NS;
}

static void sleep_until_event(struct host_queue *q, uint64_t deaf_ns)
{
	struct timespec deaf = {.tv_nsec = (long)deaf_ns};
	/* Maps that nobody uses any more do not wait for the next request. */
	int timeout = q->disk->back.queue[q->index].kept.n ? TRIM_MS : -1;

	if (q->uses_uring)
		host_uring_arm(q);
	pthread_mutex_unlock(&q->lock);
	if (deaf_ns)
		nanosleep(&deaf, NULL);
	if (q->uses_uring)
		host_uring_wait(q, timeout);
	else
		plain_wait(q, timeout);
	pthread_mutex_lock(&q->lock);
	q->wakeups++;
}

/* Gives maps back that were not used for a while. */
static void trim(struct host_queue *q, uint64_t *last)
{
	uint64_t now;

	if (!q->disk->back.queue[q->index].kept.n)
		return;
	now = host_queue_now();
	if (now - *last < TRIM_MS * 1000000ull)
		return;
	*last = now;
	pv_blkback_trim(&q->disk->back, q->index);
}

static void set_up(struct host_queue *q)
{
	const struct sched_param normal = {0};
	cpu_set_t cpus;

	q->alone = sched_getaffinity(0, sizeof(cpus), &cpus) == 0 && CPU_COUNT(&cpus) == 1;
	/*
	 * The guest's first request would take the only CPU away from it, and what it was about to add comes as late as the answer. A thread
	 * for batches waits until the guest rests, or has had its turn.
	 */
	if (q->alone)
		sched_setscheduler(0, SCHED_BATCH, &normal);
	q->uses_uring = !q->disk->cfg.no_uring && host_uring_start(q);
	q->started = true;
	pthread_cond_broadcast(&q->drained);
}

void *host_queue_thread(void *arg)
{
	struct host_queue *q = arg;
	uint64_t trimmed = host_queue_now(), deaf;
	unsigned sleeps = 0;

	pthread_mutex_lock(&q->lock);
	set_up(q);
	while (!q->stop) {
		while (__atomic_load_n(&q->want, __ATOMIC_ACQUIRE) && !q->stop)
			pthread_cond_wait(&q->go, &q->lock);
		if (q->stop)
			break;
		if (turn(q) || spin(q, &sleeps)) {
			judge(q, true);
			continue;
		}
		deaf = judge(q, false);
		trim(q, &trimmed);
		if (pv_blkback_queue_inflight(&q->disk->back, q->index) == 0)
			pthread_cond_broadcast(&q->drained);
		if (pv_blkback_arm(&q->disk->back, q->index))
			continue;
		sleep_until_event(q, deaf);
	}
	if (q->uses_uring)
		host_uring_stop(q);
	pthread_mutex_unlock(&q->lock);
	return NULL;
}
