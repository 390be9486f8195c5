/*
 * A network card: see net.h. Trusts neither the guest nor the far end: a frame is bytes with a length, and its copy
 * here is private (the backend's).
 */
#include "host/net.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "host/frames.h"

#define BUDGET	    64
#define ETHERNET    14
#define VLAN	    4
#define MTU_NORMAL  1500u
#define SECOND	    1000000000ull
#define STALE	    (10 * SECOND) /* frames that wait longer for room are dropped */
#define SPURIOUS    16u		  /* events with nothing behind them before they are throttled */
#define THROTTLE_US 1000u	  /* the longest delay */

struct queue {
	struct host_net *net;
	unsigned index;
	pthread_t thread;
	bool started;
	/* The backend's queue: the thread holds it while it works, never while it sleeps. */
	pthread_mutex_t lock;
	struct frames far;
	bool dry; /* the descriptor had no more when it was last asked: not again before poll() says so */
	int kick, wake;
	uint64_t wakeups;
};

struct host_net {
	struct pv_netback back;
	struct pv_netback_far far;
	unsigned queues;
	struct queue queue[PV_NETBACK_QUEUES];
	bool stop;
	void *memory;
};

static int far_tx(void *ctx, unsigned queue, const struct pv_netback_frame *f, unsigned n)
{
	struct queue *q = &((struct host_net *)ctx)->queue[queue];

	/* This host's own answer is in the tap's queue when the call returns. */
	q->dry &= q->far.socket;
	return frames_tx(&q->far, f, n);
}

static int far_rx(void *ctx, unsigned queue, struct pv_netback_frame *f, unsigned n)
{
	struct queue *q = &((struct host_net *)ctx)->queue[queue];
	int got = q->dry ? 0 : frames_rx(&q->far, f, n);

	q->dry = got < (int)n;
	return got;
}

/* Frames go to the queues that the guest reads; before it is there they wait in the first. */
static void far_front(void *ctx, unsigned queues, uint32_t caps)
{
	struct host_net *net = ctx;

	for (unsigned i = 1; i < net->queues; i++)
		frames_attach(&net->queue[i].far, i < queues);
	frames_offload(&net->queue[0].far, caps);
}

static uint64_t now(void *ctx)
{
	struct timespec t;

	(void)ctx;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * SECOND + (uint64_t)t.tv_nsec;
}

static void lock_all(struct host_net *net)
{
	for (unsigned i = 0; i < net->queues; i++)
		pthread_mutex_lock(&net->queue[i].lock);
}

static void unlock_all(struct host_net *net)
{
	for (unsigned i = net->queues; i--;)
		pthread_mutex_unlock(&net->queue[i].lock);
}

static void drain(int fd)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0)
		return;
}

/* One turn. PV_NETBACK_* bits, or an error; -ECANCELED: the card is going. */
static int turn(struct queue *q)
{
	struct host_net *net = q->net;
	int rc = -ECANCELED;

	pthread_mutex_lock(&q->lock);
	if (!net->stop)
		rc = net->back.quiet ? -PV_ENOTCONN : pv_netback_work(&net->back, q->index, BUDGET);
	/*
	 * The guest is asked for an event after all its frames were looked at, and looked at once more: pairs with
	 * its publishing a frame before it reads what was asked for.
	 */
	if (rc >= 0 && !(rc & (PV_NETBACK_MORE | PV_NETBACK_CONTROL)) &&
	    pv_netback_arm(&net->back, q->index, rc))
		rc |= PV_NETBACK_MORE;
	pthread_mutex_unlock(&q->lock);
	if (rc >= 0 && rc & PV_NETBACK_CONTROL) {
		lock_all(net);
		pv_netback_control(&net->back);
		unlock_all(net);
		rc |= PV_NETBACK_MORE;
	}
	return rc;
}

/* What has waited for too long goes; then once a second what has come since. */
static void drop_stale(struct queue *q, uint64_t *since)
{
	uint64_t t = now(NULL);
	uint32_t n;

	if (t - *since < STALE)
		return;
	do {
		pthread_mutex_lock(&q->lock);
		q->dry = false;
		n = pv_netback_drain(&q->net->back, q->index, BUDGET);
		pthread_mutex_unlock(&q->lock);
	} while (n);
	*since = t - STALE + SECOND;
}

