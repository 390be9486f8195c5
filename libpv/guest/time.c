/*
 * Time: the paravirtual clock (a counter scaled by what the hypervisor published) and wall clock.
 *
 * The records are written by the hypervisor alone, which is trusted.
 */
#include "internal.h"
#include "arch/arch.h"
#include "../common/time.h"

uint64_t pv_time_now(struct pv *pv)
{
	struct pv_vcpu_info *vi = pv_vcpu_info(pv, pv_vcpu_id(pv));
	struct pv_vcpu_time_info t;
	uint64_t now;

	if (!vi)
		return 0;
	/* The counter belongs to the record only if that is still the one: a move changes both. */
	do {
		while (pv_time_read(&vi->time, &t))
			;
		now = pv_arch_counter();
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (LOAD(&vi->time.version) != t.version);
	/* A counter that lags behind the stamp (another socket) must not throw time far ahead. */
	if (now <= t.tsc_timestamp)
		return t.system_time;
	return t.system_time +
	       pv_time_scale(now - t.tsc_timestamp, t.tsc_to_system_mul, t.tsc_shift);
}

uint64_t pv_time_wall(struct pv *pv)
{
	const struct pv_shared_info *si = pv->shared_info;
	uint32_t version, sec, nsec, hi;
	uint64_t boot;

	do {
		version = __atomic_load_n(&si->wc_version, __ATOMIC_ACQUIRE);
		sec = LOAD(&si->wc_sec);
		nsec = LOAD(&si->wc_nsec);
		hi = LOAD(&si->wc_sec_hi);
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (version & 1 || LOAD(&si->wc_version) != version);
	if (!version)
		return 0;
	boot = ((uint64_t)hi << 32 | sec) * 1000000000ull + nsec;
	return boot + pv_time_now(pv);
}

uint64_t pv_now(struct pv *pv)
{
	return pv->os.now_ns ? pv->os.now_ns(pv->os.ctx) : pv_time_now(pv);
}
