/*
 * Disks and network cards: each a backend with an I/O thread, stepped here when its frontend's state changes.
 *
 * The store is watched at the frontend's state only, a path that the toolstack chose. A device whose frontend misbehaves is stopped
 * with a reason in refhv.log; the domain and its other devices go on.
 */
#include <errno.h>
#include <pv/abi/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "domain/domain.h"
#include "host/bus.h"
#include "host/disk.h"
#include "host/net.h"
#include "migrate/image.h"
#include "netd/client.h"

enum { DISK_QUEUES = 4 };

struct device {
	struct domain *d;
	struct host_bus bus;
	struct host_disk *disk; /* one of these two */
	struct host_net *net;
	int netd; /* control connection of user networking, -1 */
	ev_io netd_watch;
	bool netd_gone;
	unsigned config; /* index in the configuration's list */
};

struct devices {
	unsigned n, kicks;
	json_t *links; /* what the launcher found out about the vifs */
	struct device device[CONFIG_MAX_DISKS + CONFIG_MAX_VIFS];
};

static void broken(void *ctx, const char *kind, unsigned index, const char *reason)
{
	domain_log(ctx, "%s %u was stopped: %s", kind, index, reason);
}

static void front_changed(void *arg, const char *path)
{
	struct device *dev = arg;
	int rc = dev->disk ? host_disk_step(dev->disk) : host_net_step(dev->net);

	if (rc < 0)
		domain_log(dev->d, "%s %u: the frontend cannot be served (error %d)",
			   dev->bus.cfg.kind, dev->bus.cfg.index, -rc);
}

/* One of the engine's descriptors while there are any: a send to these costs no trip through the monitor. */
static int kick(struct domain *d, uint16_t *index)
{
	unsigned n = KICK_DEVICES + d->devices->kicks++;

	if (n < ENGINE_KICK_FDS) {
		*index = (uint16_t)n;
		return d->impl->kick_fd(d->engine, n);
	}
	*index = PV_KICK_INDEX_NONE;
	return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

/* As many queues as vCPUs, up to what pays; a queue is a thread and some memory. */
static unsigned disk_queues(const struct domain *d)
{
	return d->config.vcpus < DISK_QUEUES ? d->config.vcpus : DISK_QUEUES;
}

/* Queues beyond a device's first leave the engine's descriptors to the devices that are still to come. */
static int queue_kick(struct device *dev, unsigned queue)
{
	struct domain *d = dev->d;
	unsigned left = d->config.ndisks + d->config.nvifs - d->devices->n;
	uint16_t index = PV_KICK_INDEX_NONE;
	int fd;

	if (queue == 0)
		return dev->bus.cfg.kick;
	if (KICK_DEVICES + d->devices->kicks + left < ENGINE_KICK_FDS)
		fd = kick(d, &index);
	else
		fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	host_bus_set_kick(&dev->bus, queue, fd, index);
	return fd;
}

static struct device *add(struct domain *d, const char *kind, unsigned index, unsigned config)
{
	struct device *dev = &d->devices->device[d->devices->n++];
	struct host_bus_config cfg = {
		.domain = d->pv,
		.store = d->store,
		.domid = d->domid,
		.kind = kind,
		.index = index,
		.ram = d->space.ram,
		.ram_size = d->space.size,
		.ram_fd = d->space.fd,
		.mark_dirty = machine_mark_dirty,
		.broken = broken,
		.ctx = d,
	};

	dev->d = d;
	dev->netd = -1;
	dev->config = config;
	cfg.kick = kick(d, &cfg.kick_index);
	host_bus_init(&dev->bus, &cfg);
	return dev;
}

/* From now on the frontend's state drives the backend; the watch fires once at once, which makes the first step. */
static int watch(struct device *dev)
{
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "%s/state", dev->bus.front);
	rc = pv_store_watch(pv_store_self(dev->d->store), path, 0, front_changed, dev);
	/* A network frontend may change its mind about multicast while it is connected. */
	snprintf(path, sizeof(path), "%s/request-multicast-control", dev->bus.front);
	if (!rc && dev->net)
		rc = pv_store_watch(pv_store_self(dev->d->store), path, 0, front_changed, dev);
	return rc;
}

/* From the disk's I/O thread. A guest that fills the disk sees errors; the person sees why. */
static void disk_failed(void *ctx, int error, uint64_t sector)
{
	struct device *dev = ctx;

	domain_log(dev->d, "disk %s: I/O error at sector %llu: %s",
		   dev->d->config.disk[dev->config].vdev, (unsigned long long)sector,
		   strerror(error));
}

