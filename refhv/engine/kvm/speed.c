/*
 * speed.c: see speed.h
 */
#include <pv/abi/errno.h>
#include "speed.h"

enum {
	ROUNDS = 4096, /* of two instructions: 3 ms at 2.5 million a second, 2 us on a processor */
	TRIALS = 9
};
#define SLOW_RATE 20e6

uint64_t kvm_speed_median(uint64_t *v, unsigned n)
{
	for (unsigned i = 1; i < n; i++)
		for (unsigned k = i; k && v[k] < v[k - 1]; k--) {
			uint64_t larger = v[k - 1];

			v[k - 1] = v[k];
			v[k] = larger;
		}
	return v[n / 2];
}

/* One trial's time, at least 1. */
static int trial(const struct kvm_trial *t, uint32_t rounds, uint64_t until, uint64_t *ns)
{
	uint64_t start = t->now(t->ctx);
	int rc = t->run(t->ctx, rounds, until);

	*ns = t->now(t->ctx) - start;
	*ns += !*ns;
	return rc;
}

int kvm_speed_measure(const struct kvm_trial *t, struct kvm_speed *s)
{
	uint64_t leave[TRIALS], loop[TRIALS], until = t->now(t->ctx) + KVM_SPEED_BUDGET_NS;
	uint64_t empty, whole;
	unsigned n = 0;
	int rc = trial(t, 1, until, &empty);

	while (!rc && n < TRIALS && (!n || t->now(t->ctx) < until)) {
		rc = trial(t, 0, until, &leave[n]);
		if (!rc)
			rc = trial(t, ROUNDS, until, &loop[n]);
		n += !rc;
	}
	/* What did not fit into the budget any more does not count against what did. */
	if (!n)
		return t->now(t->ctx) < until ? -PV_EIO : -PV_ETIMEDOUT;
	empty = kvm_speed_median(leave, n);
	whole = kvm_speed_median(loop, n);
	s->exit_ns = empty;
	s->rate = 2e9 * ROUNDS / (double)(whole > empty ? whole - empty : 1);
	return 0;
}

bool kvm_speed_interpreted(const struct kvm_speed *s)
{
	return s->rate < SLOW_RATE;
}
