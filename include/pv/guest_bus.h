/*
 * The guest's xenbus: the xenstore client on the domain's own ring, and for each device the table
 * of services (struct pv_front_bus) that its frontend stands on.
 *
 * Caller-allocated: one struct pv_bus, one struct pv_bus_device a device. Nothing here runs by
 * itself: watch callbacks, and through them news of backends, come out of pv_bus_work(), which the
 * kernel calls from its main loop after events.
 *
 * Trust: the store is trusted with the meaning of its answers. What is in a backend's directory is
 * the backend's word and checked by the frontends.
 *
 * Errors: >= 0, or -PV_E* as of xs_client.h. Concurrency: set-up and pv_bus_work() belong to one
 * context; permit, revoke and notify may run anywhere, serialised by device.
 */
#ifndef PV_GUEST_BUS_H
#define PV_GUEST_BUS_H

#include <pv/guest.h>
#include <pv/front/bus.h>
#include <pv/xs_client.h>

#define PV_BUS_PATH	128 /* bytes of a device's or backend's path, with its NUL */
#define PV_BUS_CHANNELS 16  /* event channels of one device */
#define PV_BUS_DEFERRED 64  /* references that a backend would not let go of, kept to try again */

struct pv_bus {
	struct pv *pv;
	struct pv_xs xs; /* for the kernel's own reads, writes and watches, too */
	/* private */
	bool due;
	uint32_t deferred[PV_BUS_DEFERRED];
	unsigned nr_deferred;
};

struct pv_bus_channel {
	void (*fn)(void *arg);
	void *arg;
	uint32_t port;
};

struct pv_bus_device {
	struct pv_front_bus front; /* for the frontend's init call */
	char own[PV_BUS_PATH];	   /* "device/vif/0" */
	char peer[PV_BUS_PATH];	   /* the backend's directory */
	uint16_t backend;	   /* domid */
	/* private */
	struct pv_bus *bus;
	struct pv_xs_watch watch;
	char watched[PV_BUS_PATH + 8];
	void (*changed)(void *arg);
	void *arg;
	bool stale;
	int state;
	struct pv_bus_channel channel[PV_BUS_CHANNELS];
};

/* -PV_ENODEV: the domain has no xenstore. pv_gnttab_init() must have been called before devices. */
int pv_bus_init(struct pv_bus *b, struct pv *pv);

/* Runs the watch callbacks that are due; returns how many ran. */
unsigned pv_bus_work(struct pv_bus *b);

/* The number of the index-th device of a type ("vif", "vbd"): >= 0, or -PV_ENOENT: there are fewer.
 */
int pv_bus_find(struct pv_bus *b, const char *type, unsigned index);

/*
 * Opens device/TYPE/ID: reads where its backend is and watches it. changed(arg), if not NULL, is
 * called from pv_bus_work() whenever the backend's state may have changed: the time to call the
 * frontend's step function. d stays in place until pv_bus_close().
 */
int pv_bus_open(struct pv_bus *b, struct pv_bus_device *d, const char *type, unsigned id,
		void (*changed)(void *arg), void *arg);
void pv_bus_close(struct pv_bus_device *d);

#endif
