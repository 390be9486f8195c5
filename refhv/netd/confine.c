/*
 * What refhv-netd gives up once it is set up: files, further programs, capabilities, and every system call that
 * libslirp does not need. It keeps the network: opening connections for a guest is its task.
 *
 * Namespaces are best effort (they may be forbidden in a container); the filter and the limits are not.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "netd/netd.h"

#define NOBODY 65534

static void limit(int what, rlim_t value)
{
	struct rlimit r = {value, value};

	setrlimit(what, &r);
}

static void allow(scmp_filter_ctx f, const char *name)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr >= 0 && seccomp_rule_add(f, SCMP_ACT_ALLOW, nr, 0))
		netd_fail(EINVAL, "seccomp: %s", name);
}

static void filter_janitor(void)
{
	static const char *const calls[] = {"read",  "unlink",	   "newfstatat",  "stat",
					    "lstat", "exit_group", "rt_sigreturn"};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);

	for (unsigned i = 0; f && i < sizeof(calls) / sizeof(calls[0]); i++)
		allow(f, calls[i]);
	if (!f || seccomp_load(f))
		_exit(1);
}

static void filter(void)
{
	static const char *const calls[] = {
		/* The pair, the control socket, and what the guest asks of the network. */
		"read",
		"write",
		"readv",
		"writev",
		"recvfrom",
		"recvmsg",
		"recvmmsg",
		"sendto",
		"sendmsg",
		"sendmmsg",
		"socket",
		"bind",
		"connect",
		"listen",
		"accept",
		"accept4",
		"getsockname",
		"getpeername",
		"setsockopt",
		"getsockopt",
		"shutdown",
		"close",
		"poll",
		"ppoll",
		"fcntl",
		/* libc and glib. */
		"brk",
		"munmap",
		"mremap",
		"madvise",
		"futex",
		"getrandom",
		"getpid",
		"gettid",
		"getuid",
		"geteuid",
		"clock_gettime",
		"clock_nanosleep",
		"gettimeofday",
		"time",
		"restart_syscall",
		"rt_sigreturn",
		"rt_sigprocmask",
		"exit",
		"exit_group",
		"fstat",
		"stat",
		"newfstatat",
		"lseek",
	};
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int rc = 0;

	if (!f)
		netd_fail(ENOMEM, "seccomp: no memory");
	for (unsigned i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		allow(f, calls[i]);
	/* resolv.conf is read again when it changes; nothing is ever written. */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, O_RDONLY));
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
			       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			       SCMP_A1(SCMP_CMP_EQ, 0x5421)); /* FIONBIO */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
			       SCMP_A1(SCMP_CMP_EQ, 0x541b)); /* FIONREAD */
	if (rc)
		netd_fail(EINVAL, "seccomp: %s", strerror(-rc));
	rc = seccomp_load(f);
	if (rc)
		netd_fail(-rc, "seccomp: %s", strerror(-rc));
	seccomp_release(f);
}

void confine_leave_janitor(struct netd *n)
{
	const char *path = n->socket_path;
	struct stat ours, now;
	int lifeline[2];
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, lifeline) || lstat(path, &ours))
		netd_fail(errno, "%s: %s", path, strerror(errno));
	if (fork()) {
		/* Our end stays open until we end, however we end. */
		close(lifeline[0]);
		n->janitor = lifeline[1];
		return;
	}
	if (dup2(lifeline[0], 0) < 0)
		_exit(1);
	close_range(1, ~0u, 0);
	limit(RLIMIT_CORE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	filter_janitor();
	while (read(0, &byte, 1) < 0 && errno == EINTR)
		;
	/* A successor may have put its own socket there. */
	if (!lstat(path, &now) && now.st_ino == ours.st_ino && now.st_dev == ours.st_dev)
		unlink(path);
	_exit(0);
}

void confine_call_janitor(struct netd *n)
{
	char byte;

	shutdown(n->janitor, SHUT_WR);
	/* Its end closes when it has ended. */
	while (read(n->janitor, &byte, 1) < 0 && errno == EINTR)
		;
}

static void write_file(const char *path, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT, 0444);

	if (fd < 0)
		return;
	if (write(fd, text, len) != (ssize_t)len)
		unlink(path);
	close(fd);
}

/* An empty root with a copy of resolv.conf, which libslirp reads for the guest's name server. */
static void hide_files(void)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();
	char resolv[4096], map[64];
	ssize_t len = 0;
	int fd = open("/etc/resolv.conf", O_RDONLY | O_CLOEXEC);

	if (fd >= 0) {
		len = read(fd, resolv, sizeof(resolv));
		close(fd);
	}
	if (unshare(uid ? CLONE_NEWUSER | CLONE_NEWNS : CLONE_NEWNS))
		return;
	if (uid) {
		write_file("/proc/self/setgroups", "deny", 4);
		write_file("/proc/self/uid_map", map,
			   (size_t)snprintf(map, sizeof(map), "%u %u 1", uid, uid));
		write_file("/proc/self/gid_map", map,
			   (size_t)snprintf(map, sizeof(map), "%u %u 1", gid, gid));
	}
	/* Any folder will do as the place of the new root: it is seen by nobody else. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", "/proc", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  "size=64k,mode=755") ||
	    chdir("/proc"))
		return;
	mkdir("etc", 0755);
	if (len > 0)
		write_file("etc/resolv.conf", resolv, (size_t)len);
	if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/"))
		return;
	mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC,
	      NULL);
}

void confine(struct netd *n)
{
	(void)n;
	hide_files();
	/* Ports are bound: a daemon that root started needs nothing of root any more. */
	if (!geteuid() && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			   setresuid(NOBODY, NOBODY, NOBODY)))
		netd_fail(errno, "setresuid: %s", strerror(errno));
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, NETD_POLL_MAX / 2);
	limit(RLIMIT_FSIZE, 1 << 20); /* the log */
	limit(RLIMIT_NPROC, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		netd_fail(errno, "no_new_privs: %s", strerror(errno));
	filter();
}
