/*
 * What it costs on this machine to have a question answered by another thread: woken, it answers, and wakes who asked. With one CPU that
 * is how the domain process answers a guest of the user engine. Trusts the scheduler; other work only makes single rounds longer.
 */
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "domain/engine_choice.h"
#include "domain/domain.h"

enum { ROUNDS = 33 };

struct pair {
	int ask, answer;
};

static void *answer(void *arg)
{
	struct pair *p = arg;
	uint64_t n;

	for (int i = 0; i < ROUNDS && read(p->ask, &n, sizeof(n)) == sizeof(n); i++)
		if (write(p->answer, &n, sizeof(n)) != sizeof(n))
			break;
	return NULL;
}

static uint64_t ask(struct pair *p)
{
	uint64_t ns[ROUNDS], n = 1;

	for (int i = 0; i < ROUNDS; i++) {
		ns[i] = clock_monotonic();
		if (write(p->ask, &n, sizeof(n)) != sizeof(n) ||
		    read(p->answer, &n, sizeof(n)) != sizeof(n))
			return 0;
		ns[i] = clock_monotonic() - ns[i];
	}
	return kvm_speed_median(ns, ROUNDS);
}

uint64_t handover_measure(void)
{
	struct pair p = {.ask = eventfd(0, EFD_CLOEXEC), .answer = eventfd(0, EFD_CLOEXEC)};
	pthread_t thread;
	uint64_t ns = 0;

	if (p.ask >= 0 && p.answer >= 0 && !pthread_create(&thread, NULL, answer, &p)) {
		ns = ask(&p);
		if (!ns)
			pthread_cancel(thread);
		pthread_join(thread, NULL);
	}
	if (p.ask >= 0)
		close(p.ask);
	if (p.answer >= 0)
		close(p.answer);
	return ns;
}
