/*
 * speed.h: how fast a KVM is: what it costs to leave a virtual CPU, and how many instructions it runs
 *
 * Arithmetic on what a trial reports: the trial (a tiny VM in probe.c, a model in a test) is trusted to
 * end by itself.
 */
#ifndef REFHV_ENGINE_KVM_SPEED_H
#define REFHV_ENGINE_KVM_SPEED_H

#include <stdbool.h>
#include <stdint.h>

/* What the measurement may cost; 1/20 of it is enough where virtualization is nested in an emulator. */
#define KVM_SPEED_BUDGET_NS 50000000u

struct kvm_trial {
	void *ctx;
	uint64_t (*now)(void *ctx); /* ns, any start */
	/*
	 * Enter the virtual CPU, execute so many rounds of two instructions, leave it again. Negative: it did
	 * not, or not before `until`.
	 */
	int (*run)(void *ctx, uint32_t rounds, uint64_t until);
};

struct kvm_speed {
	uint64_t exit_ns; /* into the virtual CPU and out again */
	double rate;	  /* instructions a second */
};

/* The median of n > 0 times, which are put in order. */
uint64_t kvm_speed_median(uint64_t *v, unsigned n);

/*
 * Medians of several trials, so that a few that were disturbed do not count, after one that pays for page
 * faults. 0; -PV_EIO if the virtual CPU does not run, -PV_ETIMEDOUT if not even one trial fits into the budget.
 */
int kvm_speed_measure(const struct kvm_trial *t, struct kvm_speed *s);

/*
 * Is that an interpreter? Those manage 1 to 5 million instructions a second; a processor does more than 50 million
 * even where its virtualization is nested in an emulator.
 */
bool kvm_speed_interpreted(const struct kvm_speed *s);

#endif
