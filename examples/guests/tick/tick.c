/*
 * tick: counts, and says how late it was at worst. For watching what a pause, a save or a move does to a guest.
 *
 * One line every 20 ms: the count, a checksum over memory that it keeps rewriting (so that there is something to move, and a lost page
 * shows), and the longest time between two lines by its own clock. The command line may give the number of lines; then it
 * powers off.
 */
#include <kernel.h>

#define PERIOD_NS 20000000u
#define WORDS	  (256u * 512u) /* 1 MiB in pages that are written in turn */

static unsigned number(const char *s)
{
	unsigned n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (unsigned)(*s++ - '0');
	return n;
}

/* Each page holds the number of its last visit; all of them together must add up. */
static int rewrite(uint64_t *mem, unsigned tick)
{
	uint64_t want = 0, have = 0;
	unsigned page, visit;

	for (page = 0; page < 256; page++) {
		have += mem[page * 512];
		for (visit = tick; visit % 256 != page && visit; visit--)
			;
		want += visit % 256 == page ? visit : 0;
	}
	mem[(tick + 1) % 256 * 512] = tick + 1;
	return have == want;
}

void guest_main(struct kernel *k)
{
	uint64_t *mem = pages_alloc(WORDS / 512);
	unsigned tick, lines = number(k->cmdline);
	uint64_t last = kernel_now(), worst = 0, now;

	if (!mem)
		panic("no memory");
	for (tick = 0; !lines || tick < lines; tick++) {
		while ((now = kernel_now()) < last + PERIOD_NS)
			kernel_wait(last + PERIOD_NS);
		if (now - last > worst)
			worst = now - last;
		last = now;
		if (!rewrite(mem, tick))
			panic("memory is not what it was, tick %u", tick);
		kprintf("tick %u worst %lu us\n", tick, worst / 1000);
	}
}
