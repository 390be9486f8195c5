/*
 * The I/O of one disk: its thread, io_uring, and plain system calls where there is no io_uring.
 *
 * Trust: requests were checked by the backend: ranges lie on the disk, memory is mapped until
 * they are done. A completion is the kernel's word.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <pv/ring.h>
#include "disk_io.h"
#ifdef HAVE_LIBURING
#include "disk_ring.h"
#endif

#define SECTOR	    512u
#define BATCH	    64u
#define BATCH_BYTES 262144u
#define SPIN_MAX_NS 50000u
#define SPIN_MIN_NS 1000u

_Static_assert(sizeof(struct pv_iov) == sizeof(struct iovec), "pv_iov is an iovec");
_Static_assert(offsetof(struct pv_iov, len) == offsetof(struct iovec, iov_len),
	       "pv_iov is an iovec");

static void finish(struct host_disk *d, struct pv_blk_io *io, int error)
{
	if (error && error < 32 && !(d->told & 1u << error)) {
		d->told |= 1u << error;
		if (d->cfg.failed)
			d->cfg.failed(d->cfg.ctx, error, io->sector);
	}
	pv_blkback_done(&d->back, io,
			error == 0	      ? 0
			: error == EOPNOTSUPP ? -PV_EOPNOTSUPP
					      : -PV_EIO);
}

/*
 * Moves the bytes of io from `at` on with plain system calls: all of a request where there is no
 * io_uring, the rest of one that came back short. 0 or an errno value.
 */
static int transfer(struct host_disk *d, const struct pv_blk_io *io, uint64_t at)
{
	uint64_t before = 0;
	uint32_t i;

	for (i = 0; i < io->n; before += io->iov[i++].len) {
		while (at < before + io->iov[i].len) {
			uint8_t *p = (uint8_t *)io->iov[i].base + (at - before);
			size_t len = before + io->iov[i].len - at;
			off_t off = (off_t)(io->sector * SECTOR + at);
			ssize_t n = io->op == PV_BLK_READ ? pread(d->cfg.fd, p, len, off)
							  : pwrite(d->cfg.fd, p, len, off);

			if (n < 0 && errno != EINTR)
				return errno;
			/* The file became shorter than the disk that it is. */
			if (n == 0)
				return EIO;
			if (n > 0)
				at += (uint64_t)n;
		}
	}
	return 0;
}

static int plain(struct host_disk *d, const struct pv_blk_io *io)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	ssize_t n;

	switch (io->op) {
	case PV_BLK_FLUSH: return fdatasync(d->cfg.fd) ? errno : 0;
	case PV_BLK_DISCARD:
		return fallocate(d->cfg.fd, mode, (off_t)(io->sector * SECTOR), (off_t)io->bytes)
			       ? errno
			       : 0;
	default: break;
	}
	if (io->op == PV_BLK_READ)
		n = preadv(d->cfg.fd, (const struct iovec *)io->iov, (int)io->n,
			   (off_t)(io->sector * SECTOR));
	else
		n = pwritev(d->cfg.fd, (const struct iovec *)io->iov, (int)io->n,
			    (off_t)(io->sector * SECTOR));
	if (n < 0 && errno != EINTR)
		return errno;
	return (uint64_t)n == io->bytes ? 0 : transfer(d, io, n < 0 ? 0 : (uint64_t)n);
}

static int plain_submit(void *ctx, struct pv_blk_io *io)
{
	struct host_disk *d = ctx;

	finish(d, io, plain(d, io));
	return 0;
}

static void drain_fd(int fd)
{
	uint64_t n;

	/* The eventfd may be blocking: only called when poll says that there is something. */
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN && errno != EINTR)
		abort();
}

/* Sleeps until an event; both descriptors are empty after it. */
static void plain_wait(struct host_disk *d)
{
	struct pollfd p[2] = {{.fd = d->cfg.kick, .events = POLLIN},
			      {.fd = d->wake, .events = POLLIN}};

	if (poll(p, 2, -1) <= 0)
		return;
	if (p[0].revents)
		drain_fd(d->cfg.kick);
	if (p[1].revents)
		drain_fd(d->wake);
}

#ifdef HAVE_LIBURING
struct host_disk_uring {
	struct io_uring ring;
	bool poll_kick, poll_wake; /* a poll of the descriptor is armed */
	bool one_shot;		   /* the kernel has no multishot poll */
	unsigned queued;	   /* entries that were not submitted yet */
	uint64_t queued_bytes;	   /* of data in them */
};

