/*
 * What the guest reads the time from: struct vcpu_time_info of each vCPU and the wall clock.
 *
 * The host only writes these; versions are counted here, never read back from the guest's page.
 */
#include "access.h"
#include "domain.h"

uint64_t pv_domain_now(struct pv_domain *d)
{
	return d->vmm.now(d->vmm.ctx);
}

int pv_clock_scale(uint64_t tsc_khz, uint32_t *mul, int8_t *shift)
{
	return pv_time_factors(tsc_khz, mul, shift);
}

/* The second area may lie at a virtual address and may cross a page: written under an odd version. */
static void write_area(struct pv_domain *d, unsigned vcpu, struct pv_vcpu_time_info *t)
{
	const uint64_t gva = d->vcpu[vcpu].time_gva;
	bool phys = d->vcpu[vcpu].time_phys;
	uint32_t odd = d->vcpu[vcpu].time_version - 1;

	if (!gva || pv_area_write(d, vcpu, phys, gva, &odd, sizeof(odd)))
		return;
	t->version = odd;
	__atomic_thread_fence(__ATOMIC_RELEASE); /* partner: the reader's fence, pv_time_read */
	if (pv_area_write(d, vcpu, phys, gva, t, sizeof(*t)))
		return;
	__atomic_thread_fence(__ATOMIC_RELEASE);
	t->version = odd + 1;
	(void)pv_area_write(d, vcpu, phys, gva, &t->version, sizeof(t->version));
}

void pv_domain_time_vcpu(struct pv_domain *d, unsigned vcpu)
{
	struct pv_vcpu *v = &d->vcpu[vcpu];
	struct pv_vcpu_time_info t = {
		.tsc_timestamp = d->clock.tsc_timestamp,
		.system_time = d->clock.system_time,
		.tsc_to_system_mul = d->clock.tsc_to_system_mul,
		.tsc_shift = d->clock.tsc_shift,
		.flags = d->clock.flags,
	};
	struct pv_vcpu_info *vi = pv_domain_vi(d, vcpu, 1);

	if (!d->clock_set)
		return;
	v->time_version += 2;
	if (vi)
		pv_time_write(&vi->time, &t, v->time_version);
	write_area(d, vcpu, &t);
}

/* w[]: version, seconds, nanoseconds, in both layouts; the seconds' high half is apart. */
static void write_wallclock(struct pv_domain *d, uint32_t *w, uint32_t *high)
{
	__atomic_store_n(&w[0], ++d->wc_version, __ATOMIC_RELAXED);
	/* Odd version before the fields, the fields before the even one: the reader loops. */
	__atomic_thread_fence(__ATOMIC_RELEASE);
	__atomic_store_n(&w[1], (uint32_t)d->wc_sec, __ATOMIC_RELAXED);
	__atomic_store_n(&w[2], d->wc_nsec, __ATOMIC_RELAXED);
	__atomic_store_n(high, (uint32_t)(d->wc_sec >> 32), __ATOMIC_RELAXED);
	__atomic_store_n(&w[0], ++d->wc_version, __ATOMIC_RELEASE);
}

void pv_domain_time_wallclock(struct pv_domain *d)
{
	struct pv_shared_info *si = pv_domain_si(d, 1);
	struct pv_x86_32_shared_info *narrow = (void *)si;

	if (si && d->narrow)
		write_wallclock(d, &narrow->wc_version, &narrow->arch.wc_sec_hi);
	else if (si)
		write_wallclock(d, &si->wc_version, &si->wc_sec_hi);
}

int pv_domain_set_clock(struct pv_domain *d, const struct pv_clock *clock)
{
	uint32_t i;

	if (!clock->tsc_to_system_mul || clock->tsc_shift <= -64 || clock->tsc_shift >= 64)
		return -PV_EINVAL;
	pv_domain_enter(d);
	d->clock = *clock;
	d->clock_set = true;
	for (i = 0; i < d->max_vcpus; i++)
		pv_domain_time_vcpu(d, i);
	pv_domain_leave(d);
	return 0;
}

void pv_domain_set_wallclock(struct pv_domain *d, uint64_t sec, uint32_t nsec)
{
	pv_domain_enter(d);
	d->wc_sec = sec + nsec / 1000000000u;
	d->wc_nsec = nsec % 1000000000u;
	pv_domain_time_wallclock(d);
	pv_domain_leave(d);
}