/* Milliseconds until something besides events wants attention, or -1. */
static int patience(const struct queue *q, int rc, uint64_t since)
{
	uint64_t t = now(NULL), at = UINT64_MAX;

	if (rc < 0)
		return -1;
	if (rc & PV_NETBACK_NO_CREDIT)
		at = pv_netback_credit_at(&q->net->back);
	if (rc & PV_NETBACK_NO_ROOM && !q->far.deaf && since + STALE < at)
		at = since + STALE;
	if (at == UINT64_MAX)
		return -1;
	return at <= t ? 0 : (int)((at - t + 999999) / 1000000);
}

/* Longer and longer, while events come with nothing behind them. */
static void throttle(unsigned spurious)
{
	unsigned us = 1u << (spurious - SPURIOUS < 10 ? spurious - SPURIOUS : 10);
	struct timespec t = {.tv_nsec = (long)(us < THROTTLE_US ? us : THROTTLE_US) * 1000};

	nanosleep(&t, NULL);
}

static void *run(void *arg)
{
	struct queue *q = arg;
	struct pollfd fds[3] = {
		{.fd = q->kick, .events = POLLIN}, {.fd = q->wake, .events = POLLIN}, {.fd = -1}};
	unsigned spurious = 0;
	uint64_t since = 0; /* when the guest's room was found to be too little */
	bool kicked = false;

	for (;;) {
		int rc = turn(q);

		if (rc == -ECANCELED)
			return NULL;
		if (rc < 0 || !(rc & PV_NETBACK_NO_ROOM))
			since = 0;
		else if (!since)
			since = now(NULL);
		if (rc >= 0 && rc & (PV_NETBACK_MOVED | PV_NETBACK_MORE))
			spurious = 0;
		else if (kicked)
			spurious++;
		kicked = false;
		if (rc >= 0 && rc & PV_NETBACK_MORE) {
			q->dry = false;
			continue;
		}
		if (spurious > SPURIOUS)
			throttle(spurious);
		fds[2].events = (short)((rc & PV_NETBACK_NO_ROOM ? 0 : POLLIN) |
					(rc & PV_NETBACK_FAR_FULL ? POLLOUT : 0));
		fds[2].fd = rc < 0 || q->far.deaf || !fds[2].events ? -1 : q->far.fd;
		if (poll(fds, 3, patience(q, rc, since)) < 0)
			continue;
		__atomic_fetch_add(&q->wakeups, 1, __ATOMIC_RELAXED);
		q->dry = fds[2].fd >= 0 && fds[2].events & POLLIN && !(fds[2].revents & ~POLLOUT);
		if (fds[0].revents) {
			drain(q->kick);
			kicked = !fds[2].revents;
		}
		if (fds[1].revents)
			drain(q->wake);
		if (since)
			drop_stale(q, &since);
	}
}

static void nudge(struct host_net *net)
{
	uint64_t one = 1;

	for (unsigned i = 0; i < net->queues; i++)
		if (write(net->queue[i].wake, &one, sizeof(one)) < 0)
			continue; /* full: it is awake */
}

