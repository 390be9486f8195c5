/*
 * One device of a domain: a backend with its I/O threads, between the parts that know disks, cards, and their coming and going.
 *
 * All of it belongs to the loop's thread.
 */
#ifndef REFHV_DOMAIN_DEVICE_H
#define REFHV_DOMAIN_DEVICE_H

#include "domain/domain.h"
#include "host/bus.h"
#include "host/disk.h"
#include "host/net.h"

struct device {
	struct domain *d;
	struct host_bus bus;	/* cfg.kind and cfg.index name the device */
	struct host_disk *disk; /* one of these two */
	struct host_net *net;
	int netd; /* control connection of user networking, -1 */
	ev_io netd_watch;
	bool netd_gone;
	json_t *about;	      /* what was found out about a card's far end, or NULL */
	int status;	      /* what the backend's last step returned */
	const char *watch[2]; /* keys of its frontend that are watched */
	bool leaving;	      /* the guest was asked to let it go */
	unsigned nkicks;
	struct {
		int fd;
		uint16_t index;
	} kick[HOST_BUS_QUEUES];
};

struct devices {
	unsigned n;
	uint32_t kicks; /* bits: the engine's kick descriptors that are taken */
	ev_timer sweep; /* those that left are freed when nobody is inside them */
	struct device *device[CONFIG_MAX_DISKS + CONFIG_MAX_VIFS];
};

/* A new one in the list, with a bus and one kick (bus.cfg.kick) and no backend yet; NULL without memory or room. */
struct device *device_new(struct domain *d, const char *kind, unsigned index);
/* Ends its backend and everything that it has, its place in the list included. */
void device_free(struct device *dev);
struct device *device_find(struct domain *d, const char *kind, unsigned index);
/*
 * The eventfd of a queue, each asked for once; the device's. One of the engine's, to which a send costs no trip through the monitor, if
 * one is left for each device that is still to come.
 */
int device_kick(struct device *dev, unsigned queue);
/* From now on the frontend's state drives the backend; at once, too. -PV_E.... */
int device_watch(struct device *dev);

/* Descriptors and `about` are taken over. In a domain that arrives, what the guest sees of it is there already. */
int device_disk_start(struct domain *d, const struct config_disk *disk, int fd,
		      struct refhv_error *e);
int device_vif_start(struct domain *d, const struct config_vif *v, const int *frames, unsigned n,
		     int netd, json_t *about, struct refhv_error *e);
/* Prepares for disks that are attached when the process is locked in. */
void device_disk_spare(const struct domain *d);
json_t *device_disk_stats(struct device *dev);
/* What is behind the disk may have another size: tells the guest. Sectors of 512 bytes, or -PV_E.... */
int64_t device_disk_resized(struct device *dev);
json_t *device_vif_stats(struct device *dev);

#endif
