/*
 * Claims: a domid, a name and a folder become one domain's, under the registry's lock. See rundir.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rundir/internal.h"

static int has_domid(void *arg, const struct rundir_entry *entry)
{
	return entry->domid == *(uint16_t *)arg;
}

/* The next domid that is free, counted on from the last one given out, as Xen does. */
static int next_domid(struct rundir *r, int lock, uint16_t *domid)
{
	char text[16] = "";
	unsigned long last;
	ssize_t n = pread(lock, text, sizeof(text) - 1, 0);

	last = n > 0 ? strtoul(text, NULL, 10) : 0;
	for (unsigned tries = 0; tries < RUNDIR_DOMID_MAX; tries++) {
		last = last >= RUNDIR_DOMID_MAX ? 1 : last + 1;
		*domid = (uint16_t)last;
		if (rundir_each_locked(r, has_domid, domid))
			continue;
		n = snprintf(text, sizeof(text), "%lu", last);
		return ftruncate(lock, 0) || pwrite(lock, text, (size_t)n, 0) != n ? -1 : 0;
	}
	errno = ENOSPC;
	return -1;
}

static int claim_folder(struct rundir *r, int lock, struct rundir_claim *claim)
{
	if (next_domid(r, lock, &claim->domid) || mkdirat(r->fd, claim->name, 0700))
		return -1;
	claim->dir_fd = openat(r->fd, claim->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (claim->dir_fd < 0)
		return -1;
	claim->lock_fd = openat(claim->dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	/* A reader that looks whether we live holds the lock for a moment: wait for it. */
	return claim->lock_fd < 0 || flock(claim->lock_fd, LOCK_EX) ? -1 : 0;
}

int rundir_claim(struct rundir *r, const char *name, const uint8_t uuid[16], bool incoming,
		 struct rundir_claim *claim, struct refhv_error *e)
{
	struct rundir_search s = {.name = name, .uuid = incoming ? NULL : uuid};
	int lock = rundir_lock(r), rc;

	memset(claim, 0, sizeof(*claim));
	claim->dir_fd = claim->lock_fd = -1;
	if (lock < 0)
		return rundir_no(e, r, NULL, "cannot lock the registry");
	if (rundir_each_locked(r, rundir_matches, &s)) {
		close(lock);
		if (strcmp(s.found.name, name))
			return refhv_fail(e, REFHV_BUSY, "change uuid= or leave it out",
					  "domain %u (%s) has this uuid", s.found.domid,
					  s.found.name);
		return refhv_fail(e, REFHV_BUSY, "change name= or destroy it first",
				  "domain %u has the name %s", s.found.domid, name);
	}
	snprintf(claim->name, sizeof(claim->name), "%s", name);
	rc = claim_folder(r, lock, claim);
	rc = rc ? rundir_no(e, r, NULL, "cannot make the domain's folder")
		: rundir_claim_pid(claim, uuid, 0, e);
	close(lock);
	if (rc)
		rundir_release(r, claim, claim->dir_fd >= 0);
	return rc;
}

int rundir_claim_pid(struct rundir_claim *claim, const uint8_t uuid[16], pid_t pid,
		     struct refhv_error *e)
{
	char id[37], text[256];
	int fd, n;

	config_uuid_format(uuid, id);
	n = snprintf(text, sizeof(text), "{\"domid\": %u, \"uuid\": \"%s\", \"pid\": %d}\n",
		     claim->domid, id, (int)pid);
	fd = openat(claim->dir_fd, "info.new", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, (size_t)n) != n ||
	    renameat(claim->dir_fd, "info.new", claim->dir_fd, "info")) {
		refhv_fail(e, REFHV_RESOURCE, NULL, "cannot write the domain's folder: %s",
			   strerror(errno));
		if (fd >= 0)
			close(fd);
		return -REFHV_RESOURCE;
	}
	close(fd);
	return 0;
}

int rundir_succeed(struct rundir *r, const char *from, const char *name, struct refhv_error *e)
{
	struct rundir_claim claim = {
		.dir_fd = openat(r->fd, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
	int lock = claim.dir_fd >= 0 ? rundir_lock(r) : -1, rc = 0;

	if (lock < 0) {
		if (claim.dir_fd >= 0)
			close(claim.dir_fd);
		return rundir_no(e, r, NULL, "cannot lock the registry");
	}
	snprintf(claim.name, sizeof(claim.name), "%s", from);
	if (renameat2(r->fd, from, r->fd, name, RENAME_EXCHANGE) &&
	    (errno != ENOENT || renameat(r->fd, from, r->fd, name)))
		rc = rundir_no(e, r, NULL, "cannot rename the domain's folder");
	else
		rc = rundir_logs_rename(r, &claim, name, e);
	close(lock);
	close(claim.dir_fd);
	return rc;
}

/* The folder's present name: another command may have renamed it (a domain that moved in). */
static void folder_name(int dir, char name[CONFIG_NAME_MAX + 1])
{
	char link[40], path[4096], *last;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, path, sizeof(path) - 1);
	name[0] = 0;
	if (n <= 0)
		return;
	path[n] = 0;
	last = strrchr(path, '/');
	last = last ? last + 1 : path;
	if (strlen(last) <= CONFIG_NAME_MAX)
		strcpy(name, last);
}

void rundir_release(struct rundir *r, struct rundir_claim *claim, bool remove)
{
	char name[CONFIG_NAME_MAX + 1];
	int lock;

	if (remove) {
		/* Held, so that the name does not change hands between the look and the removal. */
		lock = rundir_lock(r);
		folder_name(claim->dir_fd, name);
		rundir_remove(r->fd, config_name_ok(name) ? name : claim->name);
		if (lock >= 0)
			close(lock);
	}
	if (claim->dir_fd >= 0)
		close(claim->dir_fd);
	if (claim->lock_fd >= 0)
		close(claim->lock_fd);
	claim->dir_fd = claim->lock_fd = -1;
}
