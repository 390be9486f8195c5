/*
 * blk: a block frontend against a disk of refhv in one process, beside fio with io_uring on the same file.
 *
 *   bench-blk [FOLDER]
 *
 * 4 KiB random reads at depth 32 and 1 and sequential reads of 1 MiB, both through the page cache, in
 * one run; prints both rates and the ratio. disk.py measures the same from a real guest; this one
 * runs where no guest can (other processors), and tells the drivers' part of a change in disk.py's
 * figures from the engine's. The frontend's bus is the one of the pair tests: its grants cost a
 * lock each, which a guest does not pay.
 */
#include <fcntl.h>
#include <host/disk.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <pv/front/blk.h>
#include "mem_bus.h"

#define FILE_BYTES (256ull << 20)
#define SECONDS	   2.0
#define MAX_DEPTH  32

static struct mem_bus bus;
static struct pv_blkfront front;
static struct host_disk *disk;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "bench-blk: %s\n", what);
	exit(1);
}

static void start(const char *path)
{
	struct pv_blkfront_config fc = {
		.ring_order = 2, .max_segs = 256, .grefs = 2048, .indirect = 32};
	struct host_disk_config c = {.bus = &bus.back};
	char err[HOST_DISK_ERR_SIZE];
	int i, f = 0;

	mem_bus_init(&bus);
	bus.kick_fd = c.kick[0] = eventfd(0, EFD_CLOEXEC);
	c.fd = open(path, O_RDWR | O_CLOEXEC);
	if (c.fd < 0 || host_disk_create(&disk, &c, err) < 0)
		die("no disk");
	pv_blkfront_init(&front, &bus.front, &fc, NULL, NULL);
	for (i = 0; i < 6; i++) {
		f = pv_blkfront_step(&front);
		host_disk_step(disk);
	}
	if (f != PV_FRONT_CONNECTED)
		die("not connected");
}

/* Bytes a second of reads of `size` bytes at `depth`, in sequence or at random. */
static double run(uint32_t size, unsigned depth, bool sequential)
{
	static struct pv_blkfront_req r[MAX_DEPTH];
	static struct pv_blkfront_seg seg[MAX_DEPTH];
	struct rng g = {1};
	uint64_t next = 0, done = 0;
	uint8_t *mem = bus.front.pages_alloc(&bus, depth * (size / MEM_PAGE));
	double begin = now(), spent;
	unsigned i;
	bool moved;

	memset(r, 0, sizeof(r));
	do {
		moved = false;
		for (i = 0; i < depth; i++) {
			if (r[i].status == PV_BLKFRONT_BUSY)
				continue;
			if (r[i].status)
				die("read failed");
			done += r[i].seg != NULL;
			seg[i] = (struct pv_blkfront_seg){mem + (uint64_t)i * size, size};
			r[i].sector = (sequential ? next++ : rng_next(&g)) % (FILE_BYTES / size) *
				      (size / 512);
			r[i].seg = &seg[i];
			r[i].nseg = 1;
			if (pv_blkfront_submit(&front, &r[i]) < 0)
				die("submit failed");
			moved = true;
		}
		if (moved)
			pv_blkfront_push(&front);
		if (pv_blkfront_reap(&front, MAX_DEPTH) == 0 && !pv_blkfront_arm(&front))
			sched_yield();
		spent = now() - begin;
	} while (spent < SECONDS);
	for (i = 0; i < depth; i++)
		while (r[i].status == PV_BLKFRONT_BUSY)
			pv_blkfront_reap(&front, MAX_DEPTH);
	bus.front.pages_free(&bus, mem, depth * (size / MEM_PAGE));
	return (double)(done * size) / spent;
}

/* The same by fio; 0 where there is none. */
static double fio(const char *path, uint32_t size, unsigned depth, bool sequential)
{
	char cmd[512], line[512];
	double rate = 0;
	FILE *p;

	snprintf(cmd, sizeof(cmd),
		 "fio --name=x --filename=%s --ioengine=io_uring --rw=%s --bs=%u --iodepth=%u "
		 "--size=%llu "
		 "--time_based --runtime=%d --direct=0 --invalidate=0 --output-format=terse "
		 "2>/dev/null",
		 path, sequential ? "read" : "randread", size, depth, FILE_BYTES, (int)SECONDS);
	p = popen(cmd, "r");
	/* Field 7 of the terse format: KiB a second read. */
	if (p && fgets(line, sizeof(line), p)) {
		char *s = line;
		int field;

		for (field = 1; field < 7 && s; field++)
			s = strchr(s, ';') ? strchr(s, ';') + 1 : NULL;
		rate = s ? strtod(s, NULL) * 1024 : 0;
	}
	if (p)
		pclose(p);
	return rate;
}

static void compare(const char *what, const char *path, uint32_t size, unsigned depth,
		    bool sequential)
{
	double ours = run(size, depth, sequential), theirs = fio(path, size, depth, sequential);

	printf("%s: %.0f MiB/s, %.0f reads/s", what, ours / (1 << 20), ours / size);
	if (theirs > 0)
		printf("; fio %.0f MiB/s; ratio %.2f", theirs / (1 << 20), ours / theirs);
	printf("\n");
}

int main(int argc, char **argv)
{
	static char block[1 << 20];
	char path[256];
	uint64_t at;
	int fd;

	snprintf(path, sizeof(path), "%s/bench-blk.XXXXXX", argc > 1 ? argv[1] : ".");
	fd = mkstemp(path);
	if (fd < 0)
		die("no file");
	memset(block, 0x5a, sizeof(block));
	for (at = 0; at < FILE_BYTES; at += sizeof(block))
		if (write(fd, block, sizeof(block)) != sizeof(block))
			die("cannot write the file");
	close(fd);
	start(path);
	compare("4 KiB random reads, depth 32", path, 4096, 32, false);
	compare("4 KiB random reads, depth 1", path, 4096, 1, false);
	compare("1 MiB sequential reads, depth 4", path, 1 << 20, 4, true);
	host_disk_destroy(disk);
	unlink(path);
	return 0;
}
