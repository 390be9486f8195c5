/*
 * The backend bus: everything a backend stands on.
 *
 * One table per device instance. refhv fills it in over a domain and its store in the same
 * process; another process would fill it in over a grant device; the loopback tests over plain
 * memory. It is written for mappings that exist only on demand: a backend maps for the length of
 * one request, and never keeps a pointer past its unmap.
 *
 * Trust: the implementation is trusted. Grant references, ports and every byte read through this
 * table (mapped memory, the frontend's keys) are the guest's: the implementation checks
 * references and ports, the backend checks contents.
 *
 * Concurrency: "data path" calls are made by whoever serialises the backend's data (its I/O
 * thread); "control" calls by whoever drives its handshake. The two never run at once for one
 * device (the caller sees to that), but different devices run in parallel.
 *
 * Errors: 0 or more is success, negative is -PV_E... .
 */
#ifndef PV_BACK_BUS_H
#define PV_BACK_BUS_H

#include <stdbool.h>
#include <stdint.h>

/* Layout of POSIX struct iovec. */
struct pv_iov {
	void *base;
	uint64_t len;
};

/* One page to map. In: ref, readonly. Out: status, and when that is 0: va (page aligned) and
 * handle. */
struct pv_back_map {
	uint32_t ref;
	bool readonly;	/* the backend only reads the page */
	int16_t status; /* 0 or -PV_E... */
	void *va;
	uint64_t handle; /* the implementation's own */
};

/* One copy between a granted page and local memory; offset + len <= 4096. */
struct pv_back_copy {
	uint32_t ref;
	uint16_t offset;
	uint16_t len;
	/* local -> granted page (marks it dirty), else granted page -> local */
	bool to_grant;
	int16_t status; /* out: 0 or -PV_E... */
	void *local;
};

struct pv_back_bus {
	/* sizeof(struct pv_back_bus) as the implementer saw it: the table only grows at its
	 * end */
	uint32_t size;
	void *ctx; /* first argument of every call */

	/* Control: maps n ring pages, writable, at contiguous addresses; all or none. Taking a
	 * reference keeps the page granted until unmap_ring. */
	int (*map_ring)(void *ctx, const uint32_t *ref, unsigned n, void **va);
	void (*unmap_ring)(void *ctx, void *va, unsigned n);

	/* Data path: maps n pages; returns how many failed (each op has its status). Only ops
	 * with status 0 are unmapped later. Pages mapped one after the other MAY come out
	 * adjacent: the caller may merge them. */
	int (*map)(void *ctx, struct pv_back_map *op, unsigned n);
	/* Data path: ends n successful mappings. Writable pages are marked dirty by dirty(),
	 * not by this. */
	void (*unmap)(void *ctx, const struct pv_back_map *op, unsigned n);
	/* Data path: n copies; returns how many failed. */
	int (*copy)(void *ctx, struct pv_back_copy *op, unsigned n);
	/* Data path: mapped memory at va was written (by the backend or by I/O on its behalf).
	 * Called after the write and before anything that lets the guest see it (response,
	 * notification). May be NULL. */
	void (*dirty)(void *ctx, const void *va, uint64_t len);
	/* Data path: fires the frontend's end of a bound port. */
	void (*notify)(void *ctx, uint32_t port);

	/* Control: binds to the frontend's unbound port; the frontend's events then reach
	 * whoever runs this backend. Returns the handle for notify/unbind (0 or more) or an
	 * error. After a restore the frontend's port may still be connected to this very
	 * backend: binding it again MUST succeed then. */
	int (*bind)(void *ctx, uint32_t front_port);
	void (*unbind)(void *ctx, uint32_t port);

	/* Control: value of a key of the frontend's directory into buf (0-terminated, cut to
	 * len - 1); length, or -PV_ENOENT. */
	int (*read_front)(void *ctx, const char *key, char *buf, uint32_t len);
	/* Control: writes a key of the own directory. */
	int (*write)(void *ctx, const char *key, const char *value);
	/* Control: writes the own state, after everything written before it. */
	int (*switch_state)(void *ctx, int state);
	/* Control: the frontend's state as last seen (0: none). */
	int (*front_state)(void *ctx);
	/* Optional: the frontend broke the rules and the device was stopped; reason is a
	 * constant string. Once per connection (no log flood), may come from the data path: it
	 * must not call back into the backend. */
	void (*broken)(void *ctx, const char *reason);
	/* Control, optional: as bind, for one of several queues of a device: the frontend's
	 * events on this port reach whoever runs that queue. NULL: everything has one runner. */
	int (*bind_queue)(void *ctx, unsigned queue, uint32_t front_port);
};

/* What a backend's step call returns when it is not an error. */
enum pv_back_status {
	PV_BACK_WAIT, /* waiting for the frontend */
	PV_BACK_CONNECTED,
	PV_BACK_CLOSED, /* disconnected: nothing is mapped; a frontend may come back */
	PV_BACK_GONE,	/* the frontend's directory is gone: forget the device */
};

#endif
