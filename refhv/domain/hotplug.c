/*
 * Devices that come and go while the guest runs.
 *
 * A device comes as a description and descriptors: whoever asked for it has opened it. It goes when the guest has let it go
 * (backend Closing, frontend Closed: Xen's tools/libs/light/libxl_device.c), or by force. The keeper is told both, so that the domain has
 * the same devices after a reboot.
 *
 * Trust: requests come from the domain's owner and are checked like a configuration; a guest that never lets go keeps its device.
 */
#include <fcntl.h>
#include <pv/abi/errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "domain/device.h"
#include "netd/client.h"

enum { ROLES = PV_NETBACK_QUEUES + 1 };

static bool is_disk(const char *kind)
{
	return !strcmp(kind, "vbd");
}

/* What the next incarnation starts with. */
static void tell_keeper(struct domain *d, const char *what, char role[][24], const int *fd,
			unsigned n)
{
	json_t *roles = json_array(), *msg;

	for (unsigned i = 0; i < n; i++)
		json_array_append_new(roles, json_string(role[i]));
	msg = json_pack("{s:o, s:o, s:O}", what, roles, "config", config_to_json(&d->config),
			"links", d->links);
	if (d->keeper >= 0 && fdmsg_send(d->keeper, msg, fd, fd ? n : 0))
		domain_log(
			d,
			"the keeper does not answer: after a reboot the devices are the old ones");
	json_decref(msg);
}

/* In the order of their descriptors. */
static unsigned vif_roles(char role[ROLES][24], unsigned devid, unsigned queues, bool netd)
{
	for (unsigned i = 0; i < queues; i++)
		snprintf(role[i], sizeof(role[0]), i ? "vif%u.%u" : "vif%u", devid, i);
	if (netd)
		snprintf(role[queues], sizeof(role[0]), "netd%u", devid);
	return queues + netd;
}

static bool has_frontend(const struct device *dev)
{
	return dev->status == PV_BACK_CONNECTED;
}

/* The device is gone: everywhere, in this order. */
static void forget(struct device *dev)
{
	struct domain *d = dev->d;
	unsigned devid = dev->bus.cfg.index;
	const char *kind = dev->bus.cfg.kind;
	struct host_bus bus = dev->bus;
	char role[ROLES][24], key[16];
	unsigned n = 0;

	if (is_disk(kind))
		snprintf(role[n++], sizeof(role[0]), "disk%u", devid);
	else
		n = vif_roles(role, devid, PV_NETBACK_QUEUES, true);
	snprintf(key, sizeof(key), "%u", devid);
	if (dev->netd >= 0)
		netd_quit(dev->netd);
	device_free(dev);
	nodes_remove(d, bus.front, bus.back);
	if (is_disk(kind)) {
		config_disk_remove(&d->config, config_disk_find(&d->config, devid));
	} else {
		config_vif_remove(&d->config, config_vif_find(&d->config, devid));
		json_object_del(d->links, key);
	}
	tell_keeper(d, "detached", role, NULL, n);
	domain_log(d, "%s %u was taken away", kind, devid);
	server_tell_device(d, kind, devid, true);
}

static bool has_left(const struct device *dev)
{
	return dev->leaving && !has_frontend(dev) && dev->status != PV_BACK_WAIT;
}

/* From the loop, when no backend is in the middle of a step. */
static void sweep(struct ev_loop *loop, ev_timer *w, int revents)
{
	struct domain *d = w->data;

	for (unsigned i = d->devices->n; i--;)
		if (has_left(d->devices->device[i]))
			forget(d->devices->device[i]);
}

void hotplug_init(struct domain *d)
{
	ev_timer_init(&d->devices->sweep, sweep, 0, 0);
	d->devices->sweep.data = d;
}

void hotplug_stepped(struct device *dev)
{
	if (has_left(dev))
		ev_timer_start(dev->d->loop, &dev->d->devices->sweep);
	else if (has_frontend(dev) && !dev->leaving)
		server_tell_device(dev->d, dev->bus.cfg.kind, dev->bus.cfg.index, false);
}

bool hotplug_connected(struct domain *d, const char *kind, unsigned devid)
{
	struct device *dev = device_find(d, kind, devid);

	return dev && has_frontend(dev);
}

static void close_all(const int *fd, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		close(fd[i]);
}

static int wrong_time(struct domain *d, struct refhv_error *e)
{
	if (d->move)
		return refhv_fail(e, REFHV_STATE, "wait until it has moved", "%s is being moved",
				  d->name);
	if (d->state != DOMAIN_RUNNING && d->state != DOMAIN_PAUSED)
		return refhv_fail(e, REFHV_STATE, NULL, "%s is %s", d->name, life_state_word(d));
	return 0;
}

static int attach_disk(struct domain *d, const json_t *o, int fd, unsigned *devid,
		       struct refhv_error *e)
{
	struct refhv_config *c = &d->config;
	struct config_disk disk;
	char role[1][24];
	int copy, rc = config_disk_from_json(&disk, o, e);

