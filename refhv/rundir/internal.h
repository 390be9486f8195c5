/*
 * Between the files of the registry: its lock, its entries, and the logs that follow a domain's name.
 */
#ifndef REFHV_RUNDIR_INTERNAL_H
#define REFHV_RUNDIR_INTERNAL_H

#include "rundir/rundir.h"

/* PV_DOMID_FIRST_RESERVED is 0x7ff0: domids stay below. */
enum { RUNDIR_DOMID_MAX = 0x7fef };

/* What an entry is looked for by: any of them that is set. */
struct rundir_search {
	const char *name;
	const uint8_t *uuid;
	long domid;
	struct rundir_entry found;
};

/* The failure of a system call: errno is read. Always -REFHV_RESOURCE. */
int rundir_no(struct refhv_error *e, const struct rundir *r, const char *remedy, const char *what);
/* 0 also when it is there. */
int rundir_make_dir(int at, const char *path);
/* Closing the descriptor lets go. Negative: errno says why. */
int rundir_lock(struct rundir *r);

/*
 * The entry of this name if it lives; a stale one is removed, which takes the registry's lock. `locked`: the caller holds it.
 */
bool rundir_live(struct rundir *r, const char *name, bool locked, struct rundir_entry *entry);
/* rundir_each for a caller that holds the registry's lock. */
int rundir_each_locked(struct rundir *r, int (*fn)(void *arg, const struct rundir_entry *entry),
		       void *arg);
/* For rundir_each: arg is a struct rundir_search; 1 and `found` at the first that fits. */
int rundir_matches(void *arg, const struct rundir_entry *entry);
void rundir_remove(int at, const char *name);

/* The logs of claim->name are called `name` from now on. */
int rundir_logs_rename(struct rundir *r, struct rundir_claim *claim, const char *name,
		       struct refhv_error *e);

#endif
