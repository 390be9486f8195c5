/*
 * The domain process locks itself in.
 *
 * At the very beginning: who is root becomes a user that owns nothing; the guest process is then that user's, too, or it could not be
 * signalled. Next, before any I/O thread exists, so that all of them inherit it: no capabilities, limits, and (where the kernel has Landlock) no
 * file system at all. Last, for all threads at once: a seccomp filter that allows what an I/O loop needs. No path is opened and no
 * process started from then on; memory never becomes executable. What is not allowed fails with EPERM, which the code
 * that meets it treats like any other error.
 *
 * Signals go to the guest process alone (and to this one, by abort()). Descriptors are told nothing that would send one: of fcntl the
 * flags are allowed, and one more number for what is there already. Of ioctl, the dirty log's requests, what is asked of a block device, what runs the virtual CPUs, and what a tap is told when a frontend
 * connects: which offloads it takes, which queues it reads. No ring of io_uring is made: disks that are attached later get one that was made and restricted before.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/io_uring.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stddef.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "domain/domain.h"
#include "engine/kvm/ioctls.h"
#include "engine/user/kernel.h"

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ull << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ull << 14)
#endif

enum {
	ALL_FS_V1 = (1 << 13) - 1,
	EMPTY_PATH = 0x1000,
	THREAD = 0x00010000,
	SET_NAME = PR_SET_NAME,
	FIRST_UID = 2000000000,
	NOBODY = 65534
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_readv,
	SYS_writev,
	SYS_pread64,
	SYS_pwrite64,
	SYS_preadv,
	SYS_pwritev,
	SYS_preadv2,
	SYS_pwritev2,
	SYS_recvmsg,
	SYS_recvfrom,
	SYS_sendmsg,
	SYS_sendto,
	SYS_recvmmsg,
	SYS_sendmmsg,
	SYS_accept4,
	SYS_shutdown,
	SYS_close,
	SYS_poll,
	SYS_ppoll,
	SYS_epoll_wait,
	SYS_epoll_pwait,
	SYS_epoll_ctl,
	/* libev makes its set anew when an event comes for a descriptor that was closed meanwhile. */
	SYS_epoll_create,
	SYS_epoll_create1,
	SYS_eventfd2,
	SYS_futex,
	SYS_munmap,
	SYS_madvise,
	SYS_mremap,
	SYS_brk,
	SYS_rt_sigreturn,
	SYS_rt_sigprocmask,
	SYS_rt_sigaction,
	SYS_sigaltstack,
	SYS_waitid,
	SYS_wait4,
	SYS_sched_setaffinity,
	SYS_sched_getaffinity,
	SYS_sched_yield,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_nanosleep,
	SYS_clock_getres,
	SYS_gettimeofday,
	SYS_getcpu,
	SYS_getpid,
	SYS_gettid,
	SYS_exit,
	SYS_exit_group,
	SYS_fstat,
	SYS_lseek,
	SYS_ftruncate,
	SYS_fallocate,
	SYS_fsync,
	SYS_fdatasync,
	SYS_sync_file_range,
	SYS_getrandom,
	SYS_restart_syscall,
	SYS_set_robust_list,
	SYS_rseq,
	SYS_io_uring_enter,
	SYS_timerfd_settime,
	SYS_membarrier,
	SYS_getsockopt,
	SYS_setsockopt,
	SYS_pause,
};

struct program {
	struct sock_filter code[2 * COUNT(allowed) + 160];
	unsigned short n;
};

static void emit(struct program *p, unsigned short code, unsigned char jt, unsigned char jf,
		 uint32_t k)
{
	p->code[p->n++] = (struct sock_filter){code, jt, jf, k};
}

#define LOAD(p, field)	  emit(p, BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, field))
#define RETURN(p, action) emit(p, BPF_RET | BPF_K, 0, 0, action)
#define DENY		  (SECCOMP_RET_ERRNO | EPERM)

/* `nr` is allowed if (low word of argument `arg` & mask) == value, or with `unless`, if it is not. */
static void allow_if(struct program *p, int nr, unsigned arg, uint32_t mask, uint32_t value,
		     bool unless)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 5, (uint32_t)nr);
	LOAD(p, args[arg]);
	emit(p, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, unless, !unless, value);
	RETURN(p, SECCOMP_RET_ALLOW);
	RETURN(p, DENY);
}

/* `nr` is allowed if the low word of argument `arg`, which is all that the kernel looks at, is one of value[n]. */
static void allow_one_of(struct program *p, int nr, unsigned arg, const uint32_t *value, unsigned n)
{
	emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, (unsigned char)(2 * n + 2), (uint32_t)nr);
	LOAD(p, args[arg]);
	for (unsigned i = 0; i < n; i++) {
		emit(p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, value[i]);
		RETURN(p, SECCOMP_RET_ALLOW);
	}
	RETURN(p, DENY);
}

