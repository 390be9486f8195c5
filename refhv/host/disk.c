/*
 * One disk of a domain: what it is, and the control calls. See disk.h.
 *
 * Trust: the descriptor is what somebody with rights opened; it is examined, not believed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <pv/ring.h>
#include "disk_io.h"

#define SECTOR HOST_DISK_SECTOR
/* What Linux's frontend has at most in one ring page: 32 requests of 32 pages and one for their list. */
#define HOST_DISK_KEPT 1056u

static int fail(char err[HOST_DISK_ERR_SIZE], int error, const char *what)
{
	snprintf(err, HOST_DISK_ERR_SIZE, "%s", what);
	return -error;
}

/* Size in bytes of the file or device now. */
static int size_of(int fd, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	*bytes = (uint64_t)st.st_size;
	if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, bytes) < 0)
		return -errno;
	return 0;
}

/* What a block device says about itself; files keep the defaults. */
static void examine_device(int fd, struct pv_blkback_config *c)
{
	unsigned physical;
	int logical;

	if (ioctl(fd, BLKSSZGET, &logical) == 0 && logical >= 512 && logical <= 4096)
		c->sector_size = (uint32_t)logical;
	if (ioctl(fd, BLKPBSZGET, &physical) == 0 && physical >= 512 && physical <= 65536)
		c->physical_sector_size = physical;
}

static int examine(const struct host_disk_config *cfg, struct pv_blkback_config *c,
		   char err[HOST_DISK_ERR_SIZE])
{
	struct stat st;
	uint64_t bytes;
	int flags = fcntl(cfg->fd, F_GETFL);

	if (flags < 0 || fstat(cfg->fd, &st) < 0 || size_of(cfg->fd, &bytes) < 0)
		return fail(err, errno, strerror(errno));
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return fail(err, EINVAL, "neither a regular file nor a block device");
	if (cfg->queues > HOST_DISK_QUEUES ||
	    (cfg->sector_size && cfg->sector_size != SECTOR && cfg->sector_size != 4096))
		return fail(err, EINVAL, "cannot have that many queues, or such sectors");
	if ((flags & O_ACCMODE) == O_WRONLY)
		return fail(err, EACCES, "cannot be read");
	if (!cfg->readonly && (flags & O_ACCMODE) != O_RDWR)
		return fail(err, EROFS,
			    "is open for reading only: say so in the disk's access mode (ro)");

	memset(c, 0, sizeof(*c));
	c->sector_size = cfg->sector_size ? cfg->sector_size : SECTOR;
	c->physical_sector_size = 4096;
	if (S_ISBLK(st.st_mode))
		examine_device(cfg->fd, c);
	/* A tail that is no whole sector is not reachable, as with a loop device. */
	c->sectors = bytes / c->sector_size * (c->sector_size / SECTOR);
	if (c->sectors == 0)
		return fail(err, EINVAL, "is smaller than one sector");
	c->readonly = cfg->readonly;
	c->cdrom = cfg->cdrom;
	c->removable = cfg->removable;
	c->flush = true;
	c->discard = !cfg->readonly && !cfg->no_discard;
	c->discard_granularity = S_ISREG(st.st_mode) ? 4096 : c->sector_size;
	c->barrier = true;
	c->max_ring_order = cfg->small_rings ? 0 : 4;
	c->max_segs = PV_BLKBACK_MAX_SEGS;
	c->depth = HOST_DISK_DEPTH;
	c->max_queues = cfg->queues ? cfg->queues : 1;
	c->max_kept = cfg->persistent ? HOST_DISK_KEPT : 0;
	return 0;
}

/* A control call: the threads stand aside. leave() lets them look around. */
static void enter(struct host_disk *d)
{
	for (unsigned i = 0; i < d->queues; i++) {
		__atomic_add_fetch(&d->queue[i].want, 1, __ATOMIC_ACQ_REL);
		pthread_mutex_lock(&d->queue[i].lock);
	}
}

