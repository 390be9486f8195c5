/*
 * dirty: the log of written pages, by both of its methods
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "machine.h"
#include "run.h"

#define PAGES (RAM_SIZE >> 12)
#define WORDS (PAGES / 64)
#define CHUNK 16u /* pages that the log by protection takes together */

static struct machine m;
static uint64_t bitmap[WORDS];

static bool has(uint64_t page)
{
	return bitmap[page / 64] >> page % 64 & 1;
}

static void collect(void)
{
	memset(bitmap, 0, sizeof(bitmap));
	ck_assert_int_eq(engine_user.dirty_collect(m.e, bitmap), 0);
}

static void choose_method(int i)
{
	setenv("REFHV_ENGINE_FORCE", i ? "mprotect" : "default", 1);
}

/* Skips the test where the kernel does not have what is asked for. */
static bool exact(void)
{
	struct engine_info info;

	engine_user.info(m.e, &info);
	return info.caps & ENGINE_CAP_DIRTY_UFFD;
}

static void write_pages(uint64_t round, uint64_t first, uint64_t count, uint64_t distance)
{
	uint64_t *command = (uint64_t *)(m.ram + COMMAND_GPA);

	command[1] = first;
	command[2] = count;
	command[3] = distance;
	__atomic_store_n(&command[0], round, __ATOMIC_SEQ_CST);
	machine_wait_reports(&m, (unsigned)round + 1);
}

START_TEST(collect_names_the_pages_that_were_written)
{
	static const struct {
		uint64_t first, count, distance;
	} round[] = {{0x900, 1, 1},  {0x900, 100, 1},  {0x1000, 40, 16}, {0x900, 0, 1},
		     {0x1fff, 1, 1}, {0x801, 2000, 3}, {0x900, 1, 1}};
	unsigned missing = 0, extra = 0;

	choose_method(_i);
	machine_start(&m, (struct machine_config){.task = TASK_DIRTY});
	machine_wait_reports(&m, 1);
	ck_assert_int_eq(engine_user.dirty_start(m.e), 0);
	for (unsigned i = 0; i < sizeof(round) / sizeof(round[0]); i++) {
		write_pages(i + 1, round[i].first, round[i].count, round[i].distance);
		if (i & 1)
			ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
		collect();
		if (i & 1)
			ck_assert_int_eq(engine_user.resume(m.e), 0);
		/* Below SCRATCH_GPA the guest's own stack and data are. */
		for (uint64_t p = SCRATCH_GPA >> 12; p < PAGES; p++) {
			uint64_t n = p - round[i].first, reach = exact() ? 1 : CHUNK;
			bool written = p >= round[i].first && n % round[i].distance == 0 &&
				       n / round[i].distance < round[i].count;
			bool near = false;

			for (uint64_t q = p / reach * reach; q < p / reach * reach + reach; q++)
				near |= q >= round[i].first &&
					(q - round[i].first) % round[i].distance == 0 &&
					(q - round[i].first) / round[i].distance < round[i].count;
			missing += written && !has(p);
			extra += has(p) && !near;
		}
	}
	ck_assert_uint_eq(missing, 0);
	ck_assert_uint_eq(extra, 0);
	engine_user.dirty_stop(m.e);
	ck_assert_int_lt(engine_user.dirty_collect(m.e, bitmap), 0);
	write_pages(8, 0x900, 100, 1);
	machine_stop(&m);
}
END_TEST

START_TEST(own_writes_are_logged_by_mark)
{
	choose_method(_i);
	machine_start(&m, (struct machine_config){.task = TASK_DIRTY});
	machine_wait_reports(&m, 1);
	engine_user.mark_dirty(m.e, 0x1f00000, 1);
	ck_assert_int_eq(engine_user.dirty_start(m.e), 0);
	engine_user.mark_dirty(m.e, 0x1000fff, 2);
	engine_user.mark_dirty(m.e, RAM_SIZE - 1, 100000);
	engine_user.mark_dirty(m.e, RAM_SIZE, 1);
	engine_user.mark_dirty(m.e, 0x1200000, 0);
	engine_user.mark_dirty(m.e, ~0ull, ~0ull);
	collect();
	ck_assert(has(0x1000) && has(0x1001) && !has(0xfff) && !has(0x1002) && has(PAGES - 1));
	ck_assert(!has(0x1f00) && !has(0x1200));
	/* A mark may have come before its write: it counts once more, and then no more. */
	collect();
	ck_assert(has(0x1000) && has(0x1001) && !has(0xfff) && !has(0x1002) && has(PAGES - 1));
	collect();
	ck_assert(!has(0x1000) && !has(0x1001) && !has(PAGES - 1));
	machine_stop(&m);
}
END_TEST

