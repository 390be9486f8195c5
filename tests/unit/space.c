/*
 * space: claims about guest-physical space: what is memory, what becomes and ceases to be it, and what of it is there when it is made of large pages
 */
#include <fcntl.h>
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include "domain/domain.h"
#include "run.h"

#define MIB	  (1ull << 20)
#define RAM	  (4 * MIB)
#define SPAN	  (64 * MIB)
#define LARGE_GFN 512ull

static struct domain d;
static unsigned told;
static int engine_says;

static int frame_set(struct engine *e, uint64_t gfn, bool present)
{
	told++;
	return engine_says;
}

static int overlay_set(struct engine *e, uint64_t gfn, uint64_t source, unsigned flags)
{
	return 0;
}

static void mark_dirty(struct engine *e, uint64_t gpa, uint64_t len)
{
}

static const struct engine_impl impl = {
	.frame_set = frame_set, .overlay_set = overlay_set, .mark_dirty = mark_dirty};

static void setup(void)
{
	const struct engine_region ram = {0, RAM};

	d = (struct domain){.impl = &impl};
	ck_assert_int_eq(space_create(&d.space, SPAN, &ram, 1, 0), 0);
	told = 0;
	engine_says = 0;
}

static void teardown(void)
{
	munmap(d.space.ram, d.space.size);
	close(d.space.fd);
	free(d.space.odd);
	free(d.space.overlay);
}

/* Whether the page has storage of its own. */
static bool is_there(uint64_t gfn)
{
	return lseek(d.space.fd, (off_t)(gfn << 12), SEEK_DATA) == (off_t)(gfn << 12);
}

