/*
 * The registry of domains is a folder of folders; there is no daemon.
 *
 *   RUNDIR/lock          taken (flock) while domids and names are given out and stale entries removed; holds the last domid
 *   RUNDIR/DOMID/        one domain:
 *       lock             flock'ed by the domain process as long as it lives: this alone says "alive"
 *       info             JSON: name, uuid, pid
 *       control.sock  console.sock  xenstore.sock
 *   RUNDIR/log/NAME.log, NAME.console      what refhv and the guest had to say; they outlive the domain
 *   RUNDIR/net/          user networking: one socket a vif
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
	pid_t pid;
};

/* A domid, name and folder that are ours. */
struct rundir_claim {
	uint16_t domid;
	int dir_fd;
	int lock_fd; /* whoever holds a copy of this descriptor is the domain */
};

/* All: 0 or more is success, negative with *e filled in. */

int rundir_open(struct rundir *r, struct refhv_error *e);
void rundir_close(struct rundir *r);

/* REFHV_BUSY when the name or uuid is in use. */
int rundir_claim(struct rundir *r, const char *name, const uint8_t uuid[16],
		 struct rundir_claim *claim, struct refhv_error *e);
/* The domain process is known now. */
int rundir_claim_pid(struct rundir_claim *claim, const char *name, const uint8_t uuid[16], pid_t pid,
		     struct refhv_error *e);
/* Close the descriptors; with `remove`, the domain never came to be. */
void rundir_release(struct rundir *r, struct rundir_claim *claim, bool remove);

/* Calls fn for each live domain in order of domid until it returns non-zero, and returns that. Removes stale entries. */
int rundir_each(struct rundir *r, int (*fn)(void *arg, const struct rundir_entry *entry), void *arg);

/* `who` is a name or a domid. REFHV_NO_DOMAIN. */
int rundir_find(struct rundir *r, const char *who, struct rundir_entry *entry, struct refhv_error *e);

/* A listening socket in the domain's folder, mode 0600. Descriptor or negative. */
int rundir_listen(struct rundir_claim *claim, const char *name, struct refhv_error *e);
/* Descriptor or negative: REFHV_STATE when the domain does not answer. */
int rundir_connect(struct rundir *r, uint16_t domid, const char *name, struct refhv_error *e);
/* A log of a domain, for appending; what was there before is moved to NAME.SUFFIX.old. Descriptor or negative. */
int rundir_log(struct rundir *r, const char *name, const char *suffix, struct refhv_error *e);

/* Called by the domain process when it ends: the folder goes, the lock with it. */
void rundir_farewell(int dir_fd, uint16_t domid);

#endif
