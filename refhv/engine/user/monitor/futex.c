/*
 * futex.c: sleeping on words that the guest process shares
 */
#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "monitor.h"

/* CLOCK_MONOTONIC in ns. */
uint64_t ue_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* 0, or -ETIMEDOUT when deadline_ns (of ue_now(), 0 = none) has passed. Returns early for no
 * reason, too. */
int ue_futex_wait(const uint32_t *word, uint32_t seen, uint64_t deadline_ns)
{
	const struct timespec ts = {.tv_sec = (time_t)(deadline_ns / 1000000000u),
				    .tv_nsec = (long)(deadline_ns % 1000000000u)};

	if (syscall(SYS_futex, word, FUTEX_WAIT_BITSET, seen, deadline_ns ? &ts : NULL, NULL,
		    FUTEX_BITSET_MATCH_ANY) &&
	    errno == ETIMEDOUT)
		return -ETIMEDOUT;
	return 0;
}

/* All of them: a guest's own sleeper could take a wake of one. */
void ue_futex_wake(const uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0);
}
