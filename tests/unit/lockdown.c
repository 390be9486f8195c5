/*
 * The domain process's own filter, from inside: each claim is a child that locks itself in and tries.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/fs.h>
#include "domain/domain.h"
#include "run.h"
#ifdef HAVE_LIBURING
#include <sys/eventfd.h>
#include "host/disk_ring.h"
#endif

static pid_t guest;

static void info(struct engine *e, struct engine_info *i)
{
	*i = (struct engine_info){.pid = guest};
}

/* The number of the first step that went wrong, 0 for none, of `steps` after the lock-in. */
static int locked_in(int (*steps)(void))
{
	static const struct engine_impl impl = {.info = info};
	static struct domain d = {.impl = &impl};
	struct refhv_error e;
	int status;
	pid_t pid = fork();

	if (!pid)
		_exit(lockdown_early(&d, &e) || lockdown(&d, &e) ? 99 : steps());
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status), "died of signal %d", WTERMSIG(status));
	return WEXITSTATUS(status);
}

static bool denied(long rc)
{
	return rc == -1 && errno == EPERM;
}

static int signal_around(void)
{
	pid_t self = getpid();

	if (kill(guest, 0) || syscall(SYS_tgkill, guest, guest, 0))
		return 1;
	if (syscall(SYS_tgkill, self, self, 0))
		return 2;
	if (!denied(kill(0, 0)) || !denied(kill(-1, 0)) || !denied(kill(-guest, 0)))
		return 3;
	if (!denied(kill(1, 0)) || !denied(kill(getpid(), 0)))
		return 4;
	if (!denied(syscall(SYS_tgkill, 1, 1, 0)) || !denied(syscall(SYS_tkill, guest, 0)))
		return 5;
	if (!denied(syscall(SYS_pidfd_send_signal, -1, 0, NULL, 0)))
		return 6;
	return 0;
}

START_TEST(signals_reach_the_guest_process_alone)
{
	int status;

	guest = fork();
	if (!guest)
		for (;;)
			pause();
	status = locked_in(signal_around);
	kill(guest, SIGKILL);
	waitpid(guest, NULL, 0);
	ck_assert_int_eq(status, 0);
}
END_TEST

static int signal_nobody(void)
{
	if (!denied(kill(0, 0)) || !denied(syscall(SYS_tgkill, 0, 1, 0)))
		return 1;
	return 0;
}

START_TEST(without_a_guest_process_no_signal_is_sent)
{
	guest = 0;
	ck_assert_int_eq(locked_in(signal_nobody), 0);
}
END_TEST

static int configure(void)
{
	struct ifreq ifr = {0};
	uint64_t size;
	int byte;

	if (fcntl(0, F_GETFL) < 0 || fcntl(0, F_SETFL, fcntl(0, F_GETFL)))
		return 1;
	if (!denied(fcntl(0, F_SETOWN, 1)) || !denied(fcntl(0, F_SETSIG, SIGKILL)))
		return 2;
	if (!denied(ioctl(0, TIOCSTI, "x")) || !denied(ioctl(0, FIONREAD, &byte)))
		return 3;
	/* Of the same type as what is allowed. */
	if (!denied(ioctl(0, BLKRRPART)) || !denied(ioctl(0, FIFREEZE, 0)))
		return 4;
	/* Let through, and then no block device. */
	if (!ioctl(0, BLKGETSIZE64, &size) || errno == EPERM)
		return 5;
	/* The same, and then no tap: a card that comes later asks whether its tap has headers. */
	if (!ioctl(0, TUNGETIFF, &ifr) || errno == EPERM)
		return 6;
	return denied(ioctl(0, TUNSETIFF, &ifr)) ? 0 : 7;
}

START_TEST(descriptors_are_asked_only_what_a_domain_needs)
{
	int fd = open("/dev/null", O_RDWR);

	ck_assert_int_eq(dup2(fd, 0), 0);
	ck_assert_int_eq(locked_in(configure), 0);
}
END_TEST

static int reach_out(void)
{
	const struct sched_param first = {1}, normal = {0};

	if (open("/dev/null", O_RDONLY) >= 0)
		return 1;
	if (!denied(socket(AF_UNIX, SOCK_STREAM, 0)))
		return 2;
	if (!denied(fork()))
		return 3;
	if (!denied(syscall(SYS_io_uring_setup, 1, NULL)) ||
	    !denied(syscall(SYS_io_uring_register, 0, 0, NULL, 0)))
		return 4;
	/* What else a disk's thread does when it begins. */
	if (!denied(sched_setscheduler(0, SCHED_FIFO, &first)) ||
	    sched_setscheduler(0, SCHED_BATCH, &normal))
		return 5;
	return 0;
}

START_TEST(nothing_new_is_opened_or_started)
{
	ck_assert_int_eq(locked_in(reach_out), 0);
}
END_TEST

#ifdef HAVE_LIBURING
static int open_rings(void)
{
	int fd[RING_FILES] = {0, eventfd(0, 0), eventfd(0, 0)};
	struct io_uring_cqe *cqe;
	struct io_uring ring;

	if (disk_ring_open(&ring, fd))
		return 1;
	io_uring_prep_openat(io_uring_get_sqe(&ring), AT_FDCWD, "/", O_RDONLY, 0);
	if (io_uring_submit_and_wait(&ring, 1) < 0 || io_uring_peek_cqe(&ring, &cqe) ||
	    cqe->res != -EACCES)
		return 2;
	if (!denied(syscall(SYS_io_uring_register, ring.ring_fd, IORING_UNREGISTER_FILES, NULL, 0)))
		return 3;
	return disk_ring_open(&ring, fd) == -EPERM ? 0 : 4;
}

START_TEST(ring_made_before_is_used_restricted_and_there_is_no_other)
{
	struct io_uring ring;

	if (io_uring_queue_init(8, &ring, IORING_SETUP_R_DISABLED) < 0)
		return;
	io_uring_queue_exit(&ring);
	disk_ring_spare(1);
	ck_assert_int_eq(locked_in(open_rings), 0);
}
END_TEST
#endif

int main(void)
{
	TCase *t = tcase_create("lockdown");

	tcase_add_test(t, signals_reach_the_guest_process_alone);
	tcase_add_test(t, without_a_guest_process_no_signal_is_sent);
	tcase_add_test(t, descriptors_are_asked_only_what_a_domain_needs);
	tcase_add_test(t, nothing_new_is_opened_or_started);
#ifdef HAVE_LIBURING
	tcase_add_test(t, ring_made_before_is_used_restricted_and_there_is_no_other);
#endif
	return run_case("lockdown", t);
}
