/*
 * The I/O of one queue of a disk through io_uring, straight on guest memory.
 *
 * Trust: requests were checked by the backend: ranges lie on the disk, memory is mapped until
 * they are done. A completion is the kernel's word. What the ring itself may do: disk_ring.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <pv/ring.h>
#include "disk_io.h"
#include "disk_ring.h"

struct host_disk_uring {
	struct io_uring ring;
	bool poll_kick, poll_wake; /* a poll of the descriptor is armed */
	bool one_shot;		   /* the kernel has no multishot poll */
	unsigned queued;	   /* entries that were not submitted yet */
};

/* user_data of what is not a request; requests are pointers. */
enum { DATA_KICK = 1, DATA_WAKE = 2 };

static void submit_queued(struct host_disk_uring *u)
{
	u->queued = 0;
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

int host_uring_submit(struct host_queue *q, struct pv_blk_io *io)
{
	struct io_uring_sqe *sqe = get_sqe(q->uring);
	uint64_t off = io->sector * HOST_DISK_SECTOR;

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
	return 0;
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
		host_disk_finish(d, io, host_disk_transfer(d, io, (uint64_t)res));
	else if (res == -EINTR || res == -EAGAIN)
		host_disk_finish(d, io, host_disk_plain(d, io));
	else
		host_disk_finish(d, io, res < 0 ? -res : 0);
}

/*
 * A multishot poll completes once for each write to the eventfd, read or not, so nothing is read
 * (and nothing can block). A poll for one event is level-triggered: there the event is taken
 * away.
 */
static void polled(struct host_queue *q, const struct io_uring_cqe *cqe)
{
	struct host_disk_uring *u = q->uring;
	bool kick = cqe->user_data == DATA_KICK;

	q->kicked = q->kicked || kick;
	if (!(cqe->flags & IORING_CQE_F_MORE))
		*(kick ? &u->poll_kick : &u->poll_wake) = false;
	if (cqe->res == -EINVAL)
		u->one_shot = true;
	else if (cqe->res > 0 && u->one_shot)
		host_disk_drain_fd(kick ? q->kick : q->wake);
}

unsigned host_uring_reap(struct host_queue *q)
{
	struct io_uring_cqe *cqe;
	unsigned head, n = 0, requests = 0;

	io_uring_for_each_cqe(&q->uring->ring, head, cqe)
	{
		n++;
		if (cqe->user_data == DATA_KICK || cqe->user_data == DATA_WAKE) {
			polled(q, cqe);
			continue;
		}
		complete(q->disk, io_uring_cqe_get_data(cqe), cqe->res);
		requests++;
	}
	io_uring_cq_advance(&q->uring->ring, n);
	return requests;
}

void host_uring_kick(struct host_queue *q)
{
	if (q->uring->queued)
		submit_queued(q->uring);
}

_Static_assert(RING_ENTRIES >= 2 * HOST_DISK_DEPTH, "each request has an entry, and each poll");

void host_uring_spare(unsigned queues)
{
	disk_ring_spare(queues);
}

bool host_uring_start(struct host_queue *q)
{
	const int fd[RING_FILES] = {q->disk->cfg.fd, q->kick, q->wake};
	struct host_disk_uring *u = calloc(1, sizeof(*u));

	if (!u || disk_ring_open(&u->ring, fd) < 0) {
		free(u);
		return false;
	}
	q->uring = u;
	return true;
}

void host_uring_stop(struct host_queue *q)
{
	io_uring_queue_exit(&q->uring->ring);
	free(q->uring);
}

void host_uring_wait(struct host_queue *q, int timeout_ms)
{
	struct host_disk_uring *u = q->uring;
	struct __kernel_timespec t = {.tv_sec = timeout_ms / 1000,
				      .tv_nsec = timeout_ms % 1000 * 1000000ll};
	struct io_uring_cqe *cqe;

	u->queued = 0;
	/* Without this feature a timeout would be a request of its own. */
	if (timeout_ms >= 0 && (u->ring.features & IORING_FEAT_EXT_ARG))
		io_uring_submit_and_wait_timeout(&u->ring, &cqe, 1, &t, NULL);
	else
		io_uring_submit_and_wait(&u->ring, 1);
}

void host_uring_arm(struct host_queue *q)
{
	arm_poll(q->uring, RING_KICK, &q->uring->poll_kick, DATA_KICK);
	arm_poll(q->uring, RING_WAKE, &q->uring->poll_wake, DATA_WAKE);
}