/* user_data of what is not a request; requests are pointers. */
enum { DATA_KICK = 1, DATA_WAKE = 2 };

static void submit_queued(struct host_disk_uring *u)
{
	u->queued = 0;
	u->queued_bytes = 0;
	io_uring_submit(&u->ring);
}

static struct io_uring_sqe *get_sqe(struct host_disk_uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe) {
		submit_queued(u);
		sqe = io_uring_get_sqe(&u->ring);
	}
	if (sqe)
		u->queued++;
	return sqe;
}

static int uring_submit(void *ctx, struct pv_blk_io *io)
{
	struct host_disk *d = ctx;
	struct io_uring_sqe *sqe = get_sqe(d->uring);
	uint64_t off = io->sector * SECTOR;

	if (!sqe)
		return -PV_EAGAIN;
	switch (io->op) {
	case PV_BLK_READ:
		if (io->n == 1)
			io_uring_prep_read(sqe, RING_DISK, io->iov->base, (unsigned)io->iov->len,
					   off);
		else
			io_uring_prep_readv(sqe, RING_DISK, (const struct iovec *)io->iov, io->n,
					    off);
		break;
	case PV_BLK_WRITE:
		if (io->n == 1)
			io_uring_prep_write(sqe, RING_DISK, io->iov->base, (unsigned)io->iov->len,
					    off);
		else
			io_uring_prep_writev(sqe, RING_DISK, (const struct iovec *)io->iov, io->n,
					     off);
		break;
	case PV_BLK_FLUSH: io_uring_prep_fsync(sqe, RING_DISK, IORING_FSYNC_DATASYNC); break;
	default:
		io_uring_prep_fallocate(sqe, RING_DISK, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					off, io->bytes);
		break;
	}
	sqe->flags |= IOSQE_FIXED_FILE;
	io_uring_sqe_set_data(sqe, io);
	/*
	 * What is in the page cache is copied while it is submitted. In portions: the guest hears of one while the
	 * next is copied, and a control call does not wait for all of them.
	 */
	d->uring->queued_bytes += io->bytes;
	return d->uring->queued_bytes >= BATCH_BYTES;
}

static void arm_poll(struct host_disk_uring *u, int file, bool *armed, uint64_t data)
{
	struct io_uring_sqe *sqe = *armed ? NULL : get_sqe(u);

	if (!sqe)
		return;
	if (u->one_shot)
		io_uring_prep_poll_add(sqe, file, POLLIN);
	else
		io_uring_prep_poll_multishot(sqe, file, POLLIN);
	sqe->flags |= IOSQE_FIXED_FILE;
	sqe->user_data = data;
	*armed = true;
}

static void complete(struct host_disk *d, struct pv_blk_io *io, int res)
{
	bool moves = io->op == PV_BLK_READ || io->op == PV_BLK_WRITE;

	if (moves && res >= 0 && (uint64_t)res < io->bytes)
		finish(d, io, transfer(d, io, (uint64_t)res));
	else if (res == -EINTR || res == -EAGAIN)
		finish(d, io, plain(d, io));
	else
		finish(d, io, res < 0 ? -res : 0);
}

/*
 * A multishot poll completes once for each write to the eventfd, read or not, so nothing is read
 * (and nothing can block). A poll for one event is level-triggered: there the event is taken
 * away.
 */
static void polled(struct host_disk *d, const struct io_uring_cqe *cqe)
{
	struct host_disk_uring *u = d->uring;
	bool kick = cqe->user_data == DATA_KICK;

	if (!(cqe->flags & IORING_CQE_F_MORE))
		*(kick ? &u->poll_kick : &u->poll_wake) = false;
	if (cqe->res == -EINVAL)
		u->one_shot = true;
	else if (cqe->res > 0 && u->one_shot)
		drain_fd(kick ? d->cfg.kick : d->wake);
}

/* Handles what has completed; returns how many requests that were. */
static unsigned uring_reap(struct host_disk *d)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0, requests = 0;

	io_uring_for_each_cqe(&d->uring->ring, head, cqe)
	{
		n++;
		if (cqe->user_data == DATA_KICK || cqe->user_data == DATA_WAKE) {
			polled(d, cqe);
			continue;
		}
		complete(d, io_uring_cqe_get_data(cqe), cqe->res);
		requests++;
	}
	io_uring_cq_advance(&d->uring->ring, n);
	return requests;
}

