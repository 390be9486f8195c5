/*
 * The keeper: waits for one domain process, starts the next one when the guest reboots, removes the folder at the end.
 *
 * It holds the descriptors that every incarnation of the domain starts with. A domain process may have been taken over by its guest,
 * so what it says here counts for little: an exit status; that it has arrived, when it moves in, upon which it gets its name from us,
 * who outlive the command that received it; and which disks and cards the next incarnation has. Those are descriptors that the domain
 * has anyway, and a description that the next one checks like any other; we look into neither.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "launch/launch.h"
#include "netd/client.h"

static int role_fd(const struct launch *l, const char *role)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strcmp(json_string_value(json_array_get(l->roles, i)), role))
			return l->fd[i];
	return -1;
}

/*
 * Closes every descriptor above `above` that is not in keep[n]: what the caller had open is its own, and a pipe or a
 * lock must not stay held for as long as a domain lives.
 */
static void close_others(int above, const int *keep, unsigned n)
{
	for (;;) {
		int next = INT_MAX;

		for (unsigned i = 0; i < n; i++)
			if (keep[i] > above && keep[i] < next)
				next = keep[i];
		if (next - above > 1)
			close_range((unsigned)above + 1, (unsigned)next - (next < INT_MAX), 0);
		if (next == INT_MAX)
			return;
		above = next;
	}
}

static void close_callers(const struct launch *l, int exe)
{
	int keep[FDMSG_MAX_FDS + 4];

	memcpy(keep, l->fd, l->n * sizeof(int));
	keep[l->n] = exe;
	keep[l->n + 1] = l->rundir->fd;
	keep[l->n + 2] = l->claim.dir_fd;
	keep[l->n + 3] = l->claim.lock_fd;
	close_others(STDERR_FILENO, keep, l->n + 4);
}

static void drop(struct launch *l, unsigned i)
{
	close(l->fd[i]);
	json_array_remove(l->roles, i);
	memmove(&l->fd[i], &l->fd[i + 1], (--l->n - i) * sizeof(int));
}

/* What a domain comes from is read once: a later incarnation boots. */
static void forget_stream(struct launch *l)
{
	for (unsigned i = 0; i < l->n; i++) {
		if (strcmp(json_string_value(json_array_get(l->roles, i)), "stream"))
			continue;
		drop(l, i);
		return;
	}
}

/* A domain must outlive the terminal and the session that started it. */
static void detach(const struct launch *l, int exe)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), log = role_fd(l, "refhv-log");

	setsid();
	if (chdir("/"))
		_exit(DOMAIN_NOT_STARTED);
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
	prctl(PR_SET_NAME, "refhv-keeper");
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	dup2(null, 0);
	dup2(null, 1);
	dup2(log >= 0 ? log : null, 2);
	close(null);
	close_callers(l, exe);
}

static void execute(struct launch *l, int exe, int sock)
{
	char *const argv[] = {"refhv", DOMAIN_PROCESS_WORD, l->name, NULL};

	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (sock == DOMAIN_LAUNCH_FD)
		fcntl(sock, F_SETFD, 0);
	else if (dup2(sock, DOMAIN_LAUNCH_FD) < 0)
		_exit(DOMAIN_NOT_STARTED);
	close_others(DOMAIN_LAUNCH_FD, &exe, 1);
	fexecve(exe, argv, environ);
	fprintf(stderr, "refhv: cannot execute the domain process: %s\n", strerror(errno));
	_exit(DOMAIN_NOT_STARTED);
}

/* From now on it is a domain like any other, under its own name. */
static void arrived(struct launch *l)
{
	struct refhv_error e;

	l->incoming = false;
	if (!strcmp(l->claim.name, l->name))
		return;
	if (rundir_succeed(l->rundir, l->claim.name, l->name, &e))
		fprintf(stderr, "refhv: %s keeps the name %s: %s\n", l->name, l->claim.name,
			e.what);
	else
		snprintf(l->claim.name, sizeof(l->claim.name), "%s", l->name);
}

enum { KEEP_FDS = 16 };

static bool is_device(const char *role)
{
	return role &&
	       (!strncmp(role, "disk", 4) || !strncmp(role, "vif", 3) || !strncmp(role, "netd", 4));
}

/* A device was taken away, or takes the place of one that was. */
static void drop_role(struct launch *l, const char *role)
{
	for (unsigned i = 0; is_device(role) && i < l->n; i++)
		if (!strcmp(json_string_value(json_array_get(l->roles, i)), role))
			drop(l, i--);
}

