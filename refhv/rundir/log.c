/*
 * Logs: they are called after the domain and outlive its folder, which links to them. See rundir.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
#include "rundir/internal.h"

enum { LOG_PATH = CONFIG_NAME_MAX + 40 };

static void log_path(const char *name, const char *what, char path[LOG_PATH])
{
	snprintf(path, LOG_PATH, ".log/%s.%s.log", name, what);
}

int rundir_logs_rename(struct rundir *r, struct rundir_claim *claim, const char *name,
		       struct refhv_error *e)
{
	static const char *const logs[] = {"console", "refhv"};
	int rc = 0;

	for (unsigned i = 0; i < 2 && !rc; i++) {
		char from[LOG_PATH], to[LOG_PATH], link[32], up[LOG_PATH + 3];

		log_path(claim->name, logs[i], from);
		log_path(name, logs[i], to);
		snprintf(link, sizeof(link), "%s.log", logs[i]);
		renameat(r->fd, from, r->fd, to);
		snprintf(up, sizeof(up), "../%s", to);
		unlinkat(claim->dir_fd, link, 0);
		if (symlinkat(up, claim->dir_fd, link))
			rc = rundir_no(e, r, NULL, "cannot rename a log");
	}
	return rc;
}

int rundir_log(struct rundir *r, struct rundir_claim *claim, const char *what,
	       struct refhv_error *e)
{
	char path[LOG_PATH], link[32], old[LOG_PATH + 8];
	int fd;

	if (rundir_make_dir(r->fd, ".log"))
		return rundir_no(e, r, NULL, "cannot make the log folder");
	log_path(claim->name, what, path);
	snprintf(link, sizeof(link), "%s.log", what);
	snprintf(old, sizeof(old), "%s.old", path);
	renameat(r->fd, path, r->fd, old);
	fd = openat(r->fd, path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return rundir_no(e, r, NULL, "cannot open a log");
	snprintf(old, sizeof(old), "../%s", path);
	if (symlinkat(old, claim->dir_fd, link)) {
		close(fd);
		return rundir_no(e, r, NULL, "cannot link a log");
	}
	return fd;
}
