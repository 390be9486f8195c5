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

#define SECTOR 512u

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
	if ((flags & O_ACCMODE) == O_WRONLY)
		return fail(err, EACCES, "cannot be read");
	if (!cfg->readonly && (flags & O_ACCMODE) != O_RDWR)
		return fail(err, EROFS,
			    "is open for reading only: say so in the disk's access mode (ro)");

	memset(c, 0, sizeof(*c));
	c->sector_size = SECTOR;
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
	c->max_ring_order = 2;
	c->max_segs = PV_BLKBACK_MAX_SEGS;
	c->depth = HOST_DISK_DEPTH;
	return 0;
}

/* A control call: the thread stands aside. leave() lets it look around. */
static void enter(struct host_disk *d)
{
	__atomic_add_fetch(&d->want, 1, __ATOMIC_ACQ_REL);
	pthread_mutex_lock(&d->lock);
}

static void step_aside(struct host_disk *d)
{
	uint64_t one = 1;

	__atomic_sub_fetch(&d->want, 1, __ATOMIC_ACQ_REL);
	pthread_cond_broadcast(&d->go);
	if (write(d->wake, &one, sizeof(one)) < 0 && errno != EAGAIN)
		abort();
}

static void leave(struct host_disk *d)
{
	step_aside(d);
	pthread_mutex_unlock(&d->lock);
}

/* Lets the thread finish what is in flight; the lock is held before and after. */
static void drain(struct host_disk *d)
{
	step_aside(d);
	while (pv_blkback_inflight(&d->back))
		pthread_cond_wait(&d->drained, &d->lock);
	__atomic_add_fetch(&d->want, 1, __ATOMIC_ACQ_REL);
}

static void free_disk(struct host_disk *d)
{
	if (d->mem)
		munmap(d->mem, d->mem_len);
	if (d->wake >= 0)
		close(d->wake);
	close(d->cfg.fd);
	pthread_cond_destroy(&d->go);
	pthread_cond_destroy(&d->drained);
	pthread_mutex_destroy(&d->lock);
	free(d);
}

static int start(struct host_disk *d, const struct pv_blkback_config *c)
{
	int rc;

	d->table = (struct pv_blk_disk){.size = sizeof(d->table), .ctx = d};
	d->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->wake < 0)
		return -errno;
	/* Pages of this become real only as deep as the guest queues. */
	d->mem_len = pv_blkback_mem_size(c);
	d->mem = mmap(NULL, d->mem_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (d->mem == MAP_FAILED) {
		d->mem = NULL;
		return -errno;
	}
	rc = pv_blkback_init(&d->back, d->cfg.bus, &d->table, c, d->mem, d->mem_len);
	if (rc < 0)
		return rc;
	rc = pthread_create(&d->thread, NULL, host_disk_thread, d);
	if (rc)
		return -rc;
	pthread_mutex_lock(&d->lock);
	while (!d->started)
		pthread_cond_wait(&d->drained, &d->lock);
	pthread_mutex_unlock(&d->lock);
	return 0;
}

int host_disk_create(struct host_disk **disk, const struct host_disk_config *config,
		     char err[HOST_DISK_ERR_SIZE])
{
	struct pv_blkback_config c;
	struct host_disk *d;
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
	d->wake = -1;
	pthread_mutex_init(&d->lock, NULL);
	pthread_cond_init(&d->go, NULL);
	pthread_cond_init(&d->drained, NULL);
	rc = start(d, &c);
	if (rc < 0) {
		free_disk(d);
		return fail(err, -rc, strerror(-rc));
	}
	*disk = d;
	return 0;
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
	if (on)
		drain(d);
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

int host_disk_import(struct host_disk *d, const struct pv_blkback_state *state)
{
	int rc;

	enter(d);
	rc = pv_blkback_import(&d->back, state);
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
	*stats = d->back.stats;
	leave(d);
}

uint64_t host_disk_sectors(const struct host_disk *d)
{
	return d->back.cfg.sectors;
}

bool host_disk_uses_uring(const struct host_disk *d)
{
	return d->uses_uring;
}

void host_disk_destroy(struct host_disk *d)
{
	enter(d);
	while (pv_blkback_destroy(&d->back) == -PV_EAGAIN)
		drain(d);
	d->stop = true;
	leave(d);
	pthread_join(d->thread, NULL);
	free_disk(d);
}
