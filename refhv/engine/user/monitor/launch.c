/*
 * launch.c: the guest process comes to life
 *
 * The child shares our memory until it executes the stub, so it runs only plain system calls. The
 * stub does the slow part (namespaces, threads, lockdown) on its own while the caller builds the
 * domain; wait() meets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pv/abi/errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "monitor.h"

#define CHILD_STACK 16384u

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* Of the descriptors that the child gets, by their number there. */
struct passed {
	int from, to;
};

struct child {
	struct passed fd[UE_FD_STUB];
	unsigned nr_fds;
	sigset_t mask;
};

/* In the child, on borrowed memory: see spawn.S. */
__attribute__((no_sanitize("thread", "address", "undefined"), no_stack_protector,
	       noreturn)) static int
child_main(void *arg)
{
	struct child *c = arg;
	char *none[] = {NULL};

	/* Out of the way first: a source may have the number of a target. */
	for (unsigned i = 0; i < c->nr_fds; i++) {
		c->fd[i].from = (int)syscall(SYS_fcntl, c->fd[i].from, F_DUPFD, UE_FD_STUB + 1);
		if (c->fd[i].from < 0)
			syscall(SYS_exit, 2);
	}
	for (unsigned i = 0; i < c->nr_fds; i++)
		if (syscall(SYS_dup2, c->fd[i].from, c->fd[i].to) < 0)
			syscall(SYS_exit, 3);
	for (int i = 0; i < 3; i++)
		syscall(SYS_close, i);
	if (syscall(SYS_close_range, UE_FD_STUB + 1, ~0u, 0))
		syscall(SYS_exit, 4);
	syscall(SYS_fcntl, UE_FD_STUB, F_SETFD, FD_CLOEXEC);
	syscall(SYS_execveat, UE_FD_STUB, "", none, none, AT_EMPTY_PATH);
	for (;;)
		syscall(SYS_exit, 5);
}

static int stub_file(void)
{
	size_t size = (size_t)(ue_stub_image_end - ue_stub_image);
	int fd = memfd_create("refhv-guest", MFD_CLOEXEC | MFD_EXEC);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("refhv-guest", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, ue_stub_image, size) != (ssize_t)size) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void pass(struct child *c, int from, int to)
{
	c->fd[c->nr_fds++] = (struct passed){from, to};
}

