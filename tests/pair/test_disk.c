/*
 * A block frontend against a real file: the disk of refhv, its thread, io_uring and plain system
 * calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <host/disk.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>
#include <pv/front/blk.h>
#include "mem_bus.h"
#include "run.h"
#ifdef HAVE_LIBURING
#include <host/disk_ring.h>
#include <sys/socket.h>
#endif

#define SECTORS 8192u /* 4 MiB */
#define CHUNK	(64u * 1024)

static uint64_t seed;
static struct mem_bus bus;
static struct pv_blkfront front;
static struct host_disk *disk;
static char err[HOST_DISK_ERR_SIZE];
static int file, kick;
static uint8_t *buf;
static int failures;
static unsigned writes_here, write_ns;

static void failed(void *ctx, int error, uint64_t sector)
{
	__atomic_add_fetch(&failures, 1, __ATOMIC_RELAXED);
}

/* In place of the C library's: what a write of the disk's own thread goes through. */
ssize_t pwritev(int fd, const struct iovec *iov, int n, off_t offset)
{
	struct timespec t = {.tv_nsec = (long)__atomic_load_n(&write_ns, __ATOMIC_RELAXED)};

	__atomic_add_fetch(&writes_here, 1, __ATOMIC_RELAXED);
	if (t.tv_nsec)
		nanosleep(&t, NULL);
	return syscall(SYS_pwritev, fd, iov, n, offset, 0);
}