static uint64_t stored(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(d.space.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void touch(uint64_t gfn)
{
	memset(space_at(&d.space, gfn << 12, 1), 1, 1);
}

START_TEST(page_outside_ram_is_memory_while_the_engine_takes_it)
{
	const uint64_t gfn = SPAN / 4096 - 1;

	ck_assert_ptr_null(space_at(&d.space, gfn << 12, 4096));
	engine_says = -PV_ENOSPC;
	ck_assert_int_eq(space_frame_set(&d, gfn, true), -PV_ENOSPC);
	ck_assert_ptr_null(space_at(&d.space, gfn << 12, 4096));
	engine_says = 0;
	ck_assert_int_eq(space_frame_set(&d, gfn, true), 0);
	ck_assert_ptr_nonnull(space_at(&d.space, gfn << 12, 4096));
	ck_assert_int_eq(space_frame_set(&d, gfn, false), 0);
	ck_assert_ptr_null(space_at(&d.space, gfn << 12, 4096));
	ck_assert_int_eq(space_frame_set(&d, gfn + 1, true), -PV_EINVAL);
}
END_TEST

START_TEST(page_given_back_is_no_memory_and_has_no_storage)
{
	touch(7);
	ck_assert(is_there(7));
	ck_assert_int_eq(space_release(&d, 7, 0), 0);
	ck_assert(!is_there(7));
	ck_assert_ptr_null(space_at(&d.space, 7 << 12, 1));
	ck_assert_int_eq(space_release(&d, 7, 0), -PV_EINVAL);
	ck_assert_int_eq(space_populate(&d, 7, 0), 0);
	ck_assert_int_eq(*(char *)space_at(&d.space, 7 << 12, 1), 0);
	ck_assert_int_eq(space_populate(&d, 7, 0), -PV_EINVAL);
}
END_TEST

START_TEST(large_page_outside_ram_is_there_before_anybody_touches_it)
{
	const uint64_t gfn = 10 * LARGE_GFN + 77;

	d.space.large = true;
	ck_assert_uint_eq(stored(), 0);
	ck_assert_int_eq(space_frame_set(&d, gfn, true), 0);
	ck_assert_uint_ge(stored(), 2 * MIB);
	ck_assert_uint_eq(d.space.ntaken, 1);
	ck_assert_int_eq(space_frame_set(&d, gfn - 1, true), 0);
	ck_assert_uint_eq(d.space.ntaken, 1);
}
END_TEST

START_TEST(guest_cannot_draw_the_pool_of_large_pages_empty)
{
	d.space.large = true;
	for (uint64_t i = 0; i < SPACE_LARGE_MAX; i++)
		ck_assert_int_eq(space_frame_set(&d, (5 + i) * LARGE_GFN, true), 0);
	told = 0;
	ck_assert_int_eq(space_frame_set(&d, 4 * LARGE_GFN, true), -PV_ENOMEM);
	ck_assert_int_eq(space_populate(&d, 4 * LARGE_GFN, 0), -PV_ENOMEM);
	ck_assert_uint_lt(stored(), (SPACE_LARGE_MAX + 1) * 2 * MIB);
	ck_assert_uint_eq(told, 0);
	/* What it has it may use otherwise. */
	ck_assert_int_eq(space_frame_set(&d, 5 * LARGE_GFN, false), 0);
	ck_assert_int_eq(space_frame_set(&d, 5 * LARGE_GFN + 3, true), 0);
}
END_TEST

START_TEST(large_page_that_the_host_does_not_have_is_refused_and_not_touched)
{
	int fd = d.space.fd;

	/* Nothing can be allocated through this one. */
	d.space.large = true;
	d.space.fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(space_frame_set(&d, 10 * LARGE_GFN, true), -PV_ENOMEM);
	ck_assert_ptr_null(space_at(&d.space, 10 * LARGE_GFN << 12, 1));
	ck_assert_uint_eq(told, 0);
	ck_assert_uint_eq(d.space.ntaken, 0);
	close(d.space.fd);
	d.space.fd = fd;
}
END_TEST

START_TEST(balloon_leaves_large_pages_where_they_are)
{
	d.space.large = true;
	for (uint64_t gfn = 0; gfn < LARGE_GFN; gfn++)
		touch(gfn);
	ck_assert_int_eq(space_release(&d, 0, 9), 0);
	ck_assert_ptr_null(space_at(&d.space, 0, 1));
	ck_assert(is_there(0) && is_there(LARGE_GFN - 1));
	ck_assert_int_eq(space_populate(&d, 0, 9), 0);
	ck_assert_ptr_nonnull(space_at(&d.space, 0, 1));
}
END_TEST

START_TEST(part_of_a_large_page_shows_no_other_page)
{
	ck_assert_int_eq(space_overlay_set(&d, 3, 4, 0), 0);
	ck_assert_int_eq(space_overlay_set(&d, 3, PV_PHYSMAP_NONE, 0), 0);
	d.space.large = true;
	ck_assert_int_eq(space_overlay_set(&d, 3, 4, 0), -PV_EOPNOTSUPP);
	ck_assert_int_eq(space_overlay_set(&d, 0, LARGE_GFN, 0), -PV_EOPNOTSUPP);
}
END_TEST

START_TEST(span_of_large_pages_is_whole_ones)
{
	const struct engine_region ram = {0, RAM};
	struct space s;

	/* The host may have none: the size is known all the same. */
	if (!space_create(&s, SPAN + 4096, &ram, 1, ENGINE_RAM_HUGE)) {
		munmap(s.ram, s.size);
		close(s.fd);
	}
	ck_assert_uint_eq(s.size, SPAN + 2 * MIB);
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("space");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, page_outside_ram_is_memory_while_the_engine_takes_it);
	tcase_add_test(t, page_given_back_is_no_memory_and_has_no_storage);
	tcase_add_test(t, large_page_outside_ram_is_there_before_anybody_touches_it);
	tcase_add_test(t, guest_cannot_draw_the_pool_of_large_pages_empty);
	tcase_add_test(t, large_page_that_the_host_does_not_have_is_refused_and_not_touched);
	tcase_add_test(t, balloon_leaves_large_pages_where_they_are);
	tcase_add_test(t, part_of_a_large_page_shows_no_other_page);
	tcase_add_test(t, span_of_large_pages_is_whole_ones);
	return run_case("space", t);
}
