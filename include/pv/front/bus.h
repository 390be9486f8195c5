/*
 * The frontend bus: everything a frontend driver stands on.
 *
 * One table per device. libpv/guest fills it in over struct pv and the xenstore client; the
 * loopback tests fill it in over plain memory; a foreign kernel may fill it in over its own Xen
 * layer.
 *
 * Trust: the implementation is trusted. Values that it returns from the peer's directory are not.
 *
 * Errors: 0 or more is success, negative is -PV_E... . Strings are 0-terminated; keys are
 * relative paths inside the device's directory (own) or its backend's directory (peer).
 *
 * Concurrency: the calls named "data path" may run at the same time as any other call on another
 * device; calls on one device are serialised by its driver's caller. The event handler may run at
 * any time, from an upcall.
 */
#ifndef PV_FRONT_BUS_H
#define PV_FRONT_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define PV_FRONT_NO_GREF 0xffffffffu

/* One key to be published; value is a 0-terminated string. */
struct pv_front_key {
	const char *key;
	const char *value;
};

struct pv_front_bus {
	/* sizeof(struct pv_front_bus) as the implementer saw it: the table only grows at its
	 * end */
	uint32_t size;
	void *ctx; /* first argument of every call */

	/* n zeroed pages of 4096 bytes, virtually contiguous and page aligned; NULL when there
	 * are none. */
	void *(*pages_alloc)(void *ctx, unsigned n);
	void (*pages_free)(void *ctx, void *va, unsigned n);

	/* n grant references, all or none (-PV_ENOSPC). They grant nothing until permitted. */
	int (*gref_alloc)(void *ctx, uint32_t *ref, unsigned n);
	/* Gives references back; each was revoked. A reference that could not be revoked is
	 * given back too: the implementation keeps it (and nothing else) aside until the
	 * backend has let go. */
	void (*gref_free)(void *ctx, const uint32_t *ref, unsigned n);
	/* Data path: lets the backend at the page that holds va, read only or read-write. */
	void (*permit)(void *ctx, uint32_t ref, const void *va, bool readonly);
	/* Data path: ends the access. 0, or -PV_EBUSY while the backend still has the page
	 * mapped: then the page MUST NOT be reused for anything else. */
	int (*revoke)(void *ctx, uint32_t ref);

	/* A port for the backend to bind; fn (may be NULL: polled) is called with arg when it
	 * fires. fn only notes the fact or wakes somebody: it runs in the upcall. */
	int (*evtchn_alloc)(void *ctx, void (*fn)(void *arg), void *arg, uint32_t *port);
	void (*evtchn_close)(void *ctx, uint32_t port);
	/* Data path. */
	void (*notify)(void *ctx, uint32_t port);

	/* Value of a key in the own or the backend's directory into buf (always 0-terminated,
	 * cut to len - 1); returns the length, or -PV_ENOENT, or another error. */
	int (*read_own)(void *ctx, const char *key, char *buf, uint32_t len);
	int (*read_peer)(void *ctx, const char *key, char *buf, uint32_t len);
	/* Writes n keys and then the own state, so that whoever sees the state sees the keys
	 * (one transaction, retried by the implementation). n may be 0: only the state. */
	int (*publish)(void *ctx, const struct pv_front_key *keys, unsigned n, int state);
	/* The backend's state as last seen (0: none). */
	int (*peer_state)(void *ctx);
	/* Optional: a device was given up because its backend broke the rules; reason is a
	 * constant string. Once per connection. */
	void (*broken)(void *ctx, const char *reason);
};

/* What a driver's step call returns when it is not an error. */
enum pv_front_status {
	/* handshake under way, call again when the backend's state changes */
	PV_FRONT_WAIT,
	PV_FRONT_CONNECTED,
	PV_FRONT_CLOSED, /* closed, by either side; init again to reconnect */
};

#endif