static int make_file(uint64_t bytes)
{
	int fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

static void connect_both(void)
{
	int i, f = 0, b = 0;

	for (i = 0; i < 6; i++) {
		f = pv_blkfront_step(&front);
		b = host_disk_step(disk);
	}
	ck_assert_int_eq(f, PV_FRONT_CONNECTED);
	ck_assert_int_eq(b, PV_BACK_CONNECTED);
}

static void create(bool readonly, bool no_uring)
{
	struct host_disk_config c = {.bus = &bus.back,
				     .fd = dup(file),
				     .kick = {kick},
				     .readonly = readonly,
				     .no_uring = no_uring,
				     .failed = failed};

	ck_assert_msg(host_disk_create(&disk, &c, err) == 0, "%s", err);
}

static void start(bool readonly, bool no_uring)
{
	struct pv_blkfront_config fc = {.ring_order = 2, .max_segs = 64, .grefs = 1024};

	mem_bus_init(&bus);
	kick = eventfd(0, EFD_CLOEXEC);
	bus.kick_fd = kick;
	file = make_file(SECTORS * 512);
	failures = 0;
	create(readonly, no_uring);
	pv_blkfront_init(&front, &bus.front, &fc, NULL, NULL);
	connect_both();
	buf = bus.front.pages_alloc(&bus, 16 * CHUNK / MEM_PAGE);
}

static void stop(void)
{
	int i;

	pv_blkfront_close(&front);
	for (i = 0; i < 6; i++) {
		host_disk_step(disk);
		pv_blkfront_step(&front);
	}
	host_disk_destroy(disk);
	bus.front.pages_free(&bus, buf, 16 * CHUNK / MEM_PAGE);
	ck_assert(mem_bus_idle(&bus, 0));
	ck_assert_msg(!mem_bus_error(&bus), "%s", mem_bus_error(&bus));
	mem_bus_fini(&bus);
	close(file);
	close(kick);
}

static void wait_for(struct pv_blkfront_req *r)
{
	while (r->status == PV_BLKFRONT_BUSY)
		if (pv_blkfront_reap(&front, 64) == 0 && !pv_blkfront_arm(&front))
			sched_yield();
}

static int io(uint8_t op, uint64_t sector, uint64_t sectors, uint8_t *p)
{
	struct pv_blkfront_seg seg = {.va = p, .len = (uint32_t)(sectors * 512)};
	struct pv_blkfront_req r = {.op = op, .sector = sector};
	int rc;

	if (op == PV_BLKFRONT_DISCARD) {
		r.nr_sectors = sectors;
	} else if (op != PV_BLKFRONT_FLUSH) {
		r.seg = &seg;
		r.nseg = 1;
	}
	rc = pv_blkfront_submit(&front, &r);
	if (rc < 0)
		return rc;
	pv_blkfront_push(&front);
	wait_for(&r);
	return r.status;
}

static void random_io(struct rng *g, unsigned rounds)
{
	struct pv_blkfront_req r[16];
	struct pv_blkfront_seg seg[16];
	static uint8_t model[SECTORS * 512], now[SECTORS * 512];
	unsigned i, k;

	ck_assert_int_eq(pread(file, model, sizeof(model), 0), sizeof(model));
	for (k = 0; k < rounds; k++) {
		uint64_t sector = 0;

		/* A batch of 16 requests side by side, so that their order does not matter. */
		for (i = 0; i < 16; i++) {
			uint32_t n = 1 + rng_below(g, 100);
			uint8_t *p = buf + i * CHUNK + 512 * rng_below(g, 8), *m;
			uint32_t b;

			sector += rng_below(g, 300);
			m = model + sector * 512;
			memset(&r[i], 0, sizeof(r[i]));
			seg[i] = (struct pv_blkfront_seg){p, n * 512};
			r[i].op = rng_below(g, 2) ? PV_BLKFRONT_READ : PV_BLKFRONT_WRITE;
			r[i].sector = sector;
			r[i].seg = &seg[i];
			r[i].nseg = 1;
			for (b = 0; b < n * 512; b += 64)
				p[b] = (uint8_t)rng_next(g);
			if (r[i].op == PV_BLKFRONT_WRITE)
				memcpy(m, p, n * 512);
			ck_assert_int_eq(pv_blkfront_submit(&front, &r[i]), 0);
			sector += n;
		}
		pv_blkfront_push(&front);
		for (i = 0; i < 16; i++) {
			wait_for(&r[i]);
			ck_assert_int_eq(r[i].status, 0);
			if (r[i].op == PV_BLKFRONT_READ)
				ck_assert_int_eq(
					memcmp(seg[i].va, model + r[i].sector * 512, seg[i].len),
					0);
		}
	}
	ck_assert_int_eq(io(PV_BLKFRONT_FLUSH, 0, 0, NULL), 0);
	ck_assert_int_eq(pread(file, now, sizeof(now), 0), sizeof(now));
	ck_assert_int_eq(memcmp(model, now, sizeof(now)), 0);
}

START_TEST(random_io_matches_the_file)
{
	struct rng g = {seed};

	start(false, _i);
	ck_assert(!(_i && host_disk_uses_uring(disk)));
	random_io(&g, 300);
	stop();
}
END_TEST

START_TEST(discard_punches_a_hole)
{
	struct stat st;
	blkcnt_t before;

	start(false, _i);
	memset(buf, 0xaa, CHUNK);
	ck_assert_int_eq(io(PV_BLKFRONT_WRITE, 128, CHUNK / 512, buf), 0);
	fstat(file, &st);
	before = st.st_blocks;
	ck_assert_int_eq(io(PV_BLKFRONT_DISCARD, 128, CHUNK / 512, NULL), 0);
	fstat(file, &st);
	ck_assert_int_lt(st.st_blocks, before);
	ck_assert_int_eq(st.st_size, SECTORS * 512);
	ck_assert_int_eq(io(PV_BLKFRONT_READ, 128, CHUNK / 512, buf), 0);
	ck_assert(buf[0] == 0 && memcmp(buf, buf + 1, CHUNK - 1) == 0);
	stop();
}
END_TEST

START_TEST(readonly_disk_refuses_writes_in_the_frontend_and_the_backend)
{
	start(true, _i);
	ck_assert(front.info.readonly);
	ck_assert_int_eq(io(PV_BLKFRONT_WRITE, 0, 8, buf), -PV_EROFS);
	/* A frontend that does not look at the flag meets the backend. */
	front.info.readonly = false;
	front.info.discard = true;
	ck_assert_int_eq(io(PV_BLKFRONT_WRITE, 0, 8, buf), -PV_EIO);
	ck_assert_int_lt(io(PV_BLKFRONT_DISCARD, 0, 8, NULL), 0);
	ck_assert_int_eq(io(PV_BLKFRONT_READ, 0, 8, buf), 0);
	stop();
}
END_TEST

START_TEST(file_that_shrinks_costs_the_request)
{
	start(false, _i);
	ck_assert_int_eq(ftruncate(file, SECTORS * 256), 0);
	ck_assert_int_eq(io(PV_BLKFRONT_READ, SECTORS - 8, 8, buf), -PV_EIO);
	/* The half that is there does not make a whole. */
	ck_assert_int_eq(io(PV_BLKFRONT_READ, SECTORS / 2 - 4, 8, buf), -PV_EIO);
	ck_assert_int_eq(io(PV_BLKFRONT_READ, SECTORS / 2 - 8, 8, buf), 0);
	ck_assert_int_eq(failures, 1);
	ck_assert_int_eq(host_disk_resized(disk), 1);
	ck_assert_int_eq(pv_blkfront_step(&front), PV_FRONT_CONNECTED);
	ck_assert_uint_eq(front.info.sectors, SECTORS / 2);
	stop();
}
END_TEST

START_TEST(write_that_the_file_refuses_is_an_error_told_once)
{
	start(false, _i);
	ck_assert_int_eq(fcntl(file, F_ADD_SEALS, F_SEAL_WRITE), 0);
	ck_assert_int_eq(io(PV_BLKFRONT_WRITE, 0, 8, buf), -PV_EIO);
	ck_assert_int_eq(io(PV_BLKFRONT_WRITE, 8, 8, buf), -PV_EIO);
	ck_assert_int_eq(failures, 1);
	ck_assert_int_eq(io(PV_BLKFRONT_READ, 0, 8, buf), 0);
	stop();
}
END_TEST

static unsigned write_some(unsigned n)
{
	unsigned before = __atomic_load_n(&writes_here, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < n; i++) {
		memset(buf, (int)i + 1, CHUNK);
		ck_assert_int_eq(io(PV_BLKFRONT_WRITE, i % 8 * (CHUNK / 512), CHUNK / 512, buf), 0);
	}
	return __atomic_load_n(&writes_here, __ATOMIC_RELAXED) - before;
}

START_TEST(write_of_one_after_another_wakes_the_thread_once_at_most)
{
	uint64_t before;

	start(false, _i);
	write_some(8);
	before = host_disk_wakeups(disk);
	ck_assert_uint_eq(write_some(200), 200);
	/* The control calls of this test are wake-ups, too. */
	ck_assert_uint_le(host_disk_wakeups(disk) - before, 220);
	stop();
}
END_TEST

START_TEST(writes_that_have_to_wait_leave_the_thread_for_a_while)
{
	static uint8_t now[CHUNK];

	start(false, false);
	if (!host_disk_uses_uring(disk)) {
		stop();
		return;
	}
	__atomic_store_n(&write_ns, 50000000u, __ATOMIC_RELAXED);
	/* The first takes 50 ms; the next ones do not for a second. */
	ck_assert_uint_lt(write_some(200), 5);
	ck_assert_int_eq(pread(file, now, sizeof(now), 7 * CHUNK), sizeof(now));
	ck_assert(now[0] == 200 && !memcmp(now, now + 1, sizeof(now) - 1));
	__atomic_store_n(&write_ns, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; write_some(8) < 8; i++) {
		ck_assert_uint_lt(i, 1000);
		usleep(10000);
	}
	stop();
}
END_TEST

/* The disk moves to a new process: state out, a new disk on the same file, state in. */
START_TEST(disk_moves_with_requests_waiting)
{
	struct pv_blkback_state st;
	struct rng g = {seed};
	struct pv_blkfront_seg seg = {.len = 4096};
	struct pv_blkfront_req r;
	unsigned k;

	start(false, _i);
	seg.va = buf;
	for (k = 0; k < 20; k++) {
		random_io(&g, 2);
		host_disk_quiesce(disk, true);
		memset(buf, (int)k + 1, 4096);
		r = (struct pv_blkfront_req){
			.op = PV_BLKFRONT_WRITE, .sector = 64, .seg = &seg, .nseg = 1};
		ck_assert_int_eq(pv_blkfront_submit(&front, &r), 0);
		pv_blkfront_push(&front);
		ck_assert_int_eq(host_disk_export(disk, &st), 0);
		ck_assert_int_eq(host_disk_sync(disk), 0);
		host_disk_destroy(disk);
		create(false, _i);
		ck_assert_int_eq(host_disk_import(disk, &st, sizeof(st)), 0);
		ck_assert_int_eq(r.status, PV_BLKFRONT_BUSY);
		host_disk_quiesce(disk, false);
		wait_for(&r);
		ck_assert_int_eq(r.status, 0);
		ck_assert_int_eq(io(PV_BLKFRONT_READ, 64, 8, buf + CHUNK), 0);
		ck_assert_int_eq(memcmp(buf, buf + CHUNK, 4096), 0);
	}
	stop();
}
END_TEST

START_TEST(hostile_ring_stops_the_disk_and_a_new_frontend_is_served)
{
	struct pv_blkfront_config fc = {0};
	struct pv_sring *ring;
	uint64_t one = 1;

	start(false, _i);
	ring = front.ring.shared;
	__atomic_store_n(&ring->req_prod, 0x80000000u, __ATOMIC_SEQ_CST);
	ck_assert_int_eq(write(kick, &one, sizeof(one)), sizeof(one));
	while (!__atomic_load_n(&bus.nr_broken, __ATOMIC_RELAXED))
		sched_yield();
	ck_assert_int_eq(host_disk_step(disk), -PV_EPROTO);
	pv_blkfront_step(&front);
	host_disk_step(disk);
	pv_blkfront_init(&front, &bus.front, &fc, NULL, NULL);
	connect_both();
	ck_assert_int_eq(io(PV_BLKFRONT_READ, 0, 8, buf), 0);
	stop();
}
END_TEST

START_TEST(unusable_descriptors_are_refused_with_a_reason)
{
	struct host_disk_config c = {.kick = {-1}};
	int p[2];

	mem_bus_init(&bus);
	c.bus = &bus.back;
	ck_assert_int_eq(pipe(p), 0);
	c.fd = p[0];
	ck_assert_int_eq(host_disk_create(&disk, &c, err), -EINVAL);
	close(p[1]);
	c.fd = make_file(511);
	ck_assert_int_eq(host_disk_create(&disk, &c, err), -EINVAL);
	ck_assert_str_eq(err, "is smaller than one sector");
	c.fd = open("/proc/self/exe", O_RDONLY);
	ck_assert_int_eq(host_disk_create(&disk, &c, err), -EROFS);
	c.fd = -1;
	ck_assert_int_eq(host_disk_create(&disk, &c, err), -EBADF);
	mem_bus_fini(&bus);
}
END_TEST

#ifdef HAVE_LIBURING
/* What the kernel makes of the one operation that was prepared. */
static int outcome(struct io_uring *ring)
{
	struct io_uring_cqe *cqe;
	int rc = io_uring_submit_and_wait(ring, 1);

	ck_assert_int_ge(rc, 0);
	ck_assert_int_eq(io_uring_peek_cqe(ring, &cqe), 0);
	rc = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return rc;
}

/* A ring of the domain process must not be a way around its seccomp filter. */
START_TEST(ring_does_a_disks_work_on_its_own_files_and_nothing_else)
{
	int fd[RING_FILES] = {make_file(4096), eventfd(0, 0), eventfd(0, 0)};
	struct io_uring ring;
	struct io_uring_sqe *sqe;
	char b[16] = "";
	int i;

	/* No ring, or none that can be restricted: no way around. */
	if (io_uring_queue_init(8, &ring, IORING_SETUP_R_DISABLED) < 0)
		return;
	io_uring_queue_exit(&ring);
	ck_assert_int_eq(disk_ring_open(&ring, fd), 0);
	for (i = 0; i < 7; i++) {
		sqe = io_uring_get_sqe(&ring);
		switch (i) {
		case 0: io_uring_prep_openat(sqe, AT_FDCWD, "/", O_RDONLY, 0); break;
		case 1: io_uring_prep_socket(sqe, AF_UNIX, SOCK_STREAM, 0, 0); break;
		case 2: io_uring_prep_connect(sqe, RING_DISK, NULL, 0); break;
		case 3: io_uring_prep_statx(sqe, AT_FDCWD, "/", 0, 0, NULL); break;
		case 4: io_uring_prep_close(sqe, fd[RING_KICK]); break;
		case 5: io_uring_prep_nop(sqe); break;
		default:
			/* A disk's operation, but on any descriptor of the process. */
			io_uring_prep_read(sqe, fd[RING_DISK], b, sizeof(b), 0);
			break;
		}
		if (i < 6)
			sqe->flags |= IOSQE_FIXED_FILE;
		ck_assert_msg(outcome(&ring) == -EACCES, "operation %d was not refused", i);
	}
	ck_assert_int_lt(io_uring_unregister_files(&ring), 0);
	sqe = io_uring_get_sqe(&ring);
	io_uring_prep_read(sqe, RING_DISK, b, sizeof(b), 0);
	sqe->flags |= IOSQE_FIXED_FILE;
	ck_assert_int_eq(outcome(&ring), sizeof(b));
	io_uring_queue_exit(&ring);
	for (i = 0; i < RING_FILES; i++)
		close(fd[i]);
}
END_TEST
#endif

int main(void)
{
	TCase *tc = tcase_create("pair");

	seed = test_seed("disk pair");
	tcase_set_timeout(tc, 120);
	/* 0: io_uring where there is one; 1: plain system calls. */
	tcase_add_loop_test(tc, random_io_matches_the_file, 0, 2);
	tcase_add_loop_test(tc, discard_punches_a_hole, 0, 2);
	tcase_add_loop_test(tc, readonly_disk_refuses_writes_in_the_frontend_and_the_backend, 0, 2);
	tcase_add_loop_test(tc, file_that_shrinks_costs_the_request, 0, 2);
	tcase_add_loop_test(tc, write_that_the_file_refuses_is_an_error_told_once, 0, 2);
	tcase_add_loop_test(tc, write_of_one_after_another_wakes_the_thread_once_at_most, 0, 2);
	tcase_add_test(tc, writes_that_have_to_wait_leave_the_thread_for_a_while);
	tcase_add_loop_test(tc, disk_moves_with_requests_waiting, 0, 2);
	tcase_add_loop_test(tc, hostile_ring_stops_the_disk_and_a_new_frontend_is_served, 0, 2);
	tcase_add_test(tc, unusable_descriptors_are_refused_with_a_reason);
#ifdef HAVE_LIBURING
	tcase_add_test(tc, ring_does_a_disks_work_on_its_own_files_and_nothing_else);
#endif
	return run_case("disk pair", tc);
}