	if (!rc && c->ndisks == CONFIG_MAX_DISKS)
		rc = refhv_fail(e, REFHV_STATE, "take one away", "%s has %u disks already", d->name,
				c->ndisks);
	else if (!rc && config_disk_find(c, disk.vbd))
		rc = refhv_fail(e, REFHV_BUSY, "choose another virtual device",
				"%s has a disk %s already", d->name, disk.vdev);
	if (rc) {
		close(fd);
		return rc;
	}
	copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	rc = device_disk_start(d, &disk, fd, e);
	if (!rc) {
		c->disk[c->ndisks++] = disk;
		snprintf(role[0], sizeof(role[0]), "disk%u", disk.vbd);
		tell_keeper(d, "attached", role, &copy, 1);
	} else {
		free(disk.target);
	}
	close(copy);
	*devid = disk.vbd;
	return rc;
}

static int check_vif(struct domain *d, const struct config_vif *v, struct refhv_error *e)
{
	struct refhv_config *c = &d->config;

	if (c->nvifs == CONFIG_MAX_VIFS)
		return refhv_fail(e, REFHV_STATE, "take one away", "%s has %u cards already",
				  d->name, c->nvifs);
	if (config_vif_find(c, v->devid))
		return refhv_fail(e, REFHV_BUSY, "try again", "%s has a card %u already", d->name,
				  v->devid);
	for (unsigned i = 0; i < c->nvifs; i++)
		if (!memcmp(c->vif[i].mac, v->mac, 6))
			return refhv_fail(e, REFHV_BUSY, "give it a mac of its own",
					  "a card of %s has this mac already", d->name);
	return 0;
}

/* fd: the frames of the card's queues, then the control connection if it is user networking. */
static int attach_vif(struct domain *d, const json_t *request, const int *fd, unsigned n,
		      unsigned *devid, struct refhv_error *e)
{
	bool user = json_is_true(json_object_get(request, "netd"));
	json_t *about = json_deep_copy(json_object_get(request, "about"));
	struct refhv_config *c = &d->config;
	char role[ROLES][24], key[16];
	struct config_vif v = {0};
	unsigned queues = n - user;
	int copy[ROLES], rc;

	rc = config_vif_from_json(&v, json_object_get(request, "vif"), e);
	if (!rc && (rc = check_vif(d, &v, e)))
		free(v.forward);
	if (rc) {
		json_decref(about);
		close_all(fd, n);
		return rc;
	}
	for (unsigned i = 0; i < n; i++)
		copy[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 0);
	rc = device_vif_start(d, &v, fd, queues, user ? fd[queues] : -1, json_incref(about), e);
	if (!rc) {
		c->vif[c->nvifs++] = v;
		snprintf(key, sizeof(key), "%u", v.devid);
		json_object_set(d->links, key, about);
		tell_keeper(d, "attached", role, copy, vif_roles(role, v.devid, queues, user));
	} else {
		free(v.forward);
	}
	json_decref(about);
	close_all(copy, n);
	*devid = v.devid;
	return rc;
}

static bool well_formed(const json_t *request, unsigned n)
{
	unsigned user = json_is_true(json_object_get(request, "netd"));

	if (json_object_get(request, "disk"))
		return n == 1;
	return json_object_get(request, "vif") && n > user && n - user <= PV_NETBACK_QUEUES;
}

int hotplug_attach(struct domain *d, const json_t *request, const int *fd, unsigned n,
		   unsigned *devid, struct refhv_error *e)
{
	const json_t *disk = json_object_get(request, "disk");
	int rc = wrong_time(d, e);

	if (!rc && !well_formed(request, n))
		rc = refhv_fail(e, REFHV_USAGE, NULL,
				"the request needs a disk or a vif, and its descriptors");
	if (rc) {
		close_all(fd, n);
		return rc;
	}
	return disk ? attach_disk(d, disk, fd[0], devid, e)
		    : attach_vif(d, request, fd, n, devid, e);
}

int hotplug_detach(struct domain *d, const char *kind, unsigned devid, bool force,
		   struct refhv_error *e)
{
	struct device *dev = device_find(d, kind, devid);
	int rc = wrong_time(d, e);

	if (rc)
		return rc;
	if (!dev)
		return refhv_fail(e, REFHV_USAGE,
				  is_disk(kind) ? "see refhv block-list" : "see refhv network-list",
				  "%s has no such %s", d->name, is_disk(kind) ? "disk" : "card");
	/* What no guest uses, nobody has to be asked for. */
	if (force || !has_frontend(dev)) {
		forget(dev);
		return 0;
	}
	dev->leaving = true;
	if (nodes_offline(d, dev->bus.back) < 0)
		return refhv_fail(e, REFHV_FAILED, NULL, "cannot write into the xenstore");
	return 0;
}
