/*
 * The guest's clock: struct vcpu_time_info over the host's TSC.
 *
 * How fast the TSC runs is measured against CLOCK_MONOTONIC: roughly at first (the time since the process started), then
 * again after ever longer times. Each new scale starts from the true time, so an early error of some 10 ppm cannot add up.
 */
#include <time.h>
#include <x86intrin.h>
#include "domain/domain.h"

uint64_t clock_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t clock_tsc(void)
{
	return __rdtsc();
}

/* A TSC value and the time at which it was read: of several tries the one that took the least. */
static void read_pair(uint64_t *tsc, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t before = __rdtsc(), t = clock_monotonic(), after = __rdtsc();

		if (after - before < best) {
			best = after - before;
			*tsc = before + (after - before) / 2;
			*ns = t;
		}
	}
}

static void publish(struct domain *d)
{
	struct pv_clock clock = {0};
	uint64_t tsc = 0, ns = 0, khz;

	read_pair(&tsc, &ns);
	if (ns - d->ns0 < 100000 || tsc <= d->tsc0)
		return;
	khz = (uint64_t)((unsigned __int128)(tsc - d->tsc0) * 1000000 / (ns - d->ns0));
	if (pv_clock_scale(khz, &clock.tsc_to_system_mul, &clock.tsc_shift))
		return;
	clock.tsc_timestamp = tsc;
	clock.system_time = (uint64_t)((int64_t)ns + d->clock_offset);
	pv_domain_set_clock(d->pv, &clock);
}

static void refine(struct ev_loop *loop, ev_timer *w, int revents)
{
	publish(w->data);
	w->repeat = w->repeat < 30 ? w->repeat * 4 : 60;
	ev_timer_again(loop, w);
}

void clock_start(struct domain *d)
{
	struct timespec real;
	int64_t zero;

	clock_gettime(CLOCK_REALTIME, &real);
	zero = (int64_t)real.tv_sec * 1000000000 + real.tv_nsec - (int64_t)machine_now(d);
	pv_domain_set_wallclock(d->pv, (uint64_t)(zero / 1000000000),
				(uint32_t)(zero % 1000000000));
	while (clock_monotonic() - d->ns0 < 200000)
		;
	publish(d);
	ev_timer_init(&d->clock_timer, refine, 0.02, 0.02);
	d->clock_timer.data = d;
	ev_timer_start(d->loop, &d->clock_timer);
}

void clock_stop(struct domain *d)
{
	ev_timer_stop(d->loop, &d->clock_timer);
}
