/*
 * probe.c: see kvm_probe.h
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "kvm_probe.h"

enum { PAGE = 4096 };

int kvm_open(char *why, size_t size)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
		snprintf(why, size,
			 "there is no /dev/kvm: the kvm module is not loaded, or the processor's "
			 "virtualization is switched off");
	else if (errno == EACCES || errno == EPERM)
		snprintf(why, size,
			 "no permission for /dev/kvm: membership in its group (often \"kvm\") "
			 "helps");
	else
		snprintf(why, size, "/dev/kvm cannot be opened: %s", strerror(errno));
	return -errno;
}

static const struct {
	int cap, least;
	const char *name;
} needed[] = {
	{KVM_CAP_USER_MEMORY, 1, "user memory"},
	{KVM_CAP_IMMEDIATE_EXIT, 1, "immediate exit"},
	{KVM_CAP_SPLIT_IRQCHIP, 1, "split irqchip"},
	{KVM_CAP_SIGNAL_MSI, 1, "signal MSI"},
	{KVM_CAP_MP_STATE, 1, "MP state"},
	{KVM_CAP_IOEVENTFD, 1, "ioeventfd"},
	{KVM_CAP_SYNC_REGS, 1, "synchronized registers"},
	{KVM_CAP_X86_USER_SPACE_MSR, 1, "user space MSRs (Linux 5.10)"},
	{KVM_CAP_EXT_CPUID, 1, "extended CPUID"},
};

int kvm_check(int kvm_fd, char *why, size_t size)
{
	int version, sync;

	if (kvm_fd < 0) {
		snprintf(why, size, "no descriptor of /dev/kvm was given");
		return -PV_EBADF;
	}
	version = ioctl(kvm_fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		snprintf(why, size,
			 version < 0 ? "the descriptor is not one of /dev/kvm"
				     : "this KVM has another API version");
		return -PV_ENODEV;
	}
	for (unsigned i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(kvm_fd, KVM_CHECK_EXTENSION, needed[i].cap) >= needed[i].least)
			continue;
		snprintf(why, size, "the host's KVM lacks a capability: %s", needed[i].name);
		return -PV_ENOSYS;
	}
	sync = KVM_SYNC_X86_REGS | KVM_SYNC_X86_SREGS;
	if ((ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_SYNC_REGS) & sync) != sync) {
		snprintf(why, size, "the host's KVM lacks a capability: synchronized registers");
		return -PV_ENOSYS;
	}
	return 0;
}

/* A tiny VM: one page, one virtual CPU in real mode. */
struct tiny {
	int vm, vcpu;
	uint8_t *page;
	struct kvm_run *run;
	size_t run_size;
};

static uint64_t tiny_now(void *ctx)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* jecxz out; 1: dec %ecx; jnz 1b; out: out %al, $1 */
static const uint8_t loop_code[] = {0x67, 0xe3, 0x04, 0x66, 0x49, 0x75, 0xfc, 0xe6, 0x01};

static int tiny_run(void *ctx, uint32_t rounds, uint64_t until)
{
	struct kvm_regs regs = {.rflags = 2, .rcx = rounds};
	struct tiny *t = ctx;

	if (ioctl(t->vcpu, KVM_SET_REGS, &regs))
		return -PV_EIO;
	while (ioctl(t->vcpu, KVM_RUN, 0))
		if ((errno != EINTR && errno != EAGAIN) || tiny_now(NULL) >= until)
			return -PV_EIO;
	return t->run->exit_reason == KVM_EXIT_IO ? 0 : -PV_EIO;
}

static int tiny_cpu(struct tiny *t)
{
	struct kvm_sregs sregs;

	/* Old Intel processors need a place for a real-mode task; others do not mind. */
	ioctl(t->vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	t->vcpu = ioctl(t->vm, KVM_CREATE_VCPU, 0);
	if (t->vcpu < 0)
		return -PV_EIO;
	t->run = mmap(NULL, t->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, t->vcpu, 0);
	if (t->run == MAP_FAILED || ioctl(t->vcpu, KVM_GET_SREGS, &sregs))
		return -PV_EIO;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	return ioctl(t->vcpu, KVM_SET_SREGS, &sregs) ? -PV_EIO : 0;
}

static int tiny_create(struct tiny *t, int kvm_fd)
{
	struct kvm_userspace_memory_region region = {.memory_size = PAGE};
	int size = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	*t = (struct tiny){.vm = ioctl(kvm_fd, KVM_CREATE_VM, 0),
			   .vcpu = -1,
			   .page = MAP_FAILED,
			   .run = MAP_FAILED};
	if (t->vm < 0 || size < (int)sizeof(*t->run))
		return -PV_EIO;
	t->run_size = (size_t)size;
	t->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->page == MAP_FAILED)
		return -PV_EIO;
	memcpy(t->page, loop_code, sizeof(loop_code));
	region.userspace_addr = (uintptr_t)t->page;
	return ioctl(t->vm, KVM_SET_USER_MEMORY_REGION, &region) ? -PV_EIO : tiny_cpu(t);
}

static void tiny_destroy(struct tiny *t)
{
	if (t->run != MAP_FAILED)
		munmap(t->run, t->run_size);
	if (t->vcpu >= 0)
		close(t->vcpu);
	if (t->vm >= 0)
		close(t->vm);
	if (t->page != MAP_FAILED)
		munmap(t->page, PAGE);
}

static void interrupted(int sig)
{
}

/*
 * An emulator that never comes back is interrupted: the signal makes KVM_RUN return. It comes again and
 * again, because the first may come just before KVM_RUN begins.
 */
static int interrupt_me(timer_t *timer, struct sigaction *before)
{
	const struct itimerspec when = {.it_value.tv_nsec = KVM_SPEED_BUDGET_NS,
					.it_interval.tv_nsec = KVM_SPEED_BUDGET_NS / 5};
	struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGURG};
	struct sigaction act = {.sa_handler = interrupted};

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	if (sigaction(SIGURG, &act, before))
		return -PV_EIO;
	if (!timer_create(CLOCK_MONOTONIC, &event, timer)) {
		if (!timer_settime(*timer, 0, &when, NULL))
			return 0;
		timer_delete(*timer);
	}
	sigaction(SIGURG, before, NULL);
	return -PV_EIO;
}

int kvm_measure(int kvm_fd, struct kvm_speed *speed)
{
	struct tiny t;
	const struct kvm_trial trial = {.ctx = &t, .now = tiny_now, .run = tiny_run};
	struct sigaction before;
	timer_t timer;
	int rc = tiny_create(&t, kvm_fd);

	if (!rc)
		rc = interrupt_me(&timer, &before);
	if (!rc) {
		rc = kvm_speed_measure(&trial, speed);
		timer_delete(timer);
		sigaction(SIGURG, &before, NULL);
	}
	tiny_destroy(&t);
	return rc;
}
