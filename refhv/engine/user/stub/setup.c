/*
 * setup.c: from exec to lockdown
 *
 * The stub starts as a fresh program that has inherited RAM, the kicks, the control pages and a
 * socket. It maps what it needs, makes the threads of all vCPUs, reports to the monitor, unmaps and
 * closes everything else, and gives up its system calls. Guest code runs only after that.
 *
 * Trust: before lockdown no guest code has run; the control pages hold what the monitor wrote.
 */
#include <asm/ldt.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <pv/abi/errno.h>
#include "../kernel.h"
#include "stub.h"

static void hello(const struct ue_hello *h, const int *fd, unsigned nr_fds)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} control;
	struct iovec iov = {(void *)h, sizeof(*h)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (nr_fds) {
		msg.msg_control = control.buf;
		msg.msg_controllen = CMSG_SPACE(nr_fds * sizeof(int));
		struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nr_fds * sizeof(int));
		for (unsigned i = 0; i < nr_fds; i++)
			((int *)CMSG_DATA(c))[i] = fd[i];
	}
	SYS3(SYS_sendmsg, UE_FD_SOCK, &msg, MSG_NOSIGNAL);
}

static void __attribute__((noreturn)) fail(uint32_t stage, long error)
{
	struct ue_hello h = {.error = (int32_t)(error < 0 ? -error : error), .stage = stage};

	hello(&h, NULL, 0);
	for (;;)
		SYS1(SYS_exit_group, 1);
}

static void map(uint64_t at, uint64_t size, int prot, int fd, uint64_t offset)
{
	long ret = SYS6(SYS_mmap, at, size, prot, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, offset);

	if (ret != (long)at)
		fail(UE_STAGE_MAP, ret < 0 ? ret : -PV_EEXIST);
}

/* On the stack that exec made. */
void stub_map(void)
{
	map(UE_INFO, UE_INFO_SIZE, PROT_READ, UE_FD_CTL, 0);
	map(UE_VRW, (uint64_t)stub_info->max_vcpus * UE_VRW_STRIDE, PROT_READ | PROT_WRITE,
	    UE_FD_CTL, UE_INFO_SIZE);
	map(UE_SHARED, stub_info->shared_size, PROT_READ | PROT_WRITE, UE_FD_CTL,
	    UE_INFO_SIZE + (uint64_t)stub_info->max_vcpus * UE_VRW_STRIDE);
	map(stub_info->virt_base, stub_info->ram_size, PROT_READ | PROT_WRITE | PROT_EXEC,
	    UE_FD_RAM, 0);
}

static long ldt_entry(unsigned n)
{
	/* A data segment that nobody addresses through: only its number is of interest. */
	const struct user_desc d = {
		.entry_number = n, .base_addr = 1, .seg_32bit = 1, .useable = 1};

	return SYS3(SYS_modify_ldt, 0x11, &d, sizeof(d));
}

static void own_thread(struct ue_vrw *v)
{
	if (stub_signal_stack(v))
		fail(UE_STAGE_SIGNALS, PV_ENOMEM);
	SYS5(SYS_prctl, PR_SET_TIMERSLACK, 1, 0, 0, 0);
	if (stub_info->caps & ENGINE_CAP_LDT)
		__asm__ volatile("mov %0, %%es" ::"r"(v->id << 3 | 7));
}

static void __attribute__((noreturn)) enter(struct ue_vrw *v)
{
	__asm__ volatile("jmp stub_run" ::"D"(v));
	__builtin_unreachable();
}

void stub_thread(struct ue_vrw *v)
{
	own_thread(v);
	enter(v);
}

static void threads(struct ue_hello *h)
{
	const unsigned long flags =
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
	unsigned n = stub_info->max_vcpus;
	long tid;

	/* From the last one, so that the table is allocated once. */
	for (unsigned i = n; i-- > 0 && stub_info->caps & ENGINE_CAP_LDT;)
		if ((tid = ldt_entry(i)))
			fail(UE_STAGE_THREADS, tid);
	own_thread(stub_vcpu(0));
	h->tid[0] = (int32_t)SYS0(SYS_gettid);
	for (unsigned i = 1; i < n; i++) {
		struct ue_vrw *v = stub_vcpu(i);

		tid = stub_clone(flags, (char *)v + UE_VRW_STACK, v);
		if (tid < 0)
			fail(UE_STAGE_THREADS, tid);
		h->tid[i] = (int32_t)tid;
	}
	/* Lockdown would take from them what they still need: wait until they rest. */
	for (unsigned i = 1; i < n; i++)
		while (!stub_load(&stub_vcpu(i)->parked))
			stub_futex_wait(&stub_vcpu(i)->parked, 0);
}

