/*
 * A domain's devices: each a backend with an I/O thread, stepped here when its frontend's state changes.
 *
 * The store is watched at the frontend's state only, a path that the toolstack chose. A device whose frontend misbehaves is stopped
 * with a reason in refhv.log; the domain and its other devices go on.
 */
#include <pv/abi/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "domain/device.h"
#include "migrate/image.h"
#include "netd/client.h"

static void broken(void *ctx, const char *kind, unsigned index, const char *reason)
{
	domain_log(ctx, "%s %u was stopped: %s", kind, index, reason);
}

static void front_changed(void *arg, const char *path)
{
	struct device *dev = arg;
	char reason[64];

	dev->status = dev->disk ? host_disk_step(dev->disk) : host_net_step(dev->net);
	if (dev->status < 0) {
		snprintf(reason, sizeof(reason), "the frontend cannot be served (error %d)",
			 -dev->status);
		host_bus_tell(&dev->bus, reason);
	}
	hotplug_stepped(dev);
}

/* One of the engine's descriptors, if enough are left: a send to these costs no trip through the monitor. */
static int take_kick(struct device *dev, unsigned reserved, uint16_t *index)
{
	struct domain *d = dev->d;
	unsigned n = KICK_DEVICES, left = 0;

	for (unsigned i = KICK_DEVICES; i < ENGINE_KICK_FDS; i++)
		left += !(d->devices->kicks >> i & 1);
	while (n < ENGINE_KICK_FDS && d->devices->kicks >> n & 1)
		n++;
	*index = PV_KICK_INDEX_NONE;
	if (left <= reserved)
		return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->devices->kicks |= 1u << n;
	*index = (uint16_t)n;
	return d->impl->kick_fd(d->engine, n);
}

int device_kick(struct device *dev, unsigned queue)
{
	const struct refhv_config *c = &dev->d->config;
	unsigned total = c->ndisks + c->nvifs, started = dev->d->devices->n;
	uint16_t index;
	int fd;

	if (!queue)
		return dev->bus.cfg.kick;
	fd = take_kick(dev, total > started ? total - started : 0, &index);
	dev->kick[dev->nkicks].fd = fd;
	dev->kick[dev->nkicks++].index = index;
	host_bus_set_kick(&dev->bus, queue, fd, index);
	return fd;
}

struct device *device_new(struct domain *d, const char *kind, unsigned index)
{
	struct devices *all = d->devices;
	struct device *dev = all->n < sizeof(all->device) / sizeof(all->device[0])
				     ? calloc(1, sizeof(*dev))
				     : NULL;
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

	if (!dev)
		return NULL;
	all->device[all->n++] = dev;
	dev->d = d;
	dev->netd = -1;
	cfg.kick = take_kick(dev, 0, &cfg.kick_index);
	dev->kick[dev->nkicks].fd = cfg.kick;
	dev->kick[dev->nkicks++].index = cfg.kick_index;
	host_bus_init(&dev->bus, &cfg);
	return dev;
}

struct device *device_find(struct domain *d, const char *kind, unsigned index)
{
	for (unsigned i = 0; i < d->devices->n; i++) {
		struct device *dev = d->devices->device[i];

		if (dev->bus.cfg.index == index && !strcmp(dev->bus.cfg.kind, kind))
			return dev;
	}
	return NULL;
}

int device_watch(struct device *dev)
{
	/* A network frontend may change its mind about multicast while it is connected. */
	static const char *const keys[] = {"state", "request-multicast-control"};
	struct pv_store_conn *self = pv_store_self(dev->d->store);
	char path[128];
	int rc = 0;

	for (unsigned i = 0; i < (dev->net ? 2 : 1) && rc >= 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", dev->bus.front, keys[i]);
		rc = pv_store_watch(self, path, 0, front_changed, dev);
		dev->watch[i] = rc >= 0 ? keys[i] : NULL;
	}
	return rc;
}

static void unwatch(struct device *dev)
{
	char path[128];

	for (unsigned i = 0; i < 2 && dev->watch[i]; i++) {
		snprintf(path, sizeof(path), "%s/%s", dev->bus.front, dev->watch[i]);
		pv_store_unwatch(pv_store_self(dev->d->store), path, front_changed, dev);
	}
}

void device_free(struct device *dev)
{
	struct devices *all = dev->d->devices;
	unsigned at = 0;

	unwatch(dev);
	if (dev->disk)
		host_disk_destroy(dev->disk);
	if (dev->net)
		host_net_destroy(dev->net);
	host_bus_close(&dev->bus);
	if (dev->netd >= 0) {
		ev_io_stop(dev->d->loop, &dev->netd_watch);
		close(dev->netd);
	}
	for (unsigned i = 0; i < dev->nkicks; i++) {
		if (dev->kick[i].index == PV_KICK_INDEX_NONE)
			close(dev->kick[i].fd);
		else
			all->kicks &= ~(1u << dev->kick[i].index);
	}
	json_decref(dev->about);
	while (all->device[at] != dev)
		at++;
	all->device[at] = all->device[--all->n];
	free(dev);
}

static int start_disk(struct domain *d, const struct config_disk *disk, struct refhv_error *e)
{
	char role[16];
	int fd;

	snprintf(role, sizeof(role), "disk%u", disk->vbd);
	fd = domain_fd(d, role, true);
	return fd < 0 ? 0 : device_disk_start(d, disk, fd, e);
}

