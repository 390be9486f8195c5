/*
 * xenbus: the states in a device's "state" key.
 *
 * Source: xen/include/public/io/xenbus.h.
 */
#ifndef PV_ABI_IO_XENBUS_H
#define PV_ABI_IO_XENBUS_H

enum pv_xenbus_state {
	PV_XenbusStateUnknown = 0,
	PV_XenbusStateInitialising = 1,
	PV_XenbusStateInitWait = 2,    /* backend: waiting for the frontend's details */
	PV_XenbusStateInitialised = 3, /* frontend: details written, waiting */
	PV_XenbusStateConnected = 4,
	PV_XenbusStateClosing = 5, /* the device goes away or fails */
	PV_XenbusStateClosed = 6,
	PV_XenbusStateReconfiguring = 7,
	PV_XenbusStateReconfigured = 8
};

#endif
