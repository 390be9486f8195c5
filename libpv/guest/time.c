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
	const struct pv_vcpu_time_info *t;
	uint32_t version, mul;
	uint64_t stamp, base, now;
	int8_t shift;

	if (!vi)
		return 0;
	t = &vi->time;
	/* An odd or changed version is an update under way; partner: the host's write barriers. */
	do {
		version = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
		stamp = LOAD(&t->tsc_timestamp);
		base = LOAD(&t->system_time);
		mul = LOAD(&t->tsc_to_system_mul);
		shift = LOAD(&t->tsc_shift);
		now = pv_arch_counter();
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
	} while (version & 1 || LOAD(&t->version) != version);
	/* A counter that lags behind the stamp (another socket) must not throw time far ahead. */
	return base + (now > stamp ? pv_time_scale(now - stamp, mul, shift) : 0);
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
