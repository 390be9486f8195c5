/*
 * probe.c: see kvm_probe.h
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <pv/abi/errno.h>
#include "kvm_probe.h"

enum {
	ROUNDS = 50000, /* of two instructions */
	PAGE = 4096,
	TRIES = 3
};
/* An interpreter manages 1 to 5 million; a processor under emulated nesting above 50 million. */
#define SLOW_RATE 20e6

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

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Real mode: mov $ROUNDS, %ecx; 1: dec %ecx; jnz 1b; out %al, $1 */
static const uint8_t loop_code[] = {
	0x66, 0xb9, ROUNDS & 0xff, ROUNDS >> 8 & 0xff, 0, 0, 0x66, 0x49, 0x75, 0xfc, 0xe6, 0x01};

/* The time of one loop, or 0 if it did not end as it should. */
static uint64_t one_loop(int vcpu, struct kvm_run *run)
{
	struct kvm_sregs sregs;
	struct kvm_regs regs = {.rflags = 2};
	uint64_t start;

	if (ioctl(vcpu, KVM_GET_SREGS, &sregs))
		return 0;
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_REGS, &regs))
		return 0;
	start = now_ns();
	while (ioctl(vcpu, KVM_RUN, 0))
		if (errno != EINTR && errno != EAGAIN)
			return 0;
	if (run->exit_reason != KVM_EXIT_IO)
		return 0;
	return now_ns() - start + 1;
}

static uint64_t measure(int kvm_fd, int vm, uint8_t *page)
{
	struct kvm_userspace_memory_region region = {.memory_size = PAGE,
						     .userspace_addr = (uintptr_t)page};
	int size = ioctl(kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
	uint64_t best = 0, ns;
	struct kvm_run *run;
	int vcpu;

	memcpy(page, loop_code, sizeof(loop_code));
	if (size < (int)sizeof(*run) || ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region))
		return 0;
	/* Old Intel processors need a place for a real-mode task; others do not mind. */
	ioctl(vm, KVM_SET_TSS_ADDR, 0xfffbd000ul);
	vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	if (vcpu < 0)
		return 0;
	run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (run != MAP_FAILED) {
		/* The first loop pays for page faults; the best tells what the machine can do. */
		for (int i = 0; i < TRIES; i++) {
			ns = one_loop(vcpu, run);
			if (ns && (!best || ns < best))
				best = ns;
		}
		munmap(run, (size_t)size);
	}
	close(vcpu);
	return best;
}

int kvm_emulated(int kvm_fd, double *rate)
{
	uint64_t best = 0;
	uint8_t *page;
	double r;
	int vm = ioctl(kvm_fd, KVM_CREATE_VM, 0);

	if (vm < 0)
		return -PV_ENODEV;
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED) {
		best = measure(kvm_fd, vm, page);
		munmap(page, PAGE);
	}
	close(vm);
	if (!best)
		return -PV_EIO;
	r = 2e9 * ROUNDS / (double)best;
	if (rate)
		*rate = r;
	return r < SLOW_RATE;
}
