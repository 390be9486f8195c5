/*
 * replay: runs a fuzz target over a committed corpus, as an ordinary test.
 *
 *   replay FOLDER [ROUNDS]
 *
 * Each file is run as it is, at every truncation if it is small, and with ROUNDS random changes
 * (default 300; FUZZ_SEED and FUZZ_ROUNDS override), the seed being printed. TAP: one line a file. An
 * input that makes the target abort is written to ./fuzz-failure first: the process dies with it.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "fuzz.h"

#define INPUT_MAX (1u << 20)

static uint64_t rng;
static const uint8_t *current;
static size_t current_size;

static uint64_t rnd(void)
{
	/* xorshift64*: reproducible everywhere, unlike rand(). */
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return rng * 2685821657736338717ULL;
}

static void on_abort(int sig)
{
	int fd = open("fuzz-failure", O_WRONLY | O_CREAT | O_TRUNC, 0644);

	if (fd >= 0 && write(fd, current, current_size) == (ssize_t)current_size)
		(void)!write(STDERR_FILENO, "input kept in fuzz-failure\n", 27);
	signal(sig, SIG_DFL);
	raise(sig);
}

/* The target gets an allocation of exactly the input's size, so that sanitizers see one byte more. */
static void run(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, data, size);
	current = copy;
	current_size = size;
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static size_t mutate(uint8_t *p, size_t size)
{
	static const uint64_t edges[] = {
		0,	1,	    3,		4,	    0x7f,	    0x80,      0xff,
		0xffff, 0x7fffffff, 0x80000000, 0xffffffff, UINT64_MAX - 3, UINT64_MAX};
	unsigned changes = 1 + rnd() % 8;

	while (changes-- && size) {
		size_t at = rnd() % size, width = (size_t)1 << rnd() % 4;
		uint64_t v = edges[rnd() % (sizeof(edges) / sizeof(edges[0]))];

		switch (rnd() % 6) {
		case 0: p[at] ^= (uint8_t)(1u << rnd() % 8); break;
		case 1: p[at] = (uint8_t)rnd(); break;
		case 2: size = at; break;
		case 3:
			if (size < INPUT_MAX)
				p[size++] = (uint8_t)rnd();
			break;
		case 4: /* one field from elsewhere in the input */
			if (width <= size)
				memmove(p + rnd() % (size - width + 1),
					p + rnd() % (size - width + 1), width);
			break;
		default: /* an edge value where a field may be */
			at &= ~(width - 1);
			if (at + width <= size)
				memcpy(p + at, &v, width);
		}
	}
	return size;
}

static int replay(const char *path, unsigned rounds)
{
	static uint8_t input[INPUT_MAX], work[INPUT_MAX + 1];
	int fd = open(path, O_RDONLY);
	ssize_t n;
	size_t i;

	n = fd < 0 ? -1 : read(fd, input, sizeof(input));
	if (fd >= 0)
		close(fd);
	if (n < 0) {
		printf("# %s: cannot be read\n", path);
		return -1;
	}
	run(input, (size_t)n);
	for (i = 0; i < (size_t)n && n <= 4096; i++)
		run(input, i);
	while (rounds--) {
		memcpy(work, input, (size_t)n);
		i = mutate(work, (size_t)n);
		run(work, i);
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *seed = getenv("FUZZ_SEED"), *more = getenv("FUZZ_ROUNDS");
	unsigned rounds = more ? (unsigned)atoi(more) : argc > 2 ? (unsigned)atoi(argv[2]) : 300;
	struct dirent **names;
	char path[4096];
	int count, i, done = 0, bad = 0;

	rng = seed ? strtoull(seed, NULL, 0) : 0x9e3779b97f4a7c15ULL;
	rng += !rng;
	count = argc > 1 ? scandir(argv[1], &names, NULL, alphasort) : -1;
	if (count < 0) {
		printf("Bail out! usage: replay FOLDER [ROUNDS]\n");
		return 1;
	}
	signal(SIGABRT, on_abort);
	printf("# FUZZ_SEED=%llu FUZZ_ROUNDS=%u\n", (unsigned long long)rng, rounds);
	for (i = 0; i < count; i++) {
		if (names[i]->d_name[0] != '.') {
			int failed;

			snprintf(path, sizeof(path), "%s/%s", argv[1], names[i]->d_name);
			failed = replay(path, rounds);
			bad |= failed;
			printf("%sok %d - %s is survived\n", failed ? "not " : "", ++done,
			       names[i]->d_name);
			fflush(stdout);
		}
		free(names[i]);
	}
	free(names);
	if (!done)
		printf("Bail out! the corpus is empty\n");
	printf("1..%d\n", done);
	return bad || !done;
}
