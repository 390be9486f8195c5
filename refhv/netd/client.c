/* The client side of refhv-netd: see client.h. What the daemon answers is parsed with bounds. */
#include "netd/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef NETD_LIBEXECDIR
#define NETD_LIBEXECDIR "/usr/local/libexec"
#endif

#define PATIENCE  5000 /* milliseconds */
#define REPORT_FD 3
#define MESSAGE	  4096

static int complain(char *err, int rc, const char *what, const char *path)
{
	snprintf(err, NETD_ERR_SIZE, "user networking: %s%s%.120s: %s", what, path ? " " : "",
		 path ? path : "", strerror(-rc));
	return rc;
}

/* FOLDER/NAME goes into path when it fits; 0 when it is a program. */
static int place(char *path, size_t size, const char *folder, const char *name)
{
	char full[PATH_MAX];
	int n = snprintf(full, sizeof(full), "%s/%s", folder, name);

	if (n < 0 || (size_t)n >= sizeof(full) || (size_t)n >= size) {
		*path = 0;
		return -ENAMETOOLONG;
	}
	memcpy(path, full, (size_t)n + 1);
	return access(full, X_OK) ? -errno : 0;
}

int netd_program(char *path, size_t size)
{
	const char *folder = getenv("REFHV_LIBEXEC");
	char self[PATH_MAX];
	ssize_t n;

	if (folder)
		return place(path, size, folder, "refhv-netd");
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n > 0) {
		self[n] = 0;
		*strrchr(self, '/') = 0;
		if (!place(path, size, self, "refhv-netd") ||
		    !place(path, size, self, "netd/refhv-netd"))
			return 0;
	}
	return place(path, size, NETD_LIBEXECDIR, "refhv-netd");
}

/* The daemon's command line. It lives on the stack of netd_start(), which waits for the exec. */
struct command {
	char *argv[13 + 2 * NETD_FORWARDS_MAX];
	char mtu[16], grace[16], report[16];
	char forwards[NETD_FORWARDS_MAX][80];
};

static void build(struct command *c, const struct netd_config *config, const char *program)
{
	unsigned n = 0;

	snprintf(c->mtu, sizeof(c->mtu), "%u", config->mtu ? config->mtu : NETD_MTU_DEFAULT);
	snprintf(c->grace, sizeof(c->grace), "%u",
		 config->grace ? config->grace : NETD_GRACE_DEFAULT);
	snprintf(c->report, sizeof(c->report), "%d", REPORT_FD);
	c->argv[n++] = (char *)(uintptr_t)program;
	c->argv[n++] = (char *)(uintptr_t) "--socket";
	c->argv[n++] = (char *)(uintptr_t)config->socket_path;
	c->argv[n++] = (char *)(uintptr_t) "--mtu";
	c->argv[n++] = c->mtu;
	c->argv[n++] = (char *)(uintptr_t) "--grace";
	c->argv[n++] = c->grace;
	c->argv[n++] = (char *)(uintptr_t) "--report";
	c->argv[n++] = c->report;
	if (config->vnet)
		c->argv[n++] = (char *)(uintptr_t) "--vnet";
	for (unsigned i = 0; i < config->n_forwards; i++) {
		netd_forward_format(&config->forwards[i], c->forwards[i], sizeof(c->forwards[i]));
		c->argv[n++] = (char *)(uintptr_t) "--forward";
		c->argv[n++] = c->forwards[i];
	}
	c->argv[n] = NULL;
}

/* In the child: leave the session, become nobody's child, and exec with nothing but the report pipe. */
static _Noreturn void become(struct command *c, const char *log_path, int report)
{
	int null = open("/dev/null", O_RDWR), log = -1;
	sigset_t none;

	setsid();
	if (fork())
		_exit(0);
	if (log_path)
		log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, 0600);
	/* dup2 onto REPORT_FD last: any of the others may stand there. */
	report = fcntl(report, F_DUPFD, 10);
	dup2(null, 0);
	dup2(null, 1);
	dup2(log >= 0 ? log : null, 2);
	dup2(report, REPORT_FD);
	close_range(REPORT_FD + 1, ~0u, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execv(c->argv[0], c->argv);
	dprintf(REPORT_FD, "error %d %s: %s\n", errno, c->argv[0], strerror(errno));
	_exit(127);
}

/* "ok", or "error ERRNO text", until the end of the pipe. */
static int read_report(int fd, char err[NETD_ERR_SIZE])
{
	char text[NETD_ERR_SIZE + 32];
	size_t len = 0;
	int rc, at = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, PATIENCE) <= 0)
			return complain(err, -ETIMEDOUT, "refhv-netd does not answer", NULL);
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0 || (len += (size_t)n) == sizeof(text) - 1)
			break;
	}
	text[len] = 0;
	text[strcspn(text, "\n")] = 0;
	if (!strcmp(text, "ok"))
		return 0;
	if (sscanf(text, "error %d %n", &rc, &at) < 1 || !at || rc <= 0)
		return complain(err, -EPIPE, "refhv-netd ended without a word", NULL);
	snprintf(err, NETD_ERR_SIZE, "user networking: %s", text + at);
	return -rc;
}

