/*
 * diskload: reads or writes a disk past the page cache, so many requests at a time, and says how long that took.
 *
 *	diskload /dev/xvda read random 4096 32 2000
 *
 * FILE, read or write, random or sequential, bytes of a request, requests under way at a time, requests in all. One line:
 *
 *	diskload 2000 requests 1234567 ns
 *
 * Runs in a guest (tests/bench/nested.py): of what guests have there nothing keeps more than one request under way. What is written has
 * its own place in it, in each sector; what is read is not looked at.
 *
 * Trusts its arguments.
 */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 128u
#define SECTOR	  512u

static int fd;
static uint16_t opcode;
static int sequential;
static uint64_t bytes, blocks, next, state = 88172645463325252ull;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t block(void)
{
	if (sequential)
		return next++ % blocks;
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % blocks;
}

static void start(aio_context_t ctx, struct iocb *io)
{
	uint64_t at = block() * bytes;

	for (uint64_t i = 0; opcode == IOCB_CMD_PWRITE && i < bytes; i += SECTOR)
		*(uint64_t *)(uintptr_t)(io->aio_buf + i) = at + i;
	io->aio_offset = (int64_t)at;
	if (syscall(SYS_io_submit, ctx, 1, &io) != 1)
		fail("io_submit");
}

int main(int argc, char **argv)
{
	static struct iocb io[DEPTH_MAX];
	static struct io_event done[DEPTH_MAX];
	aio_context_t ctx = 0;
	uint64_t depth, left, all, began, busy = 0;

	if (argc != 7)
		return 2;
	opcode = strcmp(argv[2], "write") ? IOCB_CMD_PREAD : IOCB_CMD_PWRITE;
	sequential = !strcmp(argv[3], "sequential");
	bytes = strtoull(argv[4], NULL, 10);
	depth = strtoull(argv[5], NULL, 10);
	left = all = strtoull(argv[6], NULL, 10);
	fd = open(argv[1], (opcode == IOCB_CMD_PREAD ? O_RDONLY : O_RDWR) | O_DIRECT);
	if (fd < 0)
		fail(argv[1]);
	blocks = bytes ? (uint64_t)lseek(fd, 0, SEEK_END) / bytes : 0;
	if (!blocks || bytes % SECTOR || !depth || depth > DEPTH_MAX)
		return 2;
	if (syscall(SYS_io_setup, DEPTH_MAX, &ctx))
		fail("io_setup");
	for (uint64_t i = 0; i < depth; i++) {
		void *buffer = aligned_alloc(4096, bytes);

		if (!buffer)
			fail("memory");
		memset(buffer, 1, bytes);
		io[i] = (struct iocb){.aio_fildes = (uint32_t)fd,
				      .aio_lio_opcode = opcode,
				      .aio_buf = (uintptr_t)buffer,
				      .aio_nbytes = bytes,
				      .aio_data = i};
	}
	began = now_ns();
	for (; busy < depth && left; left--)
		start(ctx, &io[busy++]);
	while (busy) {
		long n = syscall(SYS_io_getevents, ctx, 1, DEPTH_MAX, done, NULL);

		if (n < 1)
			fail("io_getevents");
		for (long i = 0; i < n; i++) {
			if (done[i].res != (int64_t)bytes) {
				fprintf(stderr, "a request came back with %lld\n",
					(long long)done[i].res);
				return 1;
			}
			if (left) {
				left--;
				start(ctx, &io[done[i].data]);
			} else {
				busy--;
			}
		}
	}
	printf("diskload %llu requests %llu ns\n", (unsigned long long)all,
	       (unsigned long long)(now_ns() - began));
	return 0;
}