/* `guest` is the guest process, 0 if there is none; kvm: there are virtual CPUs instead. */
static int filter_all_threads(pid_t guest, bool kvm)
{
	static const uint32_t kvm_ioctls[] = {KVM_ENGINE_VCPU_IOCTLS, KVM_ENGINE_VM_IOCTLS};
	static const uint32_t ioctls[] = {UFFDIO_REGISTER, UFFDIO_UNREGISTER, UE_PAGEMAP_SCAN,
					  BLKGETSIZE64,	   BLKSSZGET,	      BLKPBSZGET,
					  TUNSETOFFLOAD,   TUNSETQUEUE,	      TUNGETIFF};
	static const uint32_t fcntls[] = {F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC};
	static const uint32_t ring_steps[] = {IORING_REGISTER_FILES, IORING_REGISTER_ENABLE_RINGS};
	/* 0 and negative numbers would be groups of processes. */
	const uint32_t ours[] = {(uint32_t)getpid(), (uint32_t)guest};
	unsigned guests = guest > 0;
	uint32_t all[COUNT(ioctls) + COUNT(kvm_ioctls)];
	static struct program p;
	struct sock_fprog prog = {.filter = p.code};

	memcpy(all, ioctls, sizeof(ioctls));
	memcpy(all + COUNT(ioctls), kvm_ioctls, sizeof(kvm_ioctls));
	p.n = 0;
	LOAD(&p, arch);
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, AUDIT_ARCH_X86_64);
	RETURN(&p, SECCOMP_RET_KILL_PROCESS);
	/* x32 numbers have bit 30 set and match nothing below. */
	LOAD(&p, nr);
	/* The thread of a virtual CPU hardly asks for anything else: it comes first. */
	allow_one_of(&p, SYS_ioctl, 1, all, kvm ? COUNT(all) : COUNT(ioctls));
	for (unsigned i = 0; i < COUNT(allowed); i++) {
		emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (uint32_t)allowed[i]);
		RETURN(&p, SECCOMP_RET_ALLOW);
	}
	allow_if(&p, SYS_mmap, 2, PROT_EXEC, 0, false);
	allow_if(&p, SYS_mprotect, 2, PROT_EXEC, 0, false);
	allow_if(&p, SYS_newfstatat, 3, EMPTY_PATH, EMPTY_PATH, false);
	allow_if(&p, SYS_clone, 0, THREAD, THREAD, false);
	allow_if(&p, SYS_prctl, 0, UINT32_MAX, SET_NAME, false);
	/* Its flags lie in memory, which a filter cannot see; the C library falls back to clone. */
	emit(&p, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_clone3);
	RETURN(&p, SECCOMP_RET_ERRNO | ENOSYS);
	/* A ring that was made and restricted before gets its descriptors and its thread; which is for batches. */
	allow_one_of(&p, SYS_io_uring_register, 1, ring_steps, COUNT(ring_steps));
	allow_if(&p, SYS_sched_setscheduler, 1, UINT32_MAX, SCHED_BATCH, false);
	allow_one_of(&p, SYS_fcntl, 1, fcntls, COUNT(fcntls));
	allow_one_of(&p, SYS_tgkill, 0, ours, 1 + guests);
	allow_one_of(&p, SYS_kill, 0, ours + 1, guests);
	RETURN(&p, DENY);
	prog.len = p.n;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &prog);
}

/* Best effort: an old kernel, or a container that does not allow it, leaves the filter alone to do the work. */
static bool leave_file_system(void)
{
	struct landlock_ruleset_attr attr = {.handled_access_fs = ALL_FS_V1};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	bool ok = false;
	int fd;

	if (abi < 1)
		return false;
	if (abi >= 2)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
	if (abi >= 3)
		attr.handled_access_fs |= LANDLOCK_ACCESS_FS_TRUNCATE;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd >= 0) {
		ok = !syscall(SYS_landlock_restrict_self, fd, 0);
		close(fd);
	}
	return ok;
}

static bool become(uid_t id)
{
	/* A user namespace may forbid the first, which is no reason to keep the rest. */
	return (!setgroups(0, NULL) || errno == EPERM) && !setresgid(id, id, id) &&
	       !setresuid(id, id, id);
}

void lockdown_user(struct domain *d)
{
	/* One for each domain, far above what people and services have: of two domains, too, neither owns the other. */
	if (!geteuid() && !become(FIRST_UID + d->listed) && !become(NOBODY))
		domain_log(d, "stays root, which is all that there is in this user namespace");
}

int lockdown_early(struct domain *d, struct refhv_error *e)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[2] = {{0}};
	struct rlimit zero = {0, 0};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return refhv_fail(e, REFHV_FAILED, NULL, "no_new_privs: %s", strerror(errno));
	setrlimit(RLIMIT_CORE, &zero);
	prctl(PR_SET_DUMPABLE, 0);
	if (syscall(SYS_capset, &head, none))
		return refhv_fail(e, REFHV_FAILED, NULL, "capset: %s", strerror(errno));
	d->landlock = leave_file_system();
	return 0;
}

int lockdown(struct domain *d, struct refhv_error *e)
{
	struct engine_info engine;
	int rc;

	d->impl->info(d->engine, &engine);
	rc = filter_all_threads(engine.pid, d->kind == PV_DOMAIN_PVH);
	if (rc)
		return refhv_fail(e, REFHV_FAILED, NULL,
				  "the seccomp filter cannot be installed: %s",
				  rc < 0 ? strerror(errno) : "a thread cannot take it");
	return 0;
}