int netd_start(const struct netd_config *config, char err[NETD_ERR_SIZE])
{
	char found[4096];
	const char *program = config->program;
	struct command command;
	int report[2], status, rc;
	pid_t pid;

	*err = 0;
	if (config->n_forwards > NETD_FORWARDS_MAX)
		return complain(err, -E2BIG, "too many forwards", NULL);
	if (!program) {
		rc = netd_program(found, sizeof(found));
		if (rc)
			return complain(
				err, rc,
				"the program refhv-netd was not found (is libslirp missing?),",
				found);
		program = found;
	}
	build(&command, config, program);
	if (pipe2(report, O_CLOEXEC))
		return complain(err, -errno, "pipe", NULL);
	pid = fork();
	if (pid == 0)
		become(&command, config->log_path, report[1]);
	close(report[1]);
	if (pid < 0) {
		rc = complain(err, -errno, "fork", NULL);
	} else {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		rc = read_report(report[0], err);
	}
	close(report[0]);
	return rc;
}

/* One request, one answer; a descriptor may come with it. The length of the answer, which is terminated. */
static int ask(int control, const char *request, char *answer, size_t size, int *passed)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} ancillary;
	struct iovec iov = {answer, size - 1};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = &ancillary,
			   .msg_controllen = sizeof(ancillary)};
	struct pollfd p = {.fd = control, .events = POLLIN};
	struct cmsghdr *c;
	ssize_t n;
	int fd = -1, rc;

	if (send(control, request, strlen(request), MSG_NOSIGNAL) < 0)
		return -errno;
	rc = poll(&p, 1, PATIENCE);
	if (rc <= 0)
		return rc ? -errno : -ETIMEDOUT;
	n = recvmsg(control, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&m);
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
	    c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	answer[n] = 0;
	if (passed)
		*passed = fd;
	else if (fd >= 0)
		close(fd);
	if (!n)
		return -EPIPE;
	if (sscanf(answer, "error %d", &rc) == 1 && rc > 0)
		return -rc;
	return strncmp(answer, "ok", 2) ? -EPROTO : (int)n;
}

static int reach(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval patience = {.tv_sec = PATIENCE / 1000};
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd, rc;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	if (peer.uid != geteuid() && peer.uid != 0) {
		close(fd);
		return -EPERM;
	}
	return fd;
}

int netd_attach(const char *path, struct netd_link *link, char err[NETD_ERR_SIZE])
{
	char answer[MESSAGE];
	int rc;

	*link = (struct netd_link){.control = -1, .frames = -1};
	link->control = reach(path);
	if (link->control < 0)
		return complain(err, link->control, "no daemon at", path);
	rc = ask(link->control, "attach vnet", answer, sizeof(answer), &link->frames);
	link->vnet = rc > 0;
	if (rc == -EINVAL)
		rc = ask(link->control, "attach", answer, sizeof(answer), &link->frames);
	if (rc > 0 && (link->frames < 0 || sscanf(answer, "ok %u", &link->mtu) != 1 ||
		       link->mtu < NETD_MTU_MIN || link->mtu > NETD_MTU_MAX))
		rc = -EPROTO;
	if (rc > 0)
		return 0;
	if (link->frames >= 0)
		close(link->frames);
	close(link->control);
	*link = (struct netd_link){.control = -1, .frames = -1};
	return complain(err, rc, "the daemon refused at", path);
}

int netd_hold(int control, unsigned seconds)
{
	char answer[MESSAGE], request[32];
	int rc;

	snprintf(request, sizeof(request), "hold %u", seconds);
	rc = ask(control, request, answer, sizeof(answer), NULL);
	return rc < 0 ? rc : 0;
}

int netd_quit(int control)
{
	char answer[MESSAGE];
	int rc = ask(control, "quit", answer, sizeof(answer), NULL);

	return rc < 0 ? rc : 0;
}

int netd_forwards(int control, struct netd_forward *forwards, unsigned max)
{
	char answer[MESSAGE], err[NETD_ERR_SIZE], *at, *next;
	int rc = ask(control, "forwards", answer, sizeof(answer), NULL), n = 0;

	if (rc < 0)
		return rc;
	at = answer;
	strsep(&at, "\n");
	while ((next = strsep(&at, "\n")) && *next) {
		struct netd_forward f;

		if (netd_forward_parse(next, &f, err))
			return -EPROTO;
		if ((unsigned)n < max)
			forwards[n] = f;
		n++;
	}
	return n;
}