static int start_threads(struct host_net *net)
{
	sigset_t all, old;
	int rc = 0;

	/* Signals are the control loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (unsigned i = 0; i < net->queues && !rc; i++) {
		rc = pthread_create(&net->queue[i].thread, NULL, run, &net->queue[i]);
		net->queue[i].started = !rc;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return -rc;
}

static int start(struct host_net *net, const struct host_net_config *config)
{
	struct pv_netback_config back = {
		.mtu = config->mtu > MTU_NORMAL ? config->mtu : 0,
		.caps = frames_caps(&net->queue[0].far),
		.queues = net->queues,
		.rate_bytes = config->rate_bytes,
		.rate_us = config->rate_us,
	};
	uint32_t frame = (config->mtu ? config->mtu : MTU_NORMAL) + ETHERNET + VLAN;
	int rc;

	back.max_frame = frame < PV_NET_MAX_FRAME ? frame : PV_NET_MAX_FRAME;
	net->far = (struct pv_netback_far){.size = sizeof(net->far),
					   .ctx = net,
					   .tx = far_tx,
					   .rx = far_rx,
					   .front = far_front,
					   .now = now};
	rc = pv_netback_init(&net->back, config->bus, &net->far, &back, net->memory);
	if (rc)
		return rc;
	far_front(net, 0, 0);
	return start_threads(net);
}

static int open_queues(struct host_net *net, const struct host_net_config *config)
{
	int rc = 0;

	for (unsigned i = 0; i < net->queues; i++) {
		struct queue *q = &net->queue[i];

		q->net = net;
		q->index = i;
		q->kick = config->kick[i];
		pthread_mutex_init(&q->lock, NULL);
		if (frames_open(&q->far, config->frames[i], config->vnet))
			rc = -EPROTOTYPE;
		fcntl(q->far.fd, F_SETFL, fcntl(q->far.fd, F_GETFL) | O_NONBLOCK);
		q->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->wake < 0 && !rc)
			rc = -errno;
	}
	return rc;
}

/* Ends the threads, gives everything back. */
static void dismantle(struct host_net *net)
{
	lock_all(net);
	net->stop = true;
	unlock_all(net);
	nudge(net);
	for (unsigned i = 0; i < net->queues; i++)
		if (net->queue[i].started)
			pthread_join(net->queue[i].thread, NULL);
	if (net->back.bus)
		pv_netback_destroy(&net->back);
	for (unsigned i = 0; i < net->queues; i++) {
		pthread_mutex_destroy(&net->queue[i].lock);
		close(net->queue[i].far.fd);
		if (net->queue[i].wake >= 0)
			close(net->queue[i].wake);
	}
	if (net->memory != MAP_FAILED)
		munmap(net->memory, (size_t)net->queues * PV_NETBACK_MEM);
	free(net);
}

int host_net_create(struct host_net **out, const struct host_net_config *config,
		    char err[HOST_NET_ERR_SIZE])
{
	unsigned queues = config->queues ? config->queues : 1;
	struct host_net *net = queues > PV_NETBACK_QUEUES ? NULL : calloc(1, sizeof(*net));
	int rc = -ENOMEM;

	*out = NULL;
	if (!net) {
		for (unsigned i = 0; i < queues && i < PV_NETBACK_QUEUES; i++)
			close(config->frames[i]);
	} else {
		net->queues = queues;
		net->memory = mmap(NULL, (size_t)queues * PV_NETBACK_MEM, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		rc = open_queues(net, config);
		if (!rc)
			rc = net->memory == MAP_FAILED ? -ENOMEM : start(net, config);
		if (rc)
			dismantle(net);
	}
	if (!rc)
		*out = net;
	else
		snprintf(err, HOST_NET_ERR_SIZE, "network card: %s", strerror(-rc));
	return rc;
}

int host_net_step(struct host_net *net)
{
	int rc;

	lock_all(net);
	rc = pv_netback_step(&net->back);
	unlock_all(net);
	nudge(net);
	return rc;
}

void host_net_quiesce(struct host_net *net, bool on)
{
	lock_all(net);
	pv_netback_quiesce(&net->back, on);
	unlock_all(net);
	nudge(net);
}

int host_net_export(struct host_net *net, struct pv_netback_state *state)
{
	int rc;

	lock_all(net);
	rc = pv_netback_export(&net->back, state);
	unlock_all(net);
	return rc;
}

int host_net_import(struct host_net *net, const struct pv_netback_state *state, uint32_t size)
{
	int rc;

	lock_all(net);
	rc = pv_netback_import(&net->back, state, size);
	unlock_all(net);
	return rc;
}

void host_net_stats(struct host_net *net, struct host_net_stats *st)
{
	memset(st, 0, sizeof(*st));
	lock_all(net);
	pv_netback_stats(&net->back, &st->back);
	st->queues = pv_netback_queues(&net->back);
	st->caps = pv_netback_guest_caps(&net->back);
	for (unsigned i = 0; i < net->queues; i++) {
		st->wakeups += __atomic_load_n(&net->queue[i].wakeups, __ATOMIC_RELAXED);
		st->calls += net->queue[i].far.calls;
	}
	unlock_all(net);
}

void host_net_destroy(struct host_net *net)
{
	dismantle(net);
}
