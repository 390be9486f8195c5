/*
 * ioctls.h: what the kvm engine asks of the kernel once wait() has returned
 *
 * For the sandbox of the domain process: the requests on the VM's descriptor (map, dirty log,
 * upcalls, fast sends), then those on a vCPU's (run, who is halted, where a vCPU starts, EFER, the
 * legacy callback's SynIC and APIC, NMIs). Besides: futex, tgkill to threads of this process, mmap (MAP_SHARED
 * | MAP_FIXED of the RAM file over its own mapping, PROT_READ | PROT_WRITE), lseek on the RAM file,
 * clock_gettime, madvise, what pthread_join and malloc need, rt_sigreturn, exit.
 */
#ifndef REFHV_ENGINE_KVM_IOCTLS_H
#define REFHV_ENGINE_KVM_IOCTLS_H

#include <linux/kvm.h>

#define KVM_ENGINE_VM_IOCTLS                                                          \
	KVM_SET_USER_MEMORY_REGION, KVM_GET_DIRTY_LOG, KVM_SIGNAL_MSI, KVM_IOEVENTFD, \
		KVM_XEN_HVM_SET_ATTR

#define KVM_ENGINE_VCPU_IOCTLS                                                                   \
	KVM_RUN, KVM_GET_MP_STATE, KVM_SET_MP_STATE, KVM_SET_REGS, KVM_GET_SREGS, KVM_SET_SREGS, \
		KVM_SET_MSRS, KVM_ENABLE_CAP, KVM_GET_LAPIC, KVM_SET_LAPIC, KVM_NMI

#endif