static void devices_changed(struct launch *l, const json_t *msg, int *fd, unsigned n)
{
	const json_t *attached = json_object_get(msg, "attached");
	const json_t *roles = attached ? attached : json_object_get(msg, "detached");

	for (size_t i = 0; i < json_array_size(roles); i++) {
		const char *role = json_string_value(json_array_get(roles, i));

		drop_role(l, role);
		if (!attached || i >= n || !is_device(role) || l->n == FDMSG_MAX_FDS)
			continue;
		l->fd[l->n++] = fd[i];
		json_array_append_new(l->roles, json_string(role));
		fd[i] = -1;
	}
	if (!json_is_object(json_object_get(msg, "config")))
		return;
	json_object_set(l->msg, "config", json_object_get(msg, "config"));
	json_object_set(l->msg, "links", json_object_get(msg, "links"));
}

/* Until the domain process ends. */
static void listen_to(struct launch *l, int sock)
{
	int fd[KEEP_FDS];
	json_t *msg, *name;
	unsigned n;

	while (!fdmsg_recv(sock, &msg, fd, KEEP_FDS, &n)) {
		if (json_object_get(msg, "arrived")) {
			arrived(l);
			name = json_pack("{s:s}", "name", l->claim.name);
			fdmsg_send(sock, name, NULL, 0);
			json_decref(name);
		} else {
			devices_changed(l, msg, fd, n);
		}
		json_decref(msg);
		while (n)
			if (fd[--n] >= 0)
				close(fd[n]);
	}
}

/* One incarnation: its wait status. */
static int incarnate(struct launch *l, int exe)
{
	struct refhv_error ignored;
	int pair[2], status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -1;
	pid = fork();
	if (!pid)
		execute(l, exe, pair[1]);
	close(pair[1]);
	if (pid < 0 || fdmsg_send(pair[0], l->msg, l->fd, l->n))
		fprintf(stderr, "refhv: cannot start the domain process: %s\n", strerror(errno));
	forget_stream(l);
	if (pid > 0) {
		rundir_claim_pid(&l->claim, l->uuid, pid, &ignored);
		listen_to(l, pair[0]);
	}
	close(pair[0]);
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

/* However the domain ended: nobody is left to speak to its network, and its ports are free when its folder is gone. */
static void end_networking(struct launch *l)
{
	for (unsigned i = 0; i < l->n; i++)
		if (!strncmp(json_string_value(json_array_get(l->roles, i)), "netd", 4))
			netd_quit(l->fd[i]);
}

static void report_death(struct launch *l, int status)
{
	char what[96];
	json_t *msg;

	if (status != -1 && WIFSIGNALED(status))
		snprintf(what, sizeof(what), "the domain process died of signal %d (%s)",
			 WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(what, sizeof(what), "the domain process died");
	fprintf(stderr, "refhv: %s\n", what);
	msg = json_pack("{s:{s:s, s:s}}", "ended", "reason", "died", "what", what);
	fdmsg_send(role_fd(l, "report"), msg, NULL, 0);
	json_decref(msg);
}

void launch_keep(struct launch *l)
{
	struct timespec born, now;
	int exe = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), status, code;

	/* Out of the way of the descriptor that the domain process finds its message on. */
	if (exe >= 0 && exe <= DOMAIN_LAUNCH_FD)
		exe = fcntl(exe, F_DUPFD_CLOEXEC, DOMAIN_LAUNCH_FD + 1);
	detach(l, exe);
	for (;;) {
		clock_gettime(CLOCK_MONOTONIC, &born);
		status = incarnate(l, exe);
		if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status) != DOMAIN_RESTART)
			break;
		clock_gettime(CLOCK_MONOTONIC, &now);
		/* A guest that reboots as soon as it starts must not busy the machine. */
		if (now.tv_sec - born.tv_sec < 1)
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
		json_object_set_new(l->msg, "mode", json_string("boot"));
		json_object_set_new(l->msg, "paused", json_false());
	}
	code = status == -1 || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
	if (code != DOMAIN_MOVED && !l->incoming)
		end_networking(l);
	launch_remove_sockets(l);
	rundir_release(l->rundir, &l->claim, true);
	if (code != DOMAIN_ENDED && code != DOMAIN_MOVED && code != DOMAIN_NOT_STARTED)
		report_death(l, status);
	_exit(0);
}
