/*
 * A disk of refhv with several queues: its threads, control calls at any time, and a guest that only makes noise.
 *
 * The frontend is played by hand (blk_hand.h), on a real file. Each case is a claim about the disk; those that
 * loop run with io_uring and with plain system calls.
 */
#include <host/bus.h>
#include <host/disk.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "blk_hand.h"
#include "run.h"

#define QUEUES	4u
#define SECTORS 4096u
#define PART \
	(SECTORS / QUEUES) /* each queue keeps to its part, so that their order does not matter */

static struct blk_rig rig;
static struct blk_hand hand;
static struct host_disk *disk;
static int file, kick[QUEUES];
static uint8_t model[SECTORS * 512];

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void create(bool no_uring, uint32_t sector_size)
{
	struct host_disk_config c = {.bus = &rig.bus.back,
				     .fd = dup(file),
				     .queues = QUEUES,
				     .sector_size = sector_size,
				     .persistent = true,
				     .no_uring = no_uring};
	char err[HOST_DISK_ERR_SIZE];

	memcpy(c.kick, kick, sizeof(kick));
	ck_assert_msg(host_disk_create(&disk, &c, err) == 0, "%s", err);
}

static void prepare(bool no_uring, uint32_t sector_size)
{
	unsigned i;

	blk_rig_init(&rig, 1);
	for (i = 0; i < QUEUES; i++)
		rig.bus.more_kicks[i] = kick[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rig.bus.kick_fd = kick[0];
	file = memfd_create("disk", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(file, SECTORS * 512), 0);
	memset(model, 0, sizeof(model));
	create(no_uring, sector_size);
}

static void connect(void)
{
	hand_format(&hand);
	mem_dir_state(&rig.bus, 0, 1);
	ck_assert_int_ge(host_disk_step(disk), 0);
	mem_dir_state(&rig.bus, 0, 3);
	ck_assert_int_eq(host_disk_step(disk), PV_BACK_CONNECTED);
}

static void start(bool no_uring, bool persistent)
{
	prepare(no_uring, 0);
	hand_prepare(&hand, &rig, QUEUES, 1, persistent);
	connect();
}

static void stop(void)
{
	unsigned i;

	host_disk_destroy(disk);
	hand_release(&hand);
	close(file);
	for (i = 0; i < QUEUES; i++)
		close(kick[i]);
}

static void push(unsigned q)
{
	rig.bus.front.notify(&rig.bus, 1 + q);
}

static uint32_t answered(unsigned q)
{
	return __atomic_load_n(&hand_ring(&hand, q)->rsp_prod, __ATOMIC_ACQUIRE);
}

static void await(unsigned q, uint32_t n)
{
	while (answered(q) != n)
		sched_yield();
}

static int status_of(unsigned q, uint32_t i)
{
	return ((struct pv_blkif_response *)hand_slot(&hand, q, i))->status;
}

/* One request, alone in its ring. */
static int ask(unsigned q, const struct pv_blkif_request *r)
{
	uint32_t at = hand_ring(&hand, q)->req_prod;

	hand_put(&hand, q, r);
	push(q);
	await(q, at + 1);
	return status_of(q, at);
}

/* A page of each queue, written somewhere in its part; then all are read back. */
static void round_of_io(struct rng *g)
{
	struct pv_blkif_request r;
	uint32_t at[QUEUES];
	unsigned q, k;

	for (q = 0; q < QUEUES; q++) {
		for (k = 0; k < 8; k++) {
			uint8_t *p = hand_page(&hand, 8 * q + k);

			memset(p, (int)rng_next(g), MEM_PAGE);
			r = hand_request(&hand, PV_BLKIF_OP_WRITE, 8 * q + k);
			r.sector_number = q * PART + (8 * k + rng_below(g, 10) * 80) % (PART - 8);
			r.sector_number -= r.sector_number % 8;
			memcpy(model + r.sector_number * 512, p, MEM_PAGE);
			/* In order: two of them may meet. */
			ck_assert_int_eq(ask(q, &r), 0);
		}
	}
	for (q = 0; q < QUEUES; q++) {
		at[q] = hand_ring(&hand, q)->req_prod;
		for (k = 0; k < 8; k++) {
			r = hand_request(&hand, PV_BLKIF_OP_READ, 8 * q + k);
			r.sector_number = q * PART + rng_below(g, PART / 8) * 8;
			r.id = r.sector_number;
			hand_put(&hand, q, &r);
		}
		push(q);
	}
	for (q = 0; q < QUEUES; q++) {
		await(q, at[q] + 8);
		for (k = 0; k < 8; k++)
			ck_assert_int_eq(status_of(q, at[q] + k), 0);
	}
}

static void check_file(void)
{
	static uint8_t now[SECTORS * 512];

	ck_assert_int_eq(pread(file, now, sizeof(now), 0), sizeof(now));
	ck_assert_int_eq(memcmp(now, model, sizeof(now)), 0);
}

START_TEST(queues_work_side_by_side_on_one_file)
{
	struct rng g = {test_seed("side by side")};
	struct pv_blkback_stats st;
	unsigned i;

	start(_i & 1, _i & 2);
	ck_assert_uint_eq(host_disk_queues(disk), QUEUES);
	for (i = 0; i < 100; i++)
		round_of_io(&g);
	check_file();
	host_disk_stats(disk, &st);
	ck_assert_uint_eq(st.writes, 100 * 8 * QUEUES);
	ck_assert_uint_eq(st.reads, 100 * 8 * QUEUES);
	ck_assert_uint_eq(st.kept, _i & 2 ? HAND_DATA : 0);
	ck_assert(_i & 2 ? st.reused > st.reads : st.reused == 0);
	stop();
}
END_TEST

static unsigned meddling;

static void *meddle(void *arg)
{
	struct rng g = {7};

	while (__atomic_load_n(&meddling, __ATOMIC_RELAXED)) {
		struct pv_blkback_stats st;

		switch (rng_below(&g, 4)) {
		case 0: host_disk_stats(disk, &st); break;
		case 1:
			host_disk_quiesce(disk, true);
			/* Nothing of the guest is held now but the rings. */
			ck_assert_uint_eq(__atomic_load_n(&rig.bus.maps, __ATOMIC_RELAXED),
					  hand_ring_maps(&hand));
			host_disk_quiesce(disk, false);
			break;
		case 2: host_disk_step(disk); break;
		default: host_disk_resized(disk); break;
		}
		usleep(rng_below(&g, 300));
	}
	return NULL;
}

START_TEST(control_calls_come_at_any_time)
{
	struct rng g = {test_seed("control")};
	pthread_t t;
	unsigned i;

	start(_i & 1, _i & 2);
	__atomic_store_n(&meddling, 1, __ATOMIC_RELAXED);
	ck_assert_int_eq(pthread_create(&t, NULL, meddle, NULL), 0);
	for (i = 0; i < 60; i++)
		round_of_io(&g);
	__atomic_store_n(&meddling, 0, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	check_file();
	stop();
}
END_TEST

START_TEST(disk_of_several_queues_moves_with_requests_waiting)
{
	struct rng g = {test_seed("move")};
	struct pv_blkback_state st;
	struct pv_blkif_request r;
	uint32_t at[QUEUES];
	unsigned i, q;

	start(_i & 1, _i & 2);
	for (i = 0; i < 10; i++) {
		round_of_io(&g);
		host_disk_quiesce(disk, true);
		for (q = 0; q < QUEUES; q++) {
			at[q] = hand_ring(&hand, q)->req_prod;
			r = hand_request(&hand, PV_BLKIF_OP_READ, q);
			hand_put(&hand, q, &r);
			push(q);
		}
		ck_assert_int_eq(host_disk_export(disk, &st), 0);
		host_disk_destroy(disk);
		ck_assert_uint_eq(rig.bus.maps, 0);
		create(_i & 1, 0);
		ck_assert_int_eq(host_disk_import(disk, &st, sizeof(st)), 0);
		for (q = 0; q < QUEUES; q++)
			ck_assert_uint_eq(answered(q), at[q]);
		host_disk_quiesce(disk, false);
		for (q = 0; q < QUEUES; q++)
			await(q, at[q] + 1);
	}
	check_file();
	stop();
}
END_TEST

/* B9: closed, reopened and made nonsense of while the threads are at work; XSA-349: no change leaves anything behind. */
START_TEST(transitions_with_threads_at_work_end_clean)
{
	struct rng g = {test_seed("transitions")};
	unsigned i, q, connects = 0;

	start(_i & 1, _i & 2);
	for (i = 0; i < test_runs(20000); i++) {
		for (q = 0; q < QUEUES; q++) {
			struct pv_blkif_request r = hand_request(&hand, (uint8_t)rng_below(&g, 6),
								 8 * q + rng_below(&g, 8));
			uint32_t out = hand_ring(&hand, q)->req_prod - answered(q);

			r.sector_number = 8 * rng_below(&g, SECTORS / 8);
			if (out < hand.nr && rng_below(&g, 2))
				hand_put(&hand, q, &r);
			if (rng_below(&g, 2))
				push(q);
		}
		if (rng_below(&g, 3))
			continue;
		mem_dir_state(&rig.bus, 0, (int)rng_below(&g, 8));
		if (host_disk_step(disk) != PV_BACK_CONNECTED && host_disk_queues(disk) == 0) {
			ck_assert_uint_eq(rig.bus.maps, 0);
			hand.persistent = rng_below(&g, 2);
			hand_publish(&hand);
			connect();
			connects++;
		}
	}
	ck_assert_uint_gt(connects, i / 50);
	stop();
}
END_TEST

static unsigned storming;

static void *storm(void *arg)
{
	uint64_t one = 1, n = 0;

	while (__atomic_load_n(&storming, __ATOMIC_RELAXED)) {
		n += write(kick[1], &one, sizeof(one)) == sizeof(one);
		if (n % 64 == 0)
			sched_yield();
	}
	return (void *)(uintptr_t)n;
}

/*
 * XSA-332: events without requests are heard ever more rarely, and are forgiven when requests come. The other
 * queues notice nothing.
 */
START_TEST(event_storm_is_heard_ever_more_rarely)
{
	struct pv_blkif_request r;
	uint64_t before, wakeups, began, worst = 0;
	pthread_t t;
	void *events;
	unsigned i;

	start(_i & 1, false);
	r = hand_request(&hand, PV_BLKIF_OP_READ, 0);
	before = host_disk_wakeups(disk);
	__atomic_store_n(&storming, 1, __ATOMIC_RELAXED);
	ck_assert_int_eq(pthread_create(&t, NULL, storm, NULL), 0);
	began = now_ms();
	for (i = 0; now_ms() - began < 1000; i++) {
		uint64_t at = now_ms(), took;

		hand_put(&hand, 0, &r);
		push(0);
		await(0, i + 1);
		took = now_ms() - at;
		worst = took > worst ? took : worst;
		usleep(5000);
	}
	wakeups = host_disk_wakeups(disk) - before;
	/* The noisy queue is still served. */
	hand_put(&hand, 1, &r);
	began = now_ms();
	await(1, 1);
	ck_assert_uint_lt(now_ms() - began, 1000);
	__atomic_store_n(&storming, 0, __ATOMIC_RELAXED);
	pthread_join(t, &events);
	printf("# %llu events, %llu wake-ups, %u requests beside them, the slowest %llu ms\n",
	       (unsigned long long)(uintptr_t)events, (unsigned long long)wakeups, i,
	       (unsigned long long)worst);
	ck_assert_uint_gt((uintptr_t)events, 2000);
	/* 16 free ones, then a delay that reaches 10 ms: some 150 a second; three for each request beside it. */
	ck_assert_uint_lt(wakeups, 400 + 3 * i);
	stop();
}
END_TEST

START_TEST(sectors_of_4096_bytes_are_offered_and_kept_to)
{
	struct pv_blkif_request r;

	prepare(_i & 1, 4096);
	hand_prepare(&hand, &rig, QUEUES, 1, false);
	connect();
	ck_assert_str_eq(mem_dir_read(&rig.bus, 1, "sector-size"), "4096");
	ck_assert_str_eq(mem_dir_read(&rig.bus, 1, "physical-sector-size"), "4096");
	/* Still counted in units of 512 bytes. */
	ck_assert_str_eq(mem_dir_read(&rig.bus, 1, "sectors"), "4096");
	r = hand_request(&hand, PV_BLKIF_OP_WRITE, 0);
	ck_assert_int_eq(ask(0, &r), PV_BLKIF_RSP_OKAY);
	r.sector_number = 17;
	ck_assert_int_eq(ask(0, &r), PV_BLKIF_RSP_ERROR);
	r.sector_number = 16;
	r.seg[0].last_sect = 6;
	ck_assert_int_eq(ask(0, &r), PV_BLKIF_RSP_ERROR);
	stop();
}
END_TEST

START_TEST(disk_that_grows_is_told_and_the_new_end_can_be_used)
{
	struct pv_blkif_request r;

	start(_i & 1, false);
	r = hand_request(&hand, PV_BLKIF_OP_READ, 0);
	r.sector_number = SECTORS;
	ck_assert_int_eq(ask(2, &r), PV_BLKIF_RSP_ERROR);
	ck_assert_int_eq(host_disk_resized(disk), 0);
	ck_assert_int_eq(ftruncate(file, 2 * SECTORS * 512), 0);
	rig.bus.front_watch = 0;
	ck_assert_int_eq(host_disk_resized(disk), 1);
	/* The state is written again, which is what a frontend looks at. */
	ck_assert_uint_eq(rig.bus.front_watch, 1);
	ck_assert_str_eq(mem_dir_read(&rig.bus, 1, "sectors"), "8192");
	ck_assert_int_eq(ask(2, &r), PV_BLKIF_RSP_OKAY);
	stop();
}
END_TEST

static void count_told(void *ctx, const char *kind, unsigned index, const char *reason)
{
	++*(unsigned *)ctx;
}

/* XSA-157, XSA-146: a guest that breaks its device and comes back, for ever. */
START_TEST(reason_of_a_stop_is_told_a_few_times_and_no_more)
{
	static struct host_bus b;
	unsigned told = 0, i;
	struct host_bus_config c = {.kind = "vbd", .broken = count_told, .ctx = &told};

	host_bus_init(&b, &c);
	for (i = 0; i < 100000; i++)
		if (i % 2)
			b.bus.broken(b.bus.ctx, "a test");
		else
			host_bus_tell(&b, "another");
	ck_assert_uint_eq(told, HOST_BUS_REASONS + 1);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("disk queues");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, queues_work_side_by_side_on_one_file, 0, 4);
	tcase_add_loop_test(t, control_calls_come_at_any_time, 0, 4);
	tcase_add_loop_test(t, disk_of_several_queues_moves_with_requests_waiting, 0, 4);
	tcase_add_loop_test(t, transitions_with_threads_at_work_end_clean, 0, 4);
	tcase_add_loop_test(t, event_storm_is_heard_ever_more_rarely, 0, 2);
	tcase_add_loop_test(t, sectors_of_4096_bytes_are_offered_and_kept_to, 0, 2);
	tcase_add_loop_test(t, disk_that_grows_is_told_and_the_new_end_can_be_used, 0, 2);
	tcase_add_test(t, reason_of_a_stop_is_told_a_few_times_and_no_more);
	return run_case("disk queues", t);
}
