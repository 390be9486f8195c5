/*
 * A disk, opened with the caller's own rights. Formats are never guessed: a disk is the bytes that it is.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "launch/resource.h"

int resource_no_file(struct refhv_error *e, enum refhv_exit exit, const char *path,
		     const char *what)
{
	const char *remedy = errno == EACCES || errno == EPERM
				     ? "change its permissions, or run refhv as a user who may"
				     : "check the path in the configuration";

	return refhv_fail_at(e, exit, path, 0, remedy, "cannot open the %s: %s", what,
			     strerror(errno));
}

/* Absolute; or beside the configuration; or, as xl has it, below /dev. */
static void disk_path(const struct config_disk *d, const char *folder, char path[PATH_MAX])
{
	if (d->target[0] == '/') {
		snprintf(path, PATH_MAX, "%s", d->target);
		return;
	}
	snprintf(path, PATH_MAX, "%s/%s", folder, d->target);
	if (access(path, F_OK) && errno == ENOENT) {
		char dev[PATH_MAX];

		snprintf(dev, sizeof(dev), "/dev/%s", d->target);
		if (!access(dev, F_OK))
			strcpy(path, dev);
	}
}

enum { LOCK_MS = 500 };

/*
 * Two writers of one image destroy it: a disk that is written is its domain's alone, one that is only read is shared with others that
 * read. The lock lives with the open file, so as long as any process of the domain. A domain that moves in cannot have it: the process
 * that it comes from still does.
 */
static int lock_disk(int fd, const struct config_disk *d, const char *path, struct refhv_error *e)
{
	/* An io_uring lets go of its files a moment after its process has ended. */
	for (int waited = 0; waited < LOCK_MS; waited += 5) {
		if (!flock(fd, (d->readonly ? LOCK_SH : LOCK_EX) | LOCK_NB) || errno != EWOULDBLOCK)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return refhv_fail_at(e, REFHV_RESOURCE, path, 0,
			     "end the domain that has it, or say ro in all of them",
			     "disk %s is in use by another domain or twice in this one", d->vdev);
}

int resource_disk(const struct config_disk *d, const char *dir, bool lock, struct refhv_error *e)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	disk_path(d, dir, path);
	fd = open(path, (d->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EROFS) && !d->readonly && !access(path, R_OK))
		return refhv_fail_at(e, REFHV_RESOURCE, path, 0,
				     "make it writable, or say ro in the disk line",
				     "disk %s may not be written", d->vdev);
	if (fd < 0)
		return resource_no_file(e, REFHV_RESOURCE, path, "disk");
	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		close(fd);
		return refhv_fail_at(e, REFHV_RESOURCE, path, 0,
				     "give a raw image or a block device",
				     "disk %s is neither a file nor a block device", d->vdev);
	}
	if (lock && lock_disk(fd, d, path, e)) {
		close(fd);
		return -(int)e->exit;
	}
	return fd;
}
