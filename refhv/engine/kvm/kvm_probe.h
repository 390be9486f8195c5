/*
 * kvm_probe.h: is there a KVM here that can run our guests, and is it a real one?
 *
 * Trusts the kernel behind the descriptor. Opens nothing, keeps nothing.
 */
#ifndef REFHV_ENGINE_KVM_KVM_PROBE_H
#define REFHV_ENGINE_KVM_KVM_PROBE_H

#include <stddef.h>
#include "speed.h"

/* Opens /dev/kvm: a descriptor, or negative -PV_E* with a line for a person in why[]. */
int kvm_open(char *why, size_t size);

/* 0 if this /dev/kvm has all that the engine needs; negative with what is missing in why[]. */
int kvm_check(int kvm_fd, char *why, size_t size);

/*
 * How fast it is, measured in a tiny VM of its own: that takes what the host needs to make and drop a VM, and at
 * most KVM_SPEED_BUDGET_NS in it. Negative if that VM does not run. The calling thread may hear SIGURG meanwhile.
 */
int kvm_measure(int kvm_fd, struct kvm_speed *speed);

#endif
