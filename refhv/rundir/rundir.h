/*
 * The registry of domains is a folder of folders; there is no daemon.
 *
 *   RUNDIR/.lock         taken (flock) while names and domids are given out and stale entries removed; holds the last domid
 *   RUNDIR/NAME/         one domain:
 *       lock             flock'ed by the domain process as long as it lives: this alone says "alive"
 *       info             JSON: domid, uuid, pid
 *       control.sock  console.sock  xenstore.sock
 *       console.log  refhv.log       what the guest and refhv had to say: links into RUNDIR/.log, which outlives the domain
 *   RUNDIR/.kvm-speed    what was measured of /dev/kvm in this boot
 *   RUNDIR/.net/         user networking: one socket a vif
 *
 * RUNDIR is $REFHV_RUNDIR, /run/refhv for root, $XDG_RUNTIME_DIR/refhv for others; mode 0700.
 * Trusts what is in the folder as far as its owner, who must be the caller.
 */
#ifndef REFHV_RUNDIR_H
#define REFHV_RUNDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "config/config.h"
#include "error.h"

struct rundir {
	int fd;
	char path[200];
};

struct rundir_entry {
	uint16_t domid;
	char name[CONFIG_NAME_MAX + 1];
	uint8_t uuid[16];
	pid_t pid; /* of the domain process; 0 while there is none yet */
};

/* A domid, name and folder that are ours. */
struct rundir_claim {
	uint16_t domid;
	char name[CONFIG_NAME_MAX + 1];
	int dir_fd;
	int lock_fd; /* whoever holds a copy of this descriptor is the domain */
};

/* All: 0 or more is success, negative with *e filled in. */

int rundir_open(struct rundir *r, struct refhv_error *e);
void rundir_close(struct rundir *r);

/*
 * REFHV_BUSY when the name is in use, or the uuid, unless `incoming`: a domain that moves exists twice for a moment.
 */
int rundir_claim(struct rundir *r, const char *name, const uint8_t uuid[16], bool incoming,
		 struct rundir_claim *claim, struct refhv_error *e);
/* The domain process is known now. */
int rundir_claim_pid(struct rundir_claim *claim, const uint8_t uuid[16], pid_t pid,
		     struct refhv_error *e);
/*
 * The live domain in folder `from` has moved in: it is called `name` from now on. Whoever had that name, the same domain's earlier
 * process, gets the other one for as long as it still is.
 */
int rundir_succeed(struct rundir *r, const char *from, const char *name, struct refhv_error *e);
/* Close the descriptors; with `remove`, the domain is over, or never came to be. Takes the registry's lock. */
void rundir_release(struct rundir *r, struct rundir_claim *claim, bool remove);

/* Calls fn for each live domain in order of domid until it returns non-zero, and returns that. Removes stale entries. */
int rundir_each(struct rundir *r, int (*fn)(void *arg, const struct rundir_entry *entry),
		void *arg);

/* `who` is a name or a domid. REFHV_NO_DOMAIN. */
int rundir_find(struct rundir *r, const char *who, struct rundir_entry *entry,
		struct refhv_error *e);

/* A listening socket in the domain's folder, mode 0600. Descriptor or negative. */
int rundir_listen(struct rundir_claim *claim, const char *name, struct refhv_error *e);
/* Descriptor or negative: REFHV_STATE when the domain does not answer. */
int rundir_connect(struct rundir *r, const char *domain, const char *name, struct refhv_error *e);
/*
 * A log of a domain ("console", "refhv"), for appending; what an earlier domain of the name left is kept as .old.
 * Descriptor or negative.
 */
int rundir_log(struct rundir *r, struct rundir_claim *claim, const char *what,
	       struct refhv_error *e);
/* The path of a vif's user networking socket. */
int rundir_net_path(struct rundir *r, const uint8_t uuid[16], unsigned index, char *path,
		    unsigned size, struct refhv_error *e);

#endif
