/*
 * The registry as its readers see it: who lives is who holds a lock. See rundir.h.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "rundir/internal.h"

enum { INFO_MAX = 4096 };

int rundir_no(struct refhv_error *e, const struct rundir *r, const char *remedy, const char *what)
{
	return refhv_fail_at(e, REFHV_RESOURCE, r->path, 0, remedy, "%s: %s", what,
			     strerror(errno));
}

int rundir_make_dir(int at, const char *path)
{
	return mkdirat(at, path, 0700) && errno != EEXIST ? -1 : 0;
}

int rundir_open(struct rundir *r, struct refhv_error *e)
{
	static const char remedy[] = "set REFHV_RUNDIR to a folder of your own";
	const char *env = getenv("REFHV_RUNDIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	char *real;
	struct stat st;
	int n;

	r->fd = -1;
	if (env && *env)
		n = snprintf(r->path, sizeof(r->path), "%s", env);
	else if (!geteuid())
		n = snprintf(r->path, sizeof(r->path), "/run/refhv");
	else if (xdg && *xdg)
		n = snprintf(r->path, sizeof(r->path), "%s/refhv", xdg);
	else
		n = snprintf(r->path, sizeof(r->path), "/tmp/refhv-%u", (unsigned)geteuid());
	if (n >= (int)sizeof(r->path))
		return refhv_fail_at(e, REFHV_RESOURCE, r->path, 0,
				     "use a path of at most 199 bytes",
				     "the path of the runtime folder is too long");
	if (rundir_make_dir(AT_FDCWD, r->path))
		return rundir_no(e, r, remedy, "cannot make the runtime folder");
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return rundir_no(e, r, remedy, "cannot open the runtime folder");
	real = realpath(r->path, NULL);
	if (real && strlen(real) < sizeof(r->path))
		strcpy(r->path, real);
	free(real);
	if (fstat(r->fd, &st) || st.st_uid != geteuid() || (st.st_mode & 022)) {
		rundir_close(r);
		return refhv_fail_at(e, REFHV_RESOURCE, r->path, 0, remedy,
				     "the runtime folder belongs to, or can be written by, others");
	}
	if ((st.st_mode & 0777) != 0700 && fchmod(r->fd, 0700)) {
		rundir_close(r);
		return rundir_no(e, r, remedy, "cannot close the runtime folder to others");
	}
	return 0;
}

void rundir_close(struct rundir *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

int rundir_lock(struct rundir *r)
{
	int fd = openat(r->fd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0 && flock(fd, LOCK_EX)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int read_info(int dir, struct rundir_entry *entry)
{
	char text[INFO_MAX];
	const char *uuid;
	json_int_t domid;
	json_t *o;
	ssize_t n;
	int fd = openat(dir, "info", O_RDONLY | O_CLOEXEC), rc = -1;

	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text));
	close(fd);
	o = n > 0 ? json_loadb(text, (size_t)n, 0, NULL) : NULL;
	uuid = json_string_value(json_object_get(o, "uuid"));
	domid = json_integer_value(json_object_get(o, "domid"));
	if (uuid && !config_uuid_parse(uuid, entry->uuid) && domid > 0 &&
	    domid <= RUNDIR_DOMID_MAX) {
		entry->domid = (uint16_t)domid;
		entry->pid = (pid_t)json_integer_value(json_object_get(o, "pid"));
		rc = 0;
	}
	json_decref(o);
	return rc;
}

static bool alive(int dir)
{
	int fd = openat(dir, "lock", O_RDONLY | O_CLOEXEC);
	bool held;

	if (fd < 0)
		return false;
	held = flock(fd, LOCK_SH | LOCK_NB) && errno == EWOULDBLOCK;
	close(fd);
	return held;
}

void rundir_remove(int at, const char *name)
{
	int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *de;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((de = readdir(dir)))
		if (strcmp(de->d_name, ".") && strcmp(de->d_name, ".."))
			unlinkat(dirfd(dir), de->d_name, 0);
	closedir(dir);
	unlinkat(at, name, AT_REMOVEDIR);
}

static int open_folder(struct rundir *r, const char *name)
{
	return openat(r->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/*
 * An entry is removed after a second look: the first may have seen a claim that was just being made, or a folder that has given
 * its name away since.
 */
