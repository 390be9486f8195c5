/*
 * hypercall: what a hypercall of the user engine costs, beside a system call of the same machine in
 * the same run
 *
 * Targets: answered in the stub under 0.1 of getpid; by a monitor that polls on another CPU under
 * 2; by one that sleeps on the same CPU under 60. On a loaded machine the medians say little: it
 * prints, and fails only when a call in the stub misses its target, which depends on nothing but
 * code.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "machine.h"

#define RUNS 7

static struct machine m;

static uint64_t rdtsc(void)
{
	return __builtin_ia32_rdtsc();
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double ticks_per_ns(void)
{
	uint64_t ns = machine_now(), t = rdtsc();

	usleep(20000);
	t = rdtsc() - t;
	return (double)t / (double)(machine_now() - ns);
}

/* The median, and the best of many short runs, which other load hardly touches. */
static double getpid_ns(double *best)
{
	double t[RUNS];

	*best = 1e9;
	for (int r = 0; r < 500; r++) {
		uint64_t start = machine_now();

		for (int i = 0; i < 100; i++)
			syscall(SYS_getpid);
		t[0] = (double)(machine_now() - start) / 100;
		*best = t[0] < *best ? t[0] : *best;
	}

	for (int r = 0; r < RUNS; r++) {
		uint64_t start = machine_now();

		for (int i = 0; i < 20000; i++)
			syscall(SYS_getpid);
		t[r] = (double)(machine_now() - start) / 20000;
	}
	qsort(t, RUNS, sizeof(t[0]), by_value);
	return t[RUNS / 2];
}

static double run(const char *name, enum task task, const char *force, double scale, double target)
{
	double least, base = getpid_ns(&least), median, best;

	setenv("REFHV_ENGINE_FORCE", force, 1);
	machine_start(&m, (struct machine_config){.task = task});
	machine_run(&m);
	median = (double)m.report[0] / 100 / scale;
	best = (double)m.report[1] / 100 / scale;
	machine_stop(&m);
	printf("%-34s median %9.1f ns  best %9.1f ns  getpid %6.1f ns  ratio %7.3f (best %7.3f)  "
	       "target %g\n",
	       name, median, best, base, median / base, best / least, target);
	fflush(stdout);
	return best / least;
}

static void start_time(void)
{
	double t[RUNS], ready[RUNS];

	unsetenv("REFHV_ENGINE_FORCE");
	for (int r = 0; r < RUNS; r++) {
		uint64_t start = machine_now();

		machine_start(&m, (struct machine_config){.task = TASK_IN_STUB, .held = true});
		ready[r] = (double)(machine_now() - start) / 1e6;
		engine_user.resume(m.e);
		machine_run(&m);
		t[r] = (double)(machine_now() - start) / 1e6;
		machine_stop(&m);
	}
	qsort(t, RUNS, sizeof(t[0]), by_value);
	qsort(ready, RUNS, sizeof(ready[0]), by_value);
	printf("%-34s median %9.2f ms  best %9.2f ms  (locked down: median %.2f ms, best %.2f "
	       "ms)\n",
	       "create to the guest's last call", t[RUNS / 2], t[0], ready[RUNS / 2], ready[0]);
}

int main(void)
{
	double scale = ticks_per_ns(), stub;

	stub = run("in the stub", TASK_BENCH_STUB, "default", scale, 0.1);
	run("monitor, polling where it may", TASK_BENCH_MONITOR, "default", scale, 2);
	run("monitor, sleeping on the same CPU", TASK_BENCH_MONITOR, "nospin", scale, 60);
	start_time();
	return stub < 0.1 ? 0 : 1;
}
