/*
 * Sockets: in a domain's folder, and of its user networking. See rundir.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "rundir/internal.h"

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

int rundir_net_path(struct rundir *r, const uint8_t uuid[16], unsigned index, char *path,
		    unsigned size, struct refhv_error *e)
{
	char id[37];

	if (rundir_make_dir(r->fd, ".net"))
		return rundir_no(e, r, NULL, "cannot make the folder for user networking");
	config_uuid_format(uuid, id);
	snprintf(path, size, "%s/.net/%s-%u.sock", r->path, id, index);
	return 0;
}
