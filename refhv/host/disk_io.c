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

int host_disk_submit(void *ctx, struct pv_blk_io *io)
{
	struct host_disk *d = ctx;
	struct host_queue *q = &d->queue[io->queue];

	if (q->uses_uring)
		return host_uring_submit(q, io);
	host_disk_finish(d, io, host_disk_plain(d, io));
	return 0;
}

void host_disk_drain_fd(int fd)
{
	uint64_t n;

	/* The eventfd may be blocking: only called when poll says that there is something. */
	if (read(fd, &n, sizeof(n)) < 0 && errno != EAGAIN && errno != EINTR)
		abort();
}
