/*
 * kvm_probe.h: is there a KVM here that can run our guests, and is it a real one?
 *
 * Trusts the kernel behind the descriptor. Opens nothing, keeps nothing.
 */
#ifndef REFHV_ENGINE_KVM_KVM_PROBE_H
#define REFHV_ENGINE_KVM_KVM_PROBE_H

#include <stdbool.h>
#include <stddef.h>

/* Opens /dev/kvm: a descriptor, or negative -PV_E* with a line for a person in why[]. */
int kvm_open(char *why, size_t size);

/* 0 if this /dev/kvm has all that the engine needs; negative with what is missing in why[]. */
int kvm_check(int kvm_fd, char *why, size_t size);

/*
 * Is this /dev/kvm an emulator in software? Found by running a short loop in a tiny VM: well under
 * a millisecond on hardware (also nested), about 0.1 s where each instruction is interpreted. 1, 0,
 * or negative if even that VM does not run. rate, if not NULL: instructions a second.
 */
int kvm_emulated(int kvm_fd, double *rate);

#endif