bool rundir_live(struct rundir *r, const char *name, bool locked, struct rundir_entry *entry)
{
	int dir = open_folder(r, name), lock;
	bool ok;

	if (dir < 0)
		return false;
	ok = alive(dir);
	if (!ok && (lock = locked ? r->fd : rundir_lock(r)) >= 0) {
		close(dir);
		dir = open_folder(r, name);
		ok = dir >= 0 && alive(dir);
		if (dir >= 0 && !ok)
			rundir_remove(r->fd, name);
		if (!locked)
			close(lock);
		if (dir < 0)
			return false;
	}
	memset(entry, 0, sizeof(*entry));
	snprintf(entry->name, sizeof(entry->name), "%s", name);
	ok = ok && !read_info(dir, entry);
	close(dir);
	return ok;
}

static int by_domid(const void *a, const void *b)
{
	const struct rundir_entry *x = a, *y = b;

	return x->domid - y->domid;
}

/* All live entries, in order; the list is to be freed. Returns how many. */
static unsigned collect(struct rundir *r, bool locked, struct rundir_entry **list)
{
	int fd = openat(r->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	unsigned n = 0, room = 0;
	struct dirent *de;

	*list = NULL;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	while ((de = readdir(dir))) {
		if (!config_name_ok(de->d_name))
			continue;
		if (n == room) {
			struct rundir_entry *more;

			room = room ? room * 2 : 16;
			more = realloc(*list, room * sizeof(*more));
			if (!more)
				break;
			*list = more;
		}
		if (rundir_live(r, de->d_name, locked, &(*list)[n]))
			n++;
	}
	closedir(dir);
	if (n)
		qsort(*list, n, sizeof(**list), by_domid);
	return n;
}

static int each(struct rundir *r, bool locked,
		int (*fn)(void *arg, const struct rundir_entry *entry), void *arg)
{
	struct rundir_entry *list;
	unsigned n = collect(r, locked, &list);
	int rc = 0;

	for (unsigned i = 0; i < n && !rc; i++)
		rc = fn(arg, &list[i]);
	free(list);
	return rc;
}

int rundir_each_locked(struct rundir *r, int (*fn)(void *arg, const struct rundir_entry *entry),
		       void *arg)
{
	return each(r, true, fn, arg);
}

int rundir_each(struct rundir *r, int (*fn)(void *arg, const struct rundir_entry *entry), void *arg)
{
	return each(r, false, fn, arg);
}

int rundir_matches(void *arg, const struct rundir_entry *entry)
{
	struct rundir_search *s = arg;

	if ((s->domid && entry->domid == s->domid) || (s->name && !strcmp(entry->name, s->name)) ||
	    (s->uuid && !memcmp(entry->uuid, s->uuid, 16))) {
		s->found = *entry;
		return 1;
	}
	return 0;
}

int rundir_find(struct rundir *r, const char *who, struct rundir_entry *entry,
		struct refhv_error *e)
{
	struct rundir_search s = {.name = who};
	uint8_t uuid[16];
	char *end;
	unsigned long id = strtoul(who, &end, 10);

	if (isdigit((unsigned char)*who) && !*end) {
		s.name = NULL;
		s.domid = id && id <= RUNDIR_DOMID_MAX ? (long)id : -1;
	} else if (!config_uuid_parse(who, uuid)) {
		s.uuid = uuid;
	}
	if (!rundir_each(r, rundir_matches, &s))
		return refhv_fail(e, REFHV_NO_DOMAIN, "see refhv list", "no domain \"%.64s\"", who);
	*entry = s.found;
	return 0;
}