/* Everything between `from` and `to` goes: the exec stack, the vdso, whatever a loader has put
 * there. */
static void unmap(uint64_t from, uint64_t to)
{
	long ret = to > from ? SYS2(SYS_munmap, from, to - from) : 0;

	if (ret)
		fail(UE_STAGE_UNMAP, ret);
}

static uint64_t page_up(uint64_t x)
{
	return (x + 4095) & ~4095ull;
}

static uint32_t seal(uint64_t at, uint64_t size)
{
	return SYS3(UE_SYS_MSEAL, at, size, 0) ? 0 : ENGINE_CAP_MSEAL;
}

/* Where the monitor's dirty log looks: our page tables, and the means to protect them. */
static unsigned log_fds(struct ue_hello *h, int *fd)
{
	long pagemap, uffd;

	if (stub_info->flags & UE_WANT_MPROTECT_LOG)
		return 0;
	pagemap = SYS3(SYS_open, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	if (pagemap < 0)
		return 0;
	uffd = SYS1(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0) {
		SYS1(SYS_close, pagemap);
		return 0;
	}
	/* Writes to protected pages only clear the protection, also where nothing is mapped yet:
	 * kernel 6.7. */
	struct uffdio_api api = {.api = UFFD_API,
				 .features = UFFD_FEATURE_WP_HUGETLBFS_SHMEM |
					     UE_UFFD_WP_UNPOPULATED | UE_UFFD_WP_ASYNC};
	if (SYS3(SYS_ioctl, uffd, UFFDIO_API, &api)) {
		SYS1(SYS_close, pagemap);
		SYS1(SYS_close, uffd);
		return 0;
	}
	fd[0] = (int)pagemap;
	fd[1] = (int)uffd;
	h->fds = 3;
	return 2;
}

/* On the stub's stack of vCPU 0. */
void stub_setup(struct ue_vrw *v)
{
	uint64_t vrw_end = UE_VRW + (uint64_t)stub_info->max_vcpus * UE_VRW_STRIDE;
	uint64_t shared_end = UE_SHARED + page_up(stub_info->shared_size);
	uint64_t ram_end = stub_info->virt_base + stub_info->ram_size;
	struct ue_hello h = {0};
	int fd[2];
	unsigned nr_fds = log_fds(&h, fd);
	long ret;

	h.caps = stub_confine();
	/* Had the monitor died before PDEATHSIG was set, nobody would ever end this process. */
	if (SYS0(SYS_getppid) != (long)stub_info->monitor_pid)
		fail(UE_STAGE_PARENT, PV_ESRCH);
	if (stub_signals())
		fail(UE_STAGE_SIGNALS, PV_EINVAL);
	threads(&h);

	unmap(0, stub_info->virt_base);
	unmap(ram_end, (uint64_t)stub_text);
	unmap(page_up((uint64_t)stub_end), UE_INFO);
	unmap(UE_INFO + UE_INFO_SIZE, UE_VRW);
	unmap(vrw_end, UE_SHARED);
	unmap(shared_end, UE_TASK_END);
	h.caps |= seal((uint64_t)stub_text, page_up((uint64_t)stub_end) - (uint64_t)stub_text);
	if (h.caps & ENGINE_CAP_MSEAL) {
		seal(UE_INFO, UE_INFO_SIZE);
		seal(UE_VRW, vrw_end - UE_VRW);
		seal(UE_SHARED, shared_end - UE_SHARED);
	}

	hello(&h, fd, nr_fds);
	for (unsigned i = 0; i < nr_fds; i++)
		SYS1(SYS_close, fd[i]);
	SYS1(SYS_close, UE_FD_CTL);
	SYS1(SYS_close, UE_FD_SOCK);
	ret = stub_lockdown(nr_fds == 0);
	if (ret)
		/* The socket is gone: the monitor sees the process die. */
		__builtin_trap();
	enter(v);
}