static int start_disk(struct domain *d, unsigned index, struct refhv_error *e)
{
	const struct config_disk *disk = &d->config.disk[index];
	char role[16], err[HOST_DISK_ERR_SIZE] = "";
	struct host_disk_config cfg = {
		.readonly = disk->readonly,
		.cdrom = disk->cdrom,
		.removable = disk->cdrom,
		.no_discard = !disk->discard,
		.persistent = disk->persistent,
		.sector_size = disk->sector_size,
		.failed = disk_failed,
	};
	struct device *dev;
	int rc;

	snprintf(role, sizeof(role), "disk%u", index);
	cfg.fd = domain_fd(d, role, true);
	if (cfg.fd < 0)
		return 0;
	dev = add(d, "vbd", disk->vbd, index);
	cfg.bus = &dev->bus.bus;
	cfg.queues = disk_queues(d);
	for (unsigned i = 0; i < cfg.queues; i++)
		cfg.kick[i] = queue_kick(dev, i);
	cfg.ctx = dev;
	rc = d->incoming ? 0 : nodes_disk(d, index);
	if (!rc)
		rc = host_disk_create(&dev->disk, &cfg, err);
	if (!rc && !d->incoming)
		rc = watch(dev);
	return rc ? refhv_fail_at(e, REFHV_RESOURCE, disk->target, 0, NULL, "disk %s: %s",
				  disk->vdev, err[0] ? err : strerror(-rc))
		  : 0;
}

/* It speaks when spoken to, and the answer has been read by then: what comes now is its end. */
static void netd_ready(struct ev_loop *loop, ev_io *w, int revents)
{
	struct device *dev = w->data;
	char late[64];
	ssize_t n = recv(dev->netd, late, sizeof(late), MSG_DONTWAIT);

	if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
		return;
	ev_io_stop(loop, w);
	dev->netd_gone = true;
	domain_log(dev->d,
		   "vif %u: its user networking has died; the link is down until the domain is "
		   "moved or created anew",
		   dev->bus.cfg.index);
}

static void watch_netd(struct device *dev)
{
	ev_io_init(&dev->netd_watch, netd_ready, dev->netd, EV_READ);
	dev->netd_watch.data = dev;
	ev_io_start(dev->d->loop, &dev->netd_watch);
}

/* The card's descriptors, one for each queue: the first as vifN, the others as vifN.I. */
static bool vif_queues(struct device *dev, struct host_net_config *cfg, int first)
{
	struct domain *d = dev->d;
	char role[24];

	for (cfg->queues = 0; first >= 0 && cfg->queues < PV_NETBACK_QUEUES; cfg->queues++) {
		unsigned i = cfg->queues;

		cfg->frames[i] = first;
		cfg->kick[i] = queue_kick(dev, i);
		if (cfg->kick[i] < 0)
			return false;
		snprintf(role, sizeof(role), "vif%u.%u", dev->config, i + 1);
		first = domain_fd(d, role, true);
	}
	return true;
}

static int start_vif(struct domain *d, unsigned index, struct refhv_error *e)
{
	const json_t *link = json_array_get(d->devices->links, index);
	unsigned mtu = (unsigned)json_integer_value(json_object_get(link, "mtu"));
	char role[16], err[HOST_NET_ERR_SIZE] = "";
	struct host_net_config cfg = {
		.mtu = mtu,
		.vnet = json_is_true(json_object_get(link, "vnet")),
		.rate_bytes = d->config.vif[index].rate_bytes,
		.rate_us = d->config.vif[index].rate_interval_us,
	};
	struct device *dev;
	int rc, fd;

	snprintf(role, sizeof(role), "vif%u", index);
	fd = domain_fd(d, role, true);
	if (fd < 0)
		return 0;
	dev = add(d, "vif", index, index);
	snprintf(role, sizeof(role), "netd%u", index);
	dev->netd = domain_fd(d, role, true);
	if (dev->netd >= 0)
		watch_netd(dev);
	cfg.bus = &dev->bus.bus;
	rc = vif_queues(dev, &cfg, fd) ? 0 : -ENFILE;
	if (!rc && !d->incoming)
		rc = nodes_vif(d, index, mtu);
	if (!rc)
		rc = host_net_create(&dev->net, &cfg, err);
	if (!rc && !d->incoming)
		rc = watch(dev);
	return rc ? refhv_fail(e, REFHV_RESOURCE, NULL, "vif %u cannot be started: %s", index,
			       err[0] ? err : strerror(-rc))
		  : 0;
}

int devices_start(struct domain *d, struct refhv_error *e)
{
	int rc = 0;

	d->devices = calloc(1, sizeof(*d->devices));
	if (!d->devices)
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	d->devices->links = json_incref(d->links);
	for (unsigned i = 0; i < d->config.ndisks && !rc; i++)
		rc = start_disk(d, i, e);
	for (unsigned i = 0; i < d->config.nvifs && !rc; i++)
		rc = start_vif(d, i, e);
	return rc;
}

void devices_stop(struct domain *d)
{
	for (unsigned i = 0; i < d->devices->n; i++) {
		struct device *dev = &d->devices->device[i];

		if (dev->disk)
			host_disk_destroy(dev->disk);
		if (dev->net)
			host_net_destroy(dev->net);
		host_bus_close(&dev->bus);
		if (dev->netd >= 0)
			ev_io_stop(d->loop, &dev->netd_watch);
	}
}

