/*
 * One thing that a domain will touch, opened with the caller's own rights: by the launcher, or by a command that gives it to a
 * running domain.
 */
#ifndef REFHV_LAUNCH_RESOURCE_H
#define REFHV_LAUNCH_RESOURCE_H

#include <jansson.h>
#include "config/config.h"
#include "error.h"
#include "rundir/rundir.h"

/* A queue is a thread in the domain process; a guest uses no more than it has vCPUs. */
enum { RESOURCE_QUEUES = 4 };

/* All of these return 0 (or a descriptor), or negative with *e and nothing left open. */

/* The message for an open() that failed: negative, with `exit`. */
int resource_no_file(struct refhv_error *e, enum refhv_exit exit, const char *path,
		     const char *what);

/* A disk's descriptor; locked against other domains if asked for. `dir` is where relative paths start. */
int resource_disk(const struct config_disk *d, const char *dir, bool lock, struct refhv_error *e);

/* Whose card it is. */
struct resource_owner {
	struct rundir *rundir;
	const char *name; /* of the domain */
	uint16_t domid;
	const uint8_t *uuid;
	unsigned vcpus;
	bool incoming; /* it may have a far end already */
};

struct resource_vif {
	unsigned n; /* queues; 0: a card without a cable */
	int frames[RESOURCE_QUEUES];
	int netd;      /* user networking's control connection, or -1 */
	json_t *about; /* "mtu" and "forwards", where known; the caller's */
};
int resource_vif(const struct config_vif *v, const struct resource_owner *o,
		 struct resource_vif *out, struct refhv_error *e);

#endif