/*
 * The use that a migration makes of it: pages named by the log are copied while two vCPUs and this
 * process write; after a last round at rest the copy must equal memory.
 */
START_TEST(copy_by_the_log_equals_memory)
{
	char *copy = malloc(RAM_SIZE);
	unsigned seed = 12345;

	choose_method(_i);
	machine_start(&m, (struct machine_config){.task = TASK_STORM_BOOT, .vcpus = 2});
	usleep(20000);
	ck_assert_int_eq(engine_user.dirty_start(m.e), 0);
	memcpy(copy, m.ram, RAM_SIZE);
	for (int round = 0; round < 60; round++) {
		for (int i = 0; i < 20; i++) {
			uint64_t gpa = ((SCRATCH_GPA >> 12) + (uint64_t)rand_r(&seed) % 4000) << 12;

			/* Before the write for once, as a hook that hands out a pointer has to. */
			engine_user.mark_dirty(m.e, gpa + 4000, 1);
			m.ram[gpa + 4000]++;
		}
		usleep(500);
		if (round == 59)
			ck_assert_int_eq(engine_user.pause(m.e, 5000), 0);
		collect();
		for (uint64_t p = 0; p < PAGES; p++)
			if (has(p))
				memcpy(copy + (p << 12), m.ram + (p << 12), 4096);
	}
	for (uint64_t p = 0; p < PAGES; p++)
		ck_assert_msg(!memcmp(copy + (p << 12), m.ram + (p << 12), 4096),
			      "page %#llx was lost", (unsigned long long)p);
	/* And it goes on, with the log or without. */
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	engine_user.dirty_stop(m.e);
	ck_assert_msg(!m.dead, "%s", m.why);
	machine_stop(&m);
	free(copy);
}
END_TEST

/* Writes through a mapping elsewhere count, also when the mapping has gone before anybody looked.
 */
START_TEST(writes_through_other_mappings_are_logged)
{
	choose_method(_i);
	machine_start(&m, (struct machine_config){
				  .task = TASK_MAPPING_KEPT, .paging = true, .held = true});
	ck_assert_int_eq(engine_user.dirty_start(m.e), 0);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	machine_wait_reports(&m, 1);
	collect();
	ck_assert(has((SCRATCH_GPA + 0x20000) >> 12));
	collect();
	ck_assert(has((SCRATCH_GPA + 0x20000) >> 12));
	m.ram[SCRATCH_GPA + 0x20000] = 2;
	ck_assert_uint_eq(machine_run(&m), 0);
	machine_stop(&m);

	machine_start(&m,
		      (struct machine_config){.task = TASK_MAPPING, .paging = true, .held = true});
	ck_assert_int_eq(engine_user.dirty_start(m.e), 0);
	ck_assert_int_eq(engine_user.resume(m.e), 0);
	ck_assert_uint_eq(machine_run(&m), 0);
	collect();
	ck_assert(has((SCRATCH_GPA + 0x10000) >> 12));
	machine_stop(&m);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("dirty");

	tcase_set_timeout(t, 60);
	tcase_add_loop_test(t, collect_names_the_pages_that_were_written, 0, 2);
	tcase_add_loop_test(t, own_writes_are_logged_by_mark, 0, 2);
	tcase_add_loop_test(t, copy_by_the_log_equals_memory, 0, 2);
	tcase_add_loop_test(t, writes_through_other_mappings_are_logged, 0, 2);
	return run_case("engine-dirty", t);
}
