/*
 * A channel's end on the host, made with the caller's own rights: a socket that listens at a path, or a pseudo-terminal.
 *
 * The keeper removes the socket at the end, if it is still ours. Its path comes from here, never from the domain process.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "launch/launch.h"

static int no(struct refhv_error *e, const char *path, const char *what)
{
	return refhv_fail_at(e, REFHV_RESOURCE, path, 0, "give another path=, or none",
			     "channel: %s: %s", what, strerror(errno));
}

/* Nobody listens there any more: what a killed machine left behind. One that moves in takes the place of the one that leaves. */
static bool may_replace(const struct sockaddr_un *a, bool incoming)
{
	struct stat st;
	int fd, rc;

	if (lstat(a->sun_path, &st) || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	rc = fd < 0 ? 0 : connect(fd, (const struct sockaddr *)a, sizeof(*a));
	if (fd >= 0)
		close(fd);
	return incoming || (rc && errno == ECONNREFUSED);
}

static int open_socket(struct launch *l, const char *path, const char *role, struct refhv_error *e)
{
	struct launch_socket *s = &l->socket[l->nsockets];
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	struct stat st;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), rc;

	if (fd < 0)
		return no(e, path, "no socket");
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	if (rc && errno == EADDRINUSE && may_replace(&a, l->incoming) && !unlink(path))
		rc = bind(fd, (struct sockaddr *)&a, sizeof(a));
	if (rc || chmod(path, 0600) || listen(fd, 8) || lstat(path, &st)) {
		rc = no(e, path, "cannot listen");
		close(fd);
		return rc;
	}
	s->path = strdup(path);
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	l->nsockets += s->path != NULL;
	return launch_add(l, role, fd, e);
}

/* Both ends are kept open, so that programs may come and go at the other one. */
static int open_pty(struct launch *l, const char *role, struct refhv_error *e)
{
	int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), tty = -1, rc;
	struct termios raw;
	char name[64], tty_role[32];

	if (fd >= 0 && !grantpt(fd) && !unlockpt(fd) && !ptsname_r(fd, name, sizeof(name)))
		tty = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (tty < 0 || tcgetattr(tty, &raw)) {
		rc = no(e, "/dev/ptmx", "no pseudo-terminal");
		if (fd >= 0)
			close(fd);
		if (tty >= 0)
			close(tty);
		return rc;
	}
	cfmakeraw(&raw);
	tcsetattr(tty, TCSANOW, &raw);
	json_object_set_new(json_object_get(l->msg, "ttys"), role, json_string(name));
	snprintf(tty_role, sizeof(tty_role), "%s-tty", role);
	rc = launch_add(l, tty_role, tty, e);
	if (rc)
		close(fd);
	return rc ? rc : launch_add(l, role, fd, e);
}

int launch_open_channels(struct launch *l, const struct refhv_config *c, struct refhv_error *e)
{
	char role[24];
	int rc = 0;

	json_object_set_new(l->msg, "ttys", json_object());
	for (unsigned i = 0; i < c->nchannels && !rc; i++) {
		const struct config_channel *ch = &c->channel[i];

		snprintf(role, sizeof(role), "console%u", c->consoles + i);
		rc = ch->connection == CONFIG_CHANNEL_PTY ? open_pty(l, role, e)
							  : open_socket(l, ch->path, role, e);
	}
	return rc;
}

void launch_remove_sockets(struct launch *l)
{
	struct stat st;

	for (unsigned i = 0; i < l->nsockets; i++)
		if (!lstat(l->socket[i].path, &st) && st.st_dev == l->socket[i].dev &&
		    st.st_ino == l->socket[i].ino)
			unlink(l->socket[i].path);
}
