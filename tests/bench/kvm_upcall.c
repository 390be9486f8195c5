/*
 * kvm_upcall: what it costs to raise an upcall from a thread of the domain process, by a message to
 * the local APIC (as engine/kvm does it) and by an irqfd
 *
 * Needs /dev/kvm; the vCPU does not run. Trust: the kernel.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define RUNS	   9
#define CALLS	   2000
#define VECTOR	   0x40u
#define LOCAL_APIC 0xfee00000u
#define APIC_SPIV  0xf0u

static int vm, vcpu, irqfd;

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void need(int rc, const char *what)
{
	if (rc < 0) {
		perror(what);
		exit(1);
	}
}

static void set_up(int kvm)
{
	struct kvm_enable_cap split = {.cap = KVM_CAP_SPLIT_IRQCHIP, .args = {24}};
	union {
		struct kvm_irq_routing table;
		uint8_t room[sizeof(struct kvm_irq_routing) + sizeof(struct kvm_irq_routing_entry)];
	} r = {.table = {.nr = 1}};
	struct kvm_irqfd ifd = {.gsi = 0};
	struct kvm_lapic_state apic;
	const uint32_t on = 0x1ff;

	need(vm = ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	need(ioctl(vm, KVM_ENABLE_CAP, &split), "KVM_CAP_SPLIT_IRQCHIP");
	need(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
	need(ioctl(vcpu, KVM_GET_LAPIC, &apic), "KVM_GET_LAPIC");
	memcpy(apic.regs + APIC_SPIV, &on, sizeof(on));
	need(ioctl(vcpu, KVM_SET_LAPIC, &apic), "KVM_SET_LAPIC");
	r.table.entries[0] = (struct kvm_irq_routing_entry){
		.type = KVM_IRQ_ROUTING_MSI, .u.msi = {.address_lo = LOCAL_APIC, .data = VECTOR}};
	need(ioctl(vm, KVM_SET_GSI_ROUTING, &r.table), "KVM_SET_GSI_ROUTING");
	need(irqfd = eventfd(0, EFD_CLOEXEC), "eventfd");
	ifd.fd = (uint32_t)irqfd;
	need(ioctl(vm, KVM_IRQFD, &ifd), "KVM_IRQFD");
}

static void by_message(void)
{
	struct kvm_msi msi = {.address_lo = LOCAL_APIC, .data = VECTOR};

	need(ioctl(vm, KVM_SIGNAL_MSI, &msi), "KVM_SIGNAL_MSI");
}

static void by_irqfd(void)
{
	const uint64_t one = 1;

	need((int)write(irqfd, &one, sizeof(one)), "irqfd");
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median_ns(void (*call)(void))
{
	double t[RUNS];

	for (int r = 0; r < RUNS; r++) {
		uint64_t start = now();

		for (int i = 0; i < CALLS; i++)
			call();
		t[r] = (double)(now() - start) / CALLS;
	}
	qsort(t, RUNS, sizeof(*t), by_value);
	return t[RUNS / 2];
}

int main(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	double message, fd;

	if (kvm < 0) {
		printf("skipped: no /dev/kvm\n");
		return 77;
	}
	set_up(kvm);
	message = median_ns(by_message);
	fd = median_ns(by_irqfd);
	printf("an upcall: %.0f ns by message, %.0f ns by irqfd: %.2f\n", message, fd,
	       message / fd);
	return 0;
}
