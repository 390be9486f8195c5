/*
 * System time from a cycle counter: scaling, and the version protocol of struct pv_vcpu_time_info.
 *
 * No clock is read here: callers bring the counter's value. The reader's side trusts the writer (a
 * guest its host) for sense but not for progress: a version that never settles is given up on. The
 * writer's side does not read shared memory at all.
 */
#ifndef PV_COMMON_TIME_H
#define PV_COMMON_TIME_H

#include <stdint.h>

struct pv_vcpu_time_info;

/* cycles to ns: ((cycles << shift) * mul) >> 32, a negative shift to the right; modulo 2^64. */
uint64_t pv_time_scale(uint64_t cycles, uint32_t mul, int shift);

/* mul and shift for a counter of this many kHz. -PV_EINVAL for 0 and for absurd ones. */
int pv_time_factors(uint64_t khz, uint32_t *mul, int8_t *shift);

/*
 * A consistent copy of the record. 0, or -PV_EAGAIN if the version was odd or changed in each of a
 * bounded number of attempts. The caller reads its counter after this; if the version is
 * still the same then, the two belong together.
 */
int pv_time_read(const struct pv_vcpu_time_info *t, struct pv_vcpu_time_info *copy);

/*
 * Publish a record; version is the number to end on (even, never used before by this writer).
 */
void pv_time_write(struct pv_vcpu_time_info *t, const struct pv_vcpu_time_info *from,
		   uint32_t version);

#endif