static void uring_kick(struct host_disk_uring *u)
{
	if (u->queued)
		submit_queued(u);
}

static bool uring_start(struct host_disk *d)
{
	const int fd[RING_FILES] = {d->cfg.fd, d->cfg.kick, d->wake};
	struct host_disk_uring *u = calloc(1, sizeof(*u));

	if (!u || disk_ring_open(&u->ring, 2 * HOST_DISK_DEPTH, fd) < 0) {
		free(u);
		return false;
	}
	d->uring = u;
	d->table.submit = uring_submit;
	return true;
}

static void uring_stop(struct host_disk *d)
{
	io_uring_queue_exit(&d->uring->ring);
	free(d->uring);
}

static void uring_wait(struct host_disk *d)
{
	struct host_disk_uring *u = d->uring;

	u->queued = 0;
	io_uring_submit_and_wait(&u->ring, 1);
}

static void uring_arm(struct host_disk *d)
{
	arm_poll(d->uring, RING_KICK, &d->uring->poll_kick, DATA_KICK);
	arm_poll(d->uring, RING_WAKE, &d->uring->poll_wake, DATA_WAKE);
}
#else
static bool uring_start(struct host_disk *d)
{
	return false;
}

static void uring_stop(struct host_disk *d)
{
}

static void uring_wait(struct host_disk *d)
{
}

static void uring_arm(struct host_disk *d)
{
}

static unsigned uring_reap(struct host_disk *d)
{
	return 0;
}

static void uring_kick(struct host_disk_uring *u)
{
}
#endif

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* One round: completions, responses, requests. True if anything moved. */
static bool turn(struct host_disk *d)
{
	unsigned done = d->uses_uring ? uring_reap(d) : 0;
	int taken = pv_blkback_work(&d->back, BATCH);

	/* work() publishes what reap finished; after a stop or while quiet it does not look. */
	pv_blkback_flush(&d->back);
	if (d->uses_uring)
		uring_kick(d->uring);
	return done || taken > 0;
}

/*
 * Looks at an idle ring for up to spin_ns: after a look that found something twice the time that
 * it took, after one that did not half of what it was, down to none; from there only every 64th
 * sleep tries again. So a busy ring is served without wake-ups, and a quiet one costs nothing.
 */
static bool spin(struct host_disk *d, unsigned *sleeps)
{
	uint64_t began, now;

	/* Completions wake us; with some outstanding there is nothing to win by looking. */
	if (!d->back.connected || d->back.quiet || d->back.broken || pv_blkback_inflight(&d->back))
		return false;
	if (d->spin_ns < SPIN_MIN_NS) {
		if (++*sleeps % 64)
			return false;
		d->spin_ns = SPIN_MAX_NS;
	}
	began = now = now_ns();
	while (now - began < d->spin_ns && !__atomic_load_n(&d->want, __ATOMIC_RELAXED)) {
		if (turn(d)) {
			uint64_t twice = 2 * (now - began) + SPIN_MIN_NS;

			d->spin_ns = twice < SPIN_MAX_NS ? (unsigned)twice : SPIN_MAX_NS;
			return true;
		}
		now = now_ns();
	}
	d->spin_ns /= 2;
	return false;
}

static void sleep_until_event(struct host_disk *d)
{
	if (d->uses_uring)
		uring_arm(d);
	pthread_mutex_unlock(&d->lock);
	if (d->uses_uring)
		uring_wait(d);
	else
		plain_wait(d);
	pthread_mutex_lock(&d->lock);
}

void *host_disk_thread(void *arg)
{
	struct host_disk *d = arg;
	unsigned sleeps = 0;

	pthread_mutex_lock(&d->lock);
	d->table.submit = plain_submit;
	d->uses_uring = !d->cfg.no_uring && uring_start(d);
	d->started = true;
	pthread_cond_broadcast(&d->drained);
	while (!d->stop) {
		while (__atomic_load_n(&d->want, __ATOMIC_ACQUIRE) && !d->stop)
			pthread_cond_wait(&d->go, &d->lock);
		if (d->stop || turn(d) || spin(d, &sleeps))
			continue;
		if (pv_blkback_inflight(&d->back) == 0)
			pthread_cond_broadcast(&d->drained);
		if (pv_blkback_arm(&d->back))
			continue;
		sleep_until_event(d);
	}
	if (d->uses_uring)
		uring_stop(d);
	pthread_mutex_unlock(&d->lock);
	return NULL;
}
