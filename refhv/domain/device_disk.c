/*
 * A disk of a domain.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "domain/device.h"

/* Disks attached later are as quick as those from the beginning; more of them do without io_uring. */
enum { MAX_QUEUES = 4, SPARE_DISKS = 2 };

/* From a disk's I/O thread. A guest that fills the disk sees errors; the person sees why. */
static void failed(void *ctx, int error, uint64_t sector)
{
	struct device *dev = ctx;

	domain_log(dev->d, "disk %u: I/O error at sector %llu: %s", dev->bus.cfg.index,
		   (unsigned long long)sector, strerror(error));
}

/* As many as vCPUs, up to what pays; a queue is a thread and some memory. */
static unsigned queues(const struct domain *d)
{
	return d->config.vcpus < MAX_QUEUES ? d->config.vcpus : MAX_QUEUES;
}

int device_disk_start(struct domain *d, const struct config_disk *disk, int fd,
		      struct refhv_error *e)
{
	char err[HOST_DISK_ERR_SIZE] = "";
	struct host_disk_config cfg = {
		.fd = fd,
		.readonly = disk->readonly,
		.cdrom = disk->cdrom,
		.removable = disk->cdrom,
		.no_discard = !disk->discard,
		.persistent = disk->persistent,
		.small_rings = d->space.large,
		.sector_size = disk->sector_size,
		.failed = failed,
	};
	struct device *dev = device_new(d, "vbd", disk->vbd);
	int rc;

	if (!dev) {
		close(fd);
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	}
	cfg.bus = &dev->bus.bus;
	cfg.queues = queues(d);
	for (unsigned i = 0; i < cfg.queues; i++)
		cfg.kick[i] = device_kick(dev, i);
	cfg.ctx = dev;
	rc = host_disk_create(&dev->disk, &cfg, err);
	if (!rc && !d->incoming)
		rc = nodes_disk(d, disk);
	if (!rc && !d->incoming)
		rc = device_watch(dev);
	if (!rc)
		return 0;
	refhv_fail_at(e, REFHV_RESOURCE, disk->target, 0, NULL, "disk %s: %s", disk->vdev,
		      err[0] ? err : strerror(-rc));
	device_free(dev);
	return -(int)e->exit;
}

void device_disk_spare(const struct domain *d)
{
	host_disk_spare(SPARE_DISKS * queues(d));
}

json_t *device_disk_stats(struct device *dev)
{
	struct pv_blkback_stats st;

	host_disk_stats(dev->disk, &st);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b, s:I, s:I, s:I, s:I}",
			 "reads", (json_int_t)st.reads, "writes", (json_int_t)st.writes, "flushes",
			 (json_int_t)st.flushes, "discards", (json_int_t)st.discards, "errors",
			 (json_int_t)st.errors, "read_bytes", (json_int_t)st.read_bytes,
			 "written_bytes", (json_int_t)st.written_bytes, "queues",
			 (int)host_disk_queues(dev->disk), "io_uring",
			 (int)host_disk_uses_uring(dev->disk), "events_sent", (json_int_t)st.events,
			 "wakeups", (json_int_t)host_disk_wakeups(dev->disk), "kept_grants",
			 (json_int_t)st.kept, "reused_grants", (json_int_t)st.reused);
}

int64_t device_disk_resized(struct device *dev)
{
	int rc = host_disk_resized(dev->disk);

	return rc < 0 ? rc : (int64_t)host_disk_sectors(dev->disk);
}
