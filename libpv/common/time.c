/*
 * Scaling and version protocol of the pv clock. Pure functions and one shared record.
 */
#include "time.h"

#include <pv/abi/errno.h>
#include <pv/abi/xen.h>

#define READ_TRIES 1000

uint64_t pv_time_scale(uint64_t cycles, uint32_t mul, int shift)
{
	if (shift >= 64 || shift <= -64)
		return 0;
	if (shift < 0)
		cycles >>= -shift;
	else
		cycles <<= shift;
	return (uint64_t)(((unsigned __int128)cycles * mul) >> 32);
}

int pv_time_factors(uint64_t khz, uint32_t *mul, int8_t *shift)
{
	uint64_t hz;
	int s = 0;

	if (!khz || khz > UINT64_MAX / 1000)
		return -PV_EINVAL;
	/* Normalise the frequency into (1 GHz, 2 GHz], so that mul keeps 32 significant bits. */
	for (hz = khz * 1000; hz > 2000000000ull; hz >>= 1)
		s--;
	for (; hz <= 1000000000ull; hz <<= 1)
		s++;
	*mul = (uint32_t)((1000000000ull << 32) / hz);
	*shift = (int8_t)s;
	return 0;
}

int pv_time_read(const struct pv_vcpu_time_info *t, struct pv_vcpu_time_info *copy)
{
	int i;

	for (i = 0; i < READ_TRIES; i++) {
		/*
		 * Acquire: the fields are read after it. Partner: the second store in
		 * pv_time_write.
		 */
		uint32_t v = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);

		copy->version = v;
		copy->pad0 = 0;
		copy->tsc_timestamp = __atomic_load_n(&t->tsc_timestamp, __ATOMIC_RELAXED);
		copy->system_time = __atomic_load_n(&t->system_time, __ATOMIC_RELAXED);
		copy->tsc_to_system_mul = __atomic_load_n(&t->tsc_to_system_mul, __ATOMIC_RELAXED);
		copy->tsc_shift = __atomic_load_n(&t->tsc_shift, __ATOMIC_RELAXED);
		copy->flags = __atomic_load_n(&t->flags, __ATOMIC_RELAXED);
		copy->pad1[0] = copy->pad1[1] = 0;
		/*
		 * The fields are read before the version again. Partner: the fence in
		 * pv_time_write.
		 */
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (!(v & 1) && __atomic_load_n(&t->version, __ATOMIC_RELAXED) == v)
			return 0;
	}
	return -PV_EAGAIN;
}

void pv_time_write(struct pv_vcpu_time_info *t, const struct pv_vcpu_time_info *from,
		   uint32_t version)
{
	__atomic_store_n(&t->version, version - 1, __ATOMIC_RELAXED);
	/* The odd version is visible before any field. Partner: the fence in pv_time_read. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&t->tsc_timestamp, from->tsc_timestamp, __ATOMIC_RELAXED);
	__atomic_store_n(&t->system_time, from->system_time, __ATOMIC_RELAXED);
	__atomic_store_n(&t->tsc_to_system_mul, from->tsc_to_system_mul, __ATOMIC_RELAXED);
	__atomic_store_n(&t->tsc_shift, from->tsc_shift, __ATOMIC_RELAXED);
	__atomic_store_n(&t->flags, from->flags, __ATOMIC_RELAXED);
	__atomic_store_n(&t->version, version, __ATOMIC_RELEASE);
}