static void step_aside(struct host_queue *q)
{
	uint64_t one = 1;

	__atomic_sub_fetch(&q->want, 1, __ATOMIC_ACQ_REL);
	pthread_cond_broadcast(&q->go);
	if (write(q->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

static void leave(struct host_disk *d)
{
	for (unsigned i = 0; i < d->queues; i++) {
		step_aside(&d->queue[i]);
		pthread_mutex_unlock(&d->queue[i].lock);
	}
}

/* Lets the threads finish what is in flight. The locks are held before and after, but not
 * meanwhile: the backend takes nothing new by itself. */
static void drain(struct host_disk *d)
{
	leave(d);
	for (unsigned i = 0; i < d->queues; i++) {
		struct host_queue *q = &d->queue[i];

		pthread_mutex_lock(&q->lock);
		while (pv_blkback_queue_inflight(&d->back, i))
			pthread_cond_wait(&q->drained, &q->lock);
		pthread_mutex_unlock(&q->lock);
	}
	enter(d);
}

/* Ends the threads of the first n queues and gives everything back. */
static void free_disk(struct host_disk *d, unsigned n)
{
	while (n--) {
		struct host_queue *q = &d->queue[n];

		pthread_mutex_lock(&q->lock);
		q->stop = true;
		__atomic_add_fetch(&q->want, 1, __ATOMIC_ACQ_REL);
		step_aside(q);
		pthread_mutex_unlock(&q->lock);
		pthread_join(q->thread, NULL);
	}
	for (unsigned i = 0; i < d->queues; i++) {
		struct host_queue *q = &d->queue[i];

		if (q->wake >= 0)
			close(q->wake);
		pthread_cond_destroy(&q->go);
		pthread_cond_destroy(&q->drained);
		pthread_mutex_destroy(&q->lock);
	}
	if (d->mem)
		munmap(d->mem, d->mem_len);
	close(d->cfg.fd);
	free(d);
}

static int start_queue(struct host_queue *q)
{
	int rc;

	q->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (q->wake < 0)
		return -errno;
	rc = pthread_create(&q->thread, NULL, host_queue_thread, q);
	if (rc)
		return -rc;
	pthread_mutex_lock(&q->lock);
	while (!q->started)
		pthread_cond_wait(&q->drained, &q->lock);
	pthread_mutex_unlock(&q->lock);
	return 0;
}

/* Backend, memory, threads; *started queues have a thread. */
static int start(struct host_disk *d, const struct pv_blkback_config *c, unsigned *started)
{
	int rc;

	d->table = (struct pv_blk_disk){
		.size = sizeof(d->table), .ctx = d, .submit = host_disk_submit};
	/* Pages of this become real only as deep as the guest queues. */
	d->mem_len = pv_blkback_mem_size(c);
	d->mem = mmap(NULL, d->mem_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (d->mem == MAP_FAILED) {
		d->mem = NULL;
		return -errno;
	}
	rc = pv_blkback_init(&d->back, d->cfg.bus, &d->table, c, d->mem, d->mem_len);
	while (rc >= 0 && *started < d->queues) {
		rc = start_queue(&d->queue[*started]);
		*started += rc >= 0;
	}
	return rc;
}

int host_disk_create(struct host_disk **disk, const struct host_disk_config *config,
		     char err[HOST_DISK_ERR_SIZE])
{
	struct pv_blkback_config c;
	struct host_disk *d;
	unsigned started = 0;
	int rc = examine(config, &c, err);

	if (rc < 0) {
		close(config->fd);
		return rc;
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		close(config->fd);
		return fail(err, ENOMEM, "out of memory");
	}
	d->cfg = *config;
	d->queues = c.max_queues;
	for (unsigned i = 0; i < d->queues; i++) {
		struct host_queue *q = &d->queue[i];

		*q = (struct host_queue){
			.disk = d, .index = i, .kick = config->kick[i], .wake = -1};
		pthread_mutex_init(&q->lock, NULL);
		pthread_cond_init(&q->go, NULL);
		pthread_cond_init(&q->drained, NULL);
	}
	rc = start(d, &c, &started);
	if (rc < 0) {
		free_disk(d, started);
		return fail(err, -rc, strerror(-rc));
	}
	*disk = d;
	return 0;
}

void host_disk_spare(unsigned queues)
{
	host_uring_spare(queues);
}

int host_disk_step(struct host_disk *d)
{
	int rc;

	enter(d);
	while ((rc = pv_blkback_step(&d->back)) == -PV_EAGAIN)
		drain(d);
	leave(d);
	return rc;
}

void host_disk_quiesce(struct host_disk *d, bool on)
{
	enter(d);
	pv_blkback_quiesce(&d->back, on);
	if (on) {
		drain(d);
		/* Once more, with nothing in flight: it lets go of what is kept mapped. */
		pv_blkback_quiesce(&d->back, true);
	}
	leave(d);
}

int host_disk_export(struct host_disk *d, struct pv_blkback_state *state)
{
	int rc;

	enter(d);
	rc = pv_blkback_export(&d->back, state);
	leave(d);
	return rc;
}

int host_disk_import(struct host_disk *d, const struct pv_blkback_state *state, uint32_t size)
{
	int rc;

	enter(d);
	rc = pv_blkback_import(&d->back, state, size);
	leave(d);
	return rc;
}

int host_disk_sync(struct host_disk *d)
{
	return fdatasync(d->cfg.fd) ? -errno : 0;
}

int host_disk_resized(struct host_disk *d)
{
	uint32_t unit = d->back.cfg.sector_size;
	uint64_t bytes, sectors;
	int rc = size_of(d->cfg.fd, &bytes);

	if (rc < 0)
		return rc;
	sectors = bytes / unit * (unit / SECTOR);
	if (sectors == d->back.cfg.sectors)
		return 0;
	enter(d);
	rc = pv_blkback_resize(&d->back, sectors);
	leave(d);
	return rc < 0 ? rc : 1;
}

void host_disk_stats(struct host_disk *d, struct pv_blkback_stats *stats)
{
	enter(d);
	pv_blkback_stats(&d->back, stats);
	leave(d);
}

uint64_t host_disk_sectors(const struct host_disk *d)
{
	return d->back.cfg.sectors;
}

bool host_disk_uses_uring(const struct host_disk *d)
{
	return d->queue[0].uses_uring;
}

unsigned host_disk_queues(struct host_disk *d)
{
	unsigned n;

	enter(d);
	n = pv_blkback_queues(&d->back);
	leave(d);
	return n;
}

uint64_t host_disk_wakeups(struct host_disk *d)
{
	uint64_t n = 0;

	enter(d);
	for (unsigned i = 0; i < d->queues; i++)
		n += d->queue[i].wakeups;
	leave(d);
	return n;
}

void host_disk_destroy(struct host_disk *d)
{
	enter(d);
	while (pv_blkback_destroy(&d->back) == -PV_EAGAIN)
		drain(d);
	leave(d);
	free_disk(d, d->queues);
}