void devices_quiesce(struct domain *d, bool on)
{
	for (unsigned i = 0; i < d->devices->n; i++) {
		struct device *dev = &d->devices->device[i];

		if (dev->disk)
			host_disk_quiesce(dev->disk, on);
		if (dev->net)
			host_net_quiesce(dev->net, on);
	}
}

int devices_export(struct domain *d, struct image *im)
{
	int rc = 0;

	for (unsigned i = 0; i < d->devices->n && rc >= 0; i++) {
		struct device *dev = &d->devices->device[i];
		struct image_device *out = image_device_add(
			im, dev->disk ? PV_STREAM_DEVICE_VBD : PV_STREAM_DEVICE_VIF,
			dev->bus.cfg.index);

		if (!out)
			return -PV_E2BIG;
		if (dev->disk) {
			out->size = sizeof(struct pv_blkback_state);
			rc = host_disk_export(dev->disk, (void *)out->state);
			/* The other side may read the same file by another way. */
			if (rc >= 0 && !d->config.disk[dev->config].readonly)
				rc = host_disk_sync(dev->disk);
		} else {
			out->size = sizeof(struct pv_netback_state);
			rc = host_net_export(dev->net, (void *)out->state);
		}
	}
	return rc;
}

int devices_import(struct domain *d, const struct image *im)
{
	int rc = 0;

	for (unsigned i = 0; i < d->devices->n && rc >= 0; i++) {
		struct device *dev = &d->devices->device[i];
		const struct image_device *in = image_device_find(
			im, dev->disk ? PV_STREAM_DEVICE_VBD : PV_STREAM_DEVICE_VIF,
			dev->bus.cfg.index);

		if (!in || (dev->net && in->size < PV_NETBACK_STATE_SIZE_1))
			return -PV_EINVAL;
		rc = dev->disk ? host_disk_import(dev->disk, (const void *)in->state, in->size)
			       : host_net_import(dev->net, (const void *)in->state, in->size);
		if (rc >= 0)
			rc = watch(dev);
	}
	return rc;
}

void devices_hold(struct domain *d, unsigned seconds)
{
	for (unsigned i = 0; i < d->devices->n; i++)
		if (d->devices->device[i].netd >= 0)
			netd_hold(d->devices->device[i].netd, seconds);
}

static json_t *vif_stats(struct device *dev)
{
	struct host_net_stats all;
	const struct pv_netback_stats *st = &all.back;

	host_net_stats(dev->net, &all);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:b}",
			 "tx_frames", (json_int_t)st->tx_frames, "tx_bytes",
			 (json_int_t)st->tx_bytes, "tx_errors", (json_int_t)st->tx_errors,
			 "rx_frames", (json_int_t)st->rx_frames, "rx_bytes",
			 (json_int_t)st->rx_bytes, "rx_errors", (json_int_t)st->rx_errors,
			 "rx_dropped", (json_int_t)st->rx_dropped, "rx_filtered",
			 (json_int_t)st->rx_filtered, "tx_segments", (json_int_t)st->tx_segments,
			 "notifies", (json_int_t)st->notifies, "wakeups", (json_int_t)all.wakeups,
			 "calls", (json_int_t)all.calls, "queues", (int)all.queues, "gso",
			 !!(all.caps & PV_NETBACK_CAP_GSO4));
}

static json_t *disk_stats(struct device *dev)
{
	struct pv_blkback_stats st;

	host_disk_stats(dev->disk, &st);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "reads", (json_int_t)st.reads,
			 "writes", (json_int_t)st.writes, "flushes", (json_int_t)st.flushes,
			 "discards", (json_int_t)st.discards, "errors", (json_int_t)st.errors,
			 "read_bytes", (json_int_t)st.read_bytes, "written_bytes",
			 (json_int_t)st.written_bytes);
}

void devices_info(struct domain *d, json_t *info)
{
	json_t *vifs = json_object_get(info, "vifs"), *disks = json_object_get(info, "disks");

	for (unsigned n = 0; n < d->devices->n; n++) {
		struct device *dev = &d->devices->device[n];
		json_t *o = json_array_get(dev->disk ? disks : vifs, dev->config);
		json_t *forwards =
			dev->net ? json_object_get(json_array_get(d->devices->links, dev->config),
						   "forwards")
				 : NULL;

		if (forwards)
			json_object_set(o, "forwards", forwards);
		if (dev->disk)
			json_object_set_new(o, "sectors",
					    json_integer((json_int_t)host_disk_sectors(dev->disk)));
		if (dev->netd >= 0)
			json_object_set_new(o, "link", json_string(dev->netd_gone ? "down" : "up"));
		json_object_set_new(o, "stats", dev->disk ? disk_stats(dev) : vif_stats(dev));
	}
}
