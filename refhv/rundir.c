/*
 * The registry: who lives is who holds a lock. See rundir.h.
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
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "rundir.h"

/* PV_DOMID_FIRST_RESERVED is 0x7ff0: domids stay below. */
enum { DOMID_MAX = 0x7fef, INFO_MAX = 4096 };

static int no(struct refhv_error *e, const struct rundir *r, const char *remedy, const char *what)
{
	return refhv_fail_at(e, REFHV_RESOURCE, r->path, 0, remedy, "%s: %s", what,
			     strerror(errno));
}

static int make_dir(int at, const char *path)
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
	if (make_dir(AT_FDCWD, r->path))
		return no(e, r, remedy, "cannot make the runtime folder");
	r->fd = open(r->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r->fd < 0)
		return no(e, r, remedy, "cannot open the runtime folder");
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
		return no(e, r, remedy, "cannot close the runtime folder to others");
	}
	return 0;
}

void rundir_close(struct rundir *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

static int registry_lock(struct rundir *r)
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
	if (uuid && !config_uuid_parse(uuid, entry->uuid) && domid > 0 && domid <= DOMID_MAX) {
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

static void remove_folder(int at, const char *name)
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

/*
 * An entry is removed only under the registry's lock and after a second look: the first may have seen a claim that was
 * just being made. `locked`: the caller holds that lock.
 */
static bool live_entry(struct rundir *r, const char *name, bool locked, struct rundir_entry *entry)
{
	int dir, lock;
	bool ok;

	dir = openat(r->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir < 0)
		return false;
	ok = alive(dir);
	if (!ok) {
		lock = locked ? -1 : registry_lock(r);
		if ((locked || lock >= 0) && !(ok = alive(dir)))
			remove_folder(r->fd, name);
		if (lock >= 0)
			close(lock);
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
		if (live_entry(r, de->d_name, locked, &(*list)[n]))
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

int rundir_each(struct rundir *r, int (*fn)(void *arg, const struct rundir_entry *entry), void *arg)
{
	return each(r, false, fn, arg);
}

struct search {
	const char *name;
	const uint8_t *uuid;
	long domid;
	struct rundir_entry found;
};

static int matches(void *arg, const struct rundir_entry *entry)
{
	struct search *s = arg;

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
	struct search s = {.name = who};
	uint8_t uuid[16];
	char *end;
	unsigned long id = strtoul(who, &end, 10);

	if (isdigit((unsigned char)*who) && !*end) {
		s.name = NULL;
		s.domid = id && id <= DOMID_MAX ? (long)id : -1;
	} else if (!config_uuid_parse(who, uuid)) {
		s.uuid = uuid;
	}
	if (!rundir_each(r, matches, &s))
		return refhv_fail(e, REFHV_NO_DOMAIN, "see refhv list", "no domain \"%.64s\"", who);
	*entry = s.found;
	return 0;
}

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
	for (unsigned tries = 0; tries < DOMID_MAX; tries++) {
		last = last >= DOMID_MAX ? 1 : last + 1;
		*domid = (uint16_t)last;
		if (each(r, true, has_domid, domid))
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
	struct search s = {.name = name, .uuid = incoming ? NULL : uuid};
	int lock = registry_lock(r), rc;

	memset(claim, 0, sizeof(*claim));
	claim->dir_fd = claim->lock_fd = -1;
	if (lock < 0)
		return no(e, r, NULL, "cannot lock the registry");
	if (each(r, true, matches, &s)) {
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
	rc = rc ? no(e, r, NULL, "cannot make the domain's folder")
		: rundir_claim_pid(claim, uuid, 0, e);
	if (rc)
		rundir_release(r, claim, claim->dir_fd >= 0);
	close(lock);
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

enum { LOG_PATH = CONFIG_NAME_MAX + 40 };

static void log_path(const char *name, const char *what, char path[LOG_PATH])
{
	snprintf(path, LOG_PATH, ".log/%s.%s.log", name, what);
}

static int move_logs(struct rundir *r, struct rundir_claim *claim, const char *name,
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
			rc = no(e, r, NULL, "cannot rename a log");
	}
	return rc;
}

int rundir_rename(struct rundir *r, struct rundir_claim *claim, const char *name,
		  struct refhv_error *e)
{
	struct rundir_entry entry;
	int lock = registry_lock(r), rc = 0;

	if (lock < 0)
		return no(e, r, NULL, "cannot lock the registry");
	if (live_entry(r, name, true, &entry))
		rc = refhv_fail(e, REFHV_BUSY, NULL, "domain %u has the name %s", entry.domid,
				name);
	else if (renameat(r->fd, claim->name, r->fd, name))
		rc = no(e, r, NULL, "cannot rename the domain's folder");
	if (!rc)
		rc = move_logs(r, claim, name, e);
	if (!rc)
		snprintf(claim->name, sizeof(claim->name), "%s", name);
	close(lock);
	return rc;
}

int rundir_succeed(struct rundir *r, const char *from, const char *name, struct refhv_error *e)
{
	struct rundir_claim claim = {
		.dir_fd = openat(r->fd, from, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)};
	int lock = claim.dir_fd >= 0 ? registry_lock(r) : -1, rc = 0;

	if (lock < 0) {
		if (claim.dir_fd >= 0)
			close(claim.dir_fd);
		return no(e, r, NULL, "cannot lock the registry");
	}
	snprintf(claim.name, sizeof(claim.name), "%s", from);
	if (renameat2(r->fd, from, r->fd, name, RENAME_EXCHANGE) &&
	    (errno != ENOENT || renameat(r->fd, from, r->fd, name)))
		rc = no(e, r, NULL, "cannot rename the domain's folder");
	else
		rc = move_logs(r, &claim, name, e);
	close(lock);
	close(claim.dir_fd);
	return rc;
}

void rundir_release(struct rundir *r, struct rundir_claim *claim, bool remove)
{
	char name[CONFIG_NAME_MAX + 1];

	if (remove) {
		folder_name(claim->dir_fd, name);
		remove_folder(r->fd, config_name_ok(name) ? name : claim->name);
	}
	if (claim->dir_fd >= 0)
		close(claim->dir_fd);
	if (claim->lock_fd >= 0)
		close(claim->lock_fd);
	claim->dir_fd = claim->lock_fd = -1;
}

/* Through /proc/self/fd, so that a deep runtime folder does not meet the 108 bytes of sun_path. */
static void socket_address(struct sockaddr_un *a, int dir, const char *name)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%s", dir, name);
}

int rundir_listen(struct rundir_claim *claim, const char *name, struct refhv_error *e)
{
	struct sockaddr_un a;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	socket_address(&a, claim->dir_fd, name);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 16)) {
		refhv_fail(e, REFHV_RESOURCE, NULL, "cannot listen on %s: %s", name,
			   strerror(errno));
		if (fd >= 0)
			close(fd);
		return -REFHV_RESOURCE;
	}
	fchmodat(claim->dir_fd, name, 0600, 0);
	return fd;
}

int rundir_connect(struct rundir *r, const char *domain, const char *name, struct refhv_error *e)
{
	struct sockaddr_un a;
	int dir = openat(r->fd, domain, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), fd;

	if (dir < 0)
		return refhv_fail(e, REFHV_NO_DOMAIN, "see refhv list", "domain %s is gone",
				  domain);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socket_address(&a, dir, name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a))) {
		refhv_fail(e, REFHV_STATE, "it may be starting or ending: see refhv list",
			   "domain %s does not answer on %s: %s", domain, name, strerror(errno));
		if (fd >= 0)
			close(fd);
		fd = -REFHV_STATE;
	}
	close(dir);
	return fd;
}

int rundir_log(struct rundir *r, struct rundir_claim *claim, const char *what,
	       struct refhv_error *e)
{
	char path[LOG_PATH], link[32], old[LOG_PATH + 8];
	int fd;

	if (make_dir(r->fd, ".log"))
		return no(e, r, NULL, "cannot make the log folder");
	log_path(claim->name, what, path);
	snprintf(link, sizeof(link), "%s.log", what);
	snprintf(old, sizeof(old), "%s.old", path);
	renameat(r->fd, path, r->fd, old);
	fd = openat(r->fd, path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return no(e, r, NULL, "cannot open a log");
	snprintf(old, sizeof(old), "../%s", path);
	if (symlinkat(old, claim->dir_fd, link)) {
		close(fd);
		return no(e, r, NULL, "cannot link a log");
	}
	return fd;
}

int rundir_net_path(struct rundir *r, const uint8_t uuid[16], unsigned index, char *path,
		    unsigned size, struct refhv_error *e)
{
	char id[37];

	if (make_dir(r->fd, ".net"))
		return no(e, r, NULL, "cannot make the folder for user networking");
	config_uuid_format(uuid, id);
	snprintf(path, size, "%s/.net/%s-%u.sock", r->path, id, index);
	return 0;
}