int ue_launch(struct engine *e, char *why, size_t size)
{
	struct child c = {.nr_fds = 0};
	int pair[2] = {-1, -1}, stub = stub_file(), ret = 0;
	char *stack = malloc(CHILD_STACK);
	sigset_t all;

	if (stub < 0 || !stack || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		snprintf(why, size, "cannot prepare the guest process: %s", strerror(errno));
		ret = -PV_ENOMEM;
		goto out;
	}
	pass(&c, e->config.ram_fd, UE_FD_RAM);
	for (unsigned i = 0; i < ENGINE_KICK_FDS; i++)
		pass(&c, e->kick[i], UE_FD_KICK + (int)i);
	pass(&c, e->ctl_fd, UE_FD_CTL);
	pass(&c, pair[1], UE_FD_SOCK);
	pass(&c, stub, UE_FD_STUB);

	/* A handler must not run in the child, which is still us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &c.mask);
	e->pid = ue_spawn(child_main, &c, stack + CHILD_STACK);
	pthread_sigmask(SIG_SETMASK, &c.mask, NULL);
	if (e->pid < 0) {
		snprintf(why, size, "cannot start the guest process: %s", strerror(-e->pid));
		ret = -PV_EAGAIN;
		goto out;
	}
	e->sock = pair[0];
	pair[0] = -1;
	e->pidfd = (int)syscall(SYS_pidfd_open, e->pid, 0);
	if (e->pidfd < 0) {
		snprintf(why, size, "cannot watch the guest process: %s", strerror(errno));
		ret = -PV_ENOSYS;
	}
out:
	if (stub >= 0)
		close(stub);
	if (pair[0] >= 0)
		close(pair[0]);
	if (pair[1] >= 0)
		close(pair[1]);
	free(stack);
	return ret;
}

static const char *stage_name(uint32_t stage)
{
	switch (stage) {
	case UE_STAGE_MAP: return "mapping guest memory";
	case UE_STAGE_PARENT: return "looking for its parent";
	case UE_STAGE_SIGNALS: return "setting up signals";
	case UE_STAGE_THREADS: return "creating vCPU threads";
	case UE_STAGE_UNMAP: return "unmapping what it does not need";
	default: return "starting";
	}
}

/* The one message, with up to two descriptors. */
static int receive(struct engine *e, struct ue_hello *h)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {h, sizeof(*h)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cmsghdr *cm;

	if (recvmsg(e->sock, &msg, MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(*h))
		return -PV_EIO;
	cm = CMSG_FIRSTHDR(&msg);
	if (h->fds == 3 && cm && cm->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
		memcpy(&e->pagemap, CMSG_DATA(cm), sizeof(int));
		memcpy(&e->uffd, CMSG_DATA(cm) + sizeof(int), sizeof(int));
		e->caps |= ENGINE_CAP_DIRTY_UFFD;
	}
	return 0;
}

static int describe_death(struct engine *e, char *why, size_t size)
{
	siginfo_t si;

	memset(&si, 0, sizeof(si));
	if (waitid(P_PID, (id_t)e->pid, &si, WEXITED | WNOHANG | WNOWAIT) || !si.si_pid)
		snprintf(why, size, "the guest process does not answer");
	else if (si.si_code == CLD_EXITED && si.si_status == 5)
		snprintf(why, size,
			 "the stub cannot be executed: memory files must be executable (see sysctl "
			 "vm.memfd_noexec)");
	else if (si.si_code == CLD_EXITED)
		snprintf(why, size, "the guest process ended with status %d while starting",
			 si.si_status);
	else
		snprintf(why, size,
			 "the guest process was killed by signal %d while starting (seccomp "
			 "filters refused?)",
			 si.si_status);
	return -PV_EIO;
}

int ue_wait(struct engine *e, unsigned timeout_ms, char *why, size_t size)
{
	uint64_t deadline = ue_now() + timeout_ms * 1000000ull, slice;
	struct pollfd pfd = {.fd = e->sock, .events = POLLIN};
	struct ue_hello h;
	uint32_t parked;

	if (e->waited)
		return 0;
	memset(&h, 0, sizeof(h));
	if (poll(&pfd, 1, (int)timeout_ms) <= 0 || receive(e, &h))
		return describe_death(e, why, size);
	close(e->sock);
	e->sock = -1;
	if (h.error) {
		snprintf(why, size, "the guest process failed while %s: %s", stage_name(h.stage),
			 strerror(h.error));
		return -PV_EIO;
	}
	e->caps |= h.caps & ~(ENGINE_CAP_DIRTY_UFFD | ENGINE_CAP_LDT | ENGINE_CAP_FSGSBASE |
			      ENGINE_CAP_SPIN);

	if (!(e->caps & ENGINE_CAP_DIRTY_UFFD))
		e->info->flags |= UE_WANT_MPROTECT_LOG;

	/* vCPU 0 rests only after lockdown. A process that dies there wakes nobody: look now and
	 * then. */
	while (!(parked = ue_read(&e->vcpu[0].rw->parked))) {
		siginfo_t si;

		memset(&si, 0, sizeof(si));
		if (ue_now() >= deadline ||
		    waitid(P_PID, (id_t)e->pid, &si, WEXITED | WNOHANG | WNOWAIT) || si.si_pid)
			return describe_death(e, why, size);
		slice = ue_now() + 20000000;
		ue_futex_wait(&e->vcpu[0].rw->parked, parked, slice < deadline ? slice : deadline);
	}
	for (unsigned i = 0; i < e->config.max_vcpus; i++)
		e->vcpu[i].tid = h.tid[i];
	for (unsigned i = 0; i < e->config.max_vcpus; i++) {
		if (ue_service_start(&e->vcpu[i])) {
			snprintf(why, size, "cannot create a thread for vCPU %u", i);
			return -PV_EAGAIN;
		}
	}
	e->waited = true;
	return 0;
}