/* The card's descriptors, one for each queue: the first as vifN, the others as vifN.I. */
static int start_vif(struct domain *d, const struct config_vif *v, struct refhv_error *e)
{
	int frames[PV_NETBACK_QUEUES], netd;
	char role[24], key[16];
	unsigned n = 0;

	snprintf(role, sizeof(role), "vif%u", v->devid);
	while (n < PV_NETBACK_QUEUES && (frames[n] = domain_fd(d, role, true)) >= 0)
		snprintf(role, sizeof(role), "vif%u.%u", v->devid, ++n);
	snprintf(role, sizeof(role), "netd%u", v->devid);
	netd = domain_fd(d, role, true);
	snprintf(key, sizeof(key), "%u", v->devid);
	return n ? device_vif_start(d, v, frames, n, netd,
				    json_incref(json_object_get(d->links, key)), e)
		 : 0;
}

int devices_start(struct domain *d, struct refhv_error *e)
{
	int rc = 0;

	d->devices = calloc(1, sizeof(*d->devices));
	if (!d->devices)
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	hotplug_init(d);
	for (unsigned i = 0; i < d->config.ndisks && !rc; i++)
		rc = start_disk(d, &d->config.disk[i], e);
	for (unsigned i = 0; i < d->config.nvifs && !rc; i++)
		rc = start_vif(d, &d->config.vif[i], e);
	device_disk_spare(d);
	return rc;
}

void devices_stop(struct domain *d)
{
	while (d->devices->n)
		device_free(d->devices->device[d->devices->n - 1]);
}

void devices_quiesce(struct domain *d, bool on)
{
	for (unsigned i = 0; i < d->devices->n; i++) {
		struct device *dev = d->devices->device[i];

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
		struct device *dev = d->devices->device[i];
		struct image_device *out = image_device_add(
			im, dev->disk ? PV_STREAM_DEVICE_VBD : PV_STREAM_DEVICE_VIF,
			dev->bus.cfg.index);

		if (!out)
			return -PV_E2BIG;
		if (dev->disk) {
			out->size = sizeof(struct pv_blkback_state);
			rc = host_disk_export(dev->disk, (void *)out->state);
			/* The other side may read the same file by another way. */
			if (rc >= 0 && !config_disk_find(&d->config, dev->bus.cfg.index)->readonly)
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
		struct device *dev = d->devices->device[i];
		const struct image_device *in = image_device_find(
			im, dev->disk ? PV_STREAM_DEVICE_VBD : PV_STREAM_DEVICE_VIF,
			dev->bus.cfg.index);

		if (!in || (dev->net && in->size < PV_NETBACK_STATE_SIZE_1))
			return -PV_EINVAL;
		rc = dev->disk ? host_disk_import(dev->disk, (const void *)in->state, in->size)
			       : host_net_import(dev->net, (const void *)in->state, in->size);
		if (rc >= 0)
			rc = device_watch(dev);
	}
	return rc;
}

void devices_hold(struct domain *d, unsigned seconds)
{
	for (unsigned i = 0; i < d->devices->n; i++)
		if (d->devices->device[i]->netd >= 0)
			netd_hold(d->devices->device[i]->netd, seconds);
}

/* What the store has at one end of a device, if anything. */
static void show(json_t *o, struct device *dev, const char *name, const char *dir, const char *key)
{
	char path[128], value[64];

	snprintf(path, sizeof(path), "%s/%s", dir, key);
	if (pv_store_read_string(pv_store_self(dev->d->store), 0, path, value, sizeof(value)) >= 0)
		json_object_set_new(o, name, json_string(value));
}

static void device_info(struct device *dev, json_t *o)
{
	json_t *forwards = json_object_get(dev->about, "forwards");

	if (forwards)
		json_object_set(o, "forwards", forwards);
	if (dev->disk) {
		json_object_set_new(o, "sectors",
				    json_integer((json_int_t)host_disk_sectors(dev->disk)));
		json_object_set_new(o, "devid", json_integer(dev->bus.cfg.index));
	}
	json_object_set_new(o, "backend", json_string(dev->bus.back));
	show(o, dev, "state", dev->bus.back, "state");
	show(o, dev, "event_channel", dev->bus.front, "event-channel");
	show(o, dev, "ring_ref", dev->bus.front, "ring-ref");
	show(o, dev, "tx_ring_ref", dev->bus.front, "tx-ring-ref");
	show(o, dev, "rx_ring_ref", dev->bus.front, "rx-ring-ref");
	if (dev->leaving)
		json_object_set_new(o, "leaving", json_true());
	if (dev->netd >= 0)
		json_object_set_new(o, "link", json_string(dev->netd_gone ? "down" : "up"));
	json_object_set_new(o, "stats", dev->disk ? device_disk_stats(dev) : device_vif_stats(dev));
}

void devices_info(struct domain *d, json_t *info)
{
	json_t *disks = json_object_get(info, "disks"), *vifs = json_object_get(info, "vifs");
	struct device *dev;

	for (unsigned i = 0; i < d->config.ndisks; i++)
		if ((dev = device_find(d, "vbd", d->config.disk[i].vbd)))
			device_info(dev, json_array_get(disks, i));
	for (unsigned i = 0; i < d->config.nvifs; i++)
		if ((dev = device_find(d, "vif", d->config.vif[i].devid)))
			device_info(dev, json_array_get(vifs, i));
}
