/*
 * The I/O of one disk: requests as system calls, and how they end.
 *
 * Trust: requests were checked by the backend: ranges lie on the disk, memory is mapped until
 * they are done. A result is the kernel's word.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>
#include <pv/ring.h>
#include "disk_io.h"

/*
 * Bytes after which a turn ends. What is in the page cache is copied while it is submitted: the guest hears of one portion while the next is
 * copied, and a control call does not wait for all of them. Where there is one CPU nobody else works meanwhile, and each event is a
 * switch to the guest and back.
 */
#define PORTION	      (256u << 10)
#define PORTION_ALONE (2u << 20)

/* A write that takes longer than this has waited for more than a copy, also where other threads want the CPU. */
#define SLOW_WRITE_NS 20000000u
#define AWAY_TIMES    20u

_Static_assert(sizeof(struct pv_iov) == sizeof(struct iovec), "pv_iov is an iovec");
_Static_assert(offsetof(struct pv_iov, len) == offsetof(struct iovec, iov_len),
	       "pv_iov is an iovec");

void host_disk_finish(struct host_disk *d, struct pv_blk_io *io, int error)
{
	uint32_t bit = error > 0 && error < 32 ? 1u << error : 0;

	/* Once for each kind, whatever a guest does to have more of them (no log flood). */
	if (bit && !(__atomic_fetch_or(&d->told, bit, __ATOMIC_RELAXED) & bit) && d->cfg.failed)
		d->cfg.failed(d->cfg.ctx, error, io->sector);
	pv_blkback_done(&d->back, io,
			error == 0	      ? 0
			: error == EOPNOTSUPP ? -PV_EOPNOTSUPP
					      : -PV_EIO);
}

/*
 * Moves the bytes of io from `at` on with plain system calls: all of a request where there is no
 * io_uring, the rest of one that came back short. 0 or an errno value.
 */
int host_disk_transfer(struct host_disk *d, const struct pv_blk_io *io, uint64_t at)
{
	uint64_t before = 0;
	uint32_t i;

	for (i = 0; i < io->n; before += io->iov[i++].len) {
		while (at < before + io->iov[i].len) {
			uint8_t *p = (uint8_t *)io->iov[i].base + (at - before);
			size_t len = before + io->iov[i].len - at;
			off_t off = (off_t)(io->sector * HOST_DISK_SECTOR + at);
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

int host_disk_plain(struct host_disk *d, const struct pv_blk_io *io)
{
	int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
	ssize_t n;

	switch (io->op) {
	case PV_BLK_FLUSH: return fdatasync(d->cfg.fd) ? errno : 0;
	case PV_BLK_DISCARD:
		return fallocate(d->cfg.fd, mode, (off_t)(io->sector * HOST_DISK_SECTOR),
				 (off_t)io->bytes)
			       ? errno
			       : 0;
	default: break;
	}
	if (io->op == PV_BLK_READ)
		n = preadv(d->cfg.fd, (const struct iovec *)io->iov, (int)io->n,
			   (off_t)(io->sector * HOST_DISK_SECTOR));
	else
		n = pwritev(d->cfg.fd, (const struct iovec *)io->iov, (int)io->n,
			    (off_t)(io->sector * HOST_DISK_SECTOR));
	if (n < 0 && errno != EINTR)
		return errno;
	return (uint64_t)n == io->bytes ? 0 : host_disk_transfer(d, io, n < 0 ? 0 : (uint64_t)n);
}

/*
 * To the page cache a write is a copy, but most file systems, and block devices, leave one that comes by a ring to a worker, one at a time for a
 * file: two switches of threads for each. So it is made here. Once one has to wait (the cache is full, or a part of a page must be read first), the
 * next go by the ring, so that reads do not wait behind them, for so long that waiting is a twentieth of the thread's time at most.
 */
static bool writes_here(struct host_queue *q)
{
	if (q->away_until && host_queue_now() >= q->away_until)
		q->away_until = 0;
	return !q->away_until;
}

static int write_here(struct host_queue *q, const struct pv_blk_io *io)
{
	uint64_t began = host_queue_now(), took;
	int error = host_disk_plain(q->disk, io);

	took = host_queue_now() - began;
	if (took > SLOW_WRITE_NS)
		q->away_until = began + (1 + AWAY_TIMES) * took;
	return error;
}

int host_disk_submit(void *ctx, struct pv_blk_io *io)
{
	struct host_disk *d = ctx;
	struct host_queue *q = &d->queue[io->queue];
	uint64_t bytes = io->bytes;

	if (!q->uses_uring)
		host_disk_finish(d, io, host_disk_plain(d, io));
	else if (io->op == PV_BLK_WRITE && writes_here(q))
		host_disk_finish(d, io, write_here(q, io));
	else if (host_uring_submit(q, io) < 0)
		return -PV_EAGAIN;
	q->moved += bytes;
	return q->moved >= (q->alone ? PORTION_ALONE : PORTION);
}

void host_disk_drain_fd(int fd)
{
	uint64_t n;

	/* The eventfd may be blocking: only called when poll says that there is something. */
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN && errno != EINTR)
		abort();
}
