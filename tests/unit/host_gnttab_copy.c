/*
 * Claims about copies between grants and the host's memory in batches, over the memory-only VMM.
 *
 * Checklist sections B7 and 3: the k-th failure of a batch, holds that end with the batch, a guest that acts in the
 * middle of it, a lock that others get meanwhile.
 */
#include "fake_vmm.h"

#include <pv/abi/memory.h>
#include <string.h>

#include "run.h"

#define GRANTED (FAKE_DATA + 1)
#define OTHER	(FAKE_DATA + 2)
#define RW	PV_GTF_permit_access
#define RO	(PV_GTF_permit_access | PV_GTF_readonly)
#define MANY	70u /* more than two holds of the lock */
#define HOLD	32u
#define LEN	16u

static struct fake_vmm f;
static uint64_t *entry;
static struct pv_grant_copy op[MANY];
static uint8_t local[MANY][LEN];

static void grant(uint32_t ref, unsigned flags, uint16_t domid, uint32_t gfn)
{
	__atomic_store_n(&entry[ref], (uint64_t)gfn << 32 | (uint64_t)domid << 16 | flags,
			 __ATOMIC_SEQ_CST);
}

static unsigned flags_of(uint32_t ref)
{
	return (uint16_t)__atomic_load_n(&entry[ref], __ATOMIC_SEQ_CST);
}

static uint8_t *granted(unsigned at)
{
	return (uint8_t *)fake_page(&f, GRANTED) + at;
}

/* Reference 9 for writing, 10 for reading, of one page; even copies go to it, odd ones come from it. */
static void open_batch(void)
{
	unsigned i;

	fake_open(&f, PV_DOMAIN_PVH, 1, true);
	entry = fake_grants(&f);
	grant(9, RW, FAKE_BACKEND, GRANTED);
	grant(10, RO, FAKE_BACKEND, GRANTED);
	for (i = 0; i < MANY; i++) {
		memset(granted(i * LEN), (int)i, LEN);
		memset(local[i], (int)(100 + i), LEN);
		op[i] = (struct pv_grant_copy){.ref = i % 2 ? 10 : 9,
					       .offset = i * LEN,
					       .len = LEN,
					       .to_grant = i % 2 == 0,
					       .status = 99,
					       .local = local[i]};
	}
}

static uint32_t copy(unsigned n)
{
	return pv_domain_grant_copy_batch(f.d, FAKE_BACKEND, op, n);
}

static bool all_are(const uint8_t *p, unsigned value)
{
	unsigned i;

	for (i = 0; i < LEN; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* What a copy that was made, or was not, leaves. */
static void check(unsigned i, bool made)
{
	bool to = i % 2 == 0;

	ck_assert_msg(all_are(granted(i * LEN), made && to ? 100 + i : i), "page, copy %u", i);
	ck_assert_msg(all_are(local[i], made && !to ? i : 100 + i), "local, copy %u", i);
}

START_TEST(batch_copies_both_ways_and_leaves_no_bits)
{
	unsigned i;

	open_batch();
	f.dirty[GRANTED] = false;
	ck_assert_uint_eq(copy(MANY), 0);
	for (i = 0; i < MANY; i++) {
		ck_assert_int_eq(op[i].status, PV_GNTST_okay);
		check(i, true);
	}
	ck_assert(f.dirty[GRANTED]);
	ck_assert_uint_eq(flags_of(9), RW);
	ck_assert_uint_eq(flags_of(10), RO);
	ck_assert_uint_eq(copy(0), 0);
	fake_close(&f);
}
END_TEST

static const struct {
	const char *what;
	uint32_t ref, offset, len;
	bool to_grant;
	int status;
} refused[] = {
	{"beyond the table", 512, 0, LEN, false, PV_GNTST_bad_gntref},
	{"nothing granted", 11, 0, LEN, false, PV_GNTST_general_error},
	{"of another domain", 12, 0, LEN, false, PV_GNTST_general_error},
	{"read-only", 10, 0, LEN, true, PV_GNTST_general_error},
	{"no memory there", 13, 0, LEN, false, PV_GNTST_bad_page},
	{"the grant table itself", 14, 0, LEN, true, PV_GNTST_bad_page},
	{"beyond the page", 9, 4096 - LEN + 1, LEN, true, PV_GNTST_bad_copy_arg},
	{"an offset that wraps", 9, UINT32_MAX, LEN, true, PV_GNTST_bad_copy_arg},
	{"a length that wraps", 9, LEN, UINT32_MAX, true, PV_GNTST_bad_copy_arg},
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

START_TEST(kth_copy_that_fails_spares_the_others)
{
	static const unsigned at[] = {0, 1, HOLD - 1, HOLD, 2 * HOLD, MANY - 1};
	unsigned k = at[(unsigned)_i / REFUSED], r = (unsigned)_i % REFUSED, i;

	open_batch();
	grant(12, RW, FAKE_BACKEND + 1, GRANTED);
	grant(13, RW, FAKE_BACKEND, FAKE_PAGES);
	grant(14, RW, FAKE_BACKEND, FAKE_GRANTS);
	op[k].ref = refused[r].ref;
	op[k].offset = refused[r].offset;
	op[k].len = refused[r].len;
	op[k].to_grant = refused[r].to_grant;
	ck_assert_uint_eq(copy(MANY), 1);
	for (i = 0; i < MANY; i++) {
		ck_assert_msg(op[i].status == (i == k ? refused[r].status : 0), "%s: copy %u: %d",
			      refused[r].what, i, op[i].status);
		check(i, i != k);
	}
	ck_assert_uint_eq(flags_of(9), RW);
	ck_assert_uint_eq(flags_of(10), RO);
	fake_close(&f);
}
END_TEST

START_TEST(failing_allocation_fails_its_copies_and_leaves_no_bits)
{
	open_batch();
	f.alloc_left = 0;
	ck_assert_uint_eq(copy(MANY), MANY);
	ck_assert_int_eq(op[0].status, PV_GNTST_no_space);
	check(0, false);
	ck_assert_uint_eq(flags_of(9), RW);
	f.alloc_left = -1;
	ck_assert_uint_eq(copy(MANY), 0);
	fake_close(&f);
}
END_TEST

START_TEST(one_hold_of_the_lock_finds_at_most_32_pages)
{
	unsigned one;

	open_batch();
	f.most_looked_up = 0;
	ck_assert_uint_eq(copy(1), 0);
	one = f.most_looked_up;
	ck_assert_uint_gt(one, 0);
	f.most_looked_up = 0;
	ck_assert_uint_eq(copy(MANY), 0);
	ck_assert_uint_le(f.most_looked_up, HOLD * one);
	fake_close(&f);
}
END_TEST

static unsigned unlocks, used;

static void count(struct fake_vmm *v)
{
	unlocks++;
}

START_TEST(few_bytes_take_the_lock_once)
{
	open_batch();
	unlocks = 0;
	f.on_unlock = count;
	ck_assert_uint_eq(copy(HOLD), 0);
	ck_assert_uint_eq(unlocks, 1);
	ck_assert_uint_eq(copy(MANY), 0);
	ck_assert_uint_eq(unlocks, 1 + 3);
	f.on_unlock = NULL;
	fake_close(&f);
}
END_TEST

/* The guest's turn, between the finding of pages and their bytes: it points its entries elsewhere. */
static void point_elsewhere(struct fake_vmm *v)
{
	struct pv_gnttab_set_version version = {2};
	unsigned i;

	if (unlocks++)
		return;
	v->on_unlock = NULL;
	used = flags_of(9);
	/* A hypercall gets the lock, and refuses what would pull the table from under the holds. */
	ck_assert_int_eq(fake_gnttab(v, PV_GNTTABOP_set_version, &version, sizeof(version), 1),
			 -PV_EBUSY);
	for (i = 9; i <= 10; i++)
		grant(i, flags_of(i), FAKE_BACKEND, OTHER);
}

START_TEST(pages_are_held_while_the_lock_is_free_and_bytes_are_theirs)
{
	static uint8_t whole[4096];
	unsigned i;

	open_batch();
	memset(fake_page(&f, OTHER), 0xee, 4096);
	memset(whole, 0xdd, sizeof(whole));
	/* More than a page in all. */
	op[HOLD - 1].offset = 0;
	op[HOLD - 1].len = 4096;
	op[HOLD - 1].local = whole;
	unlocks = used = 0;
	f.on_unlock = point_elsewhere;
	ck_assert_uint_eq(copy(HOLD), 0);
	ck_assert_uint_eq(used, RW | PV_GTF_reading | PV_GTF_writing);
	for (i = 0; i < HOLD - 1; i++)
		check(i, true);
	ck_assert_uint_eq(whole[LEN], 1);
	ck_assert_uint_eq(whole[(MANY - 1) * LEN], MANY - 1);
	for (i = 0; i < 4096; i++)
		ck_assert_uint_eq(((uint8_t *)fake_page(&f, OTHER))[i], 0xee);
	ck_assert_uint_eq(flags_of(9), RW);
	ck_assert_uint_eq(flags_of(10), RO);
	fake_close(&f);
}
END_TEST

/* The guest's turn again: it gives the page back, and a collect of the dirty log comes by. */
static void give_back(struct fake_vmm *v)
{
	struct pv_memory_reservation r = {fake_gva(FAKE_DATA), 1, 0, 0, PV_DOMID_SELF};

	if (unlocks++)
		return;
	v->on_unlock = NULL;
	v->dirty[GRANTED] = false;
	*(uint64_t *)fake_page(v, FAKE_DATA) = GRANTED;
	used = (unsigned)fake_op(v, PV_HYPERVISOR_memory_op, PV_XENMEM_decrease_reservation, &r,
				 sizeof(r));
}

START_TEST(page_that_is_copied_to_stays_and_is_dirty_afterwards)
{
	static uint8_t whole[4096];

	open_batch();
	op[0].offset = 0;
	op[0].len = 4096;
	op[0].local = whole;
	unlocks = 0;
	used = 99;
	f.on_unlock = give_back;
	ck_assert_uint_eq(copy(2), 0);
	ck_assert_uint_eq(used, 0);
	ck_assert(f.dirty[GRANTED]);
	/* Once the copy is made, it may go. */
	unlocks = 0;
	give_back(&f);
	ck_assert_uint_eq(used, 1);
	fake_close(&f);
}
END_TEST

START_TEST(bytes_are_the_same_at_every_alignment_and_length)
{
	static uint8_t from[128], to[128], want[4096];
	unsigned at = (unsigned)_i, n, skew, i;

	open_batch();
	for (i = 0; i < sizeof(from); i++)
		from[i] = (uint8_t)(i * 7 + 1);
	for (n = 0; n <= 80; n++)
		for (skew = 0; skew < 3; skew++) {
			memset(granted(0), 0x55, 4096);
			memset(want, 0x55, sizeof(want));
			memset(to, 0x66, sizeof(to));
			memcpy(want + at, from + skew, n);
			ck_assert_int_eq(
				pv_domain_grant_write(f.d, FAKE_BACKEND, 9, at, from + skew, n), 0);
			ck_assert(!memcmp(granted(0), want, sizeof(want)));
			ck_assert_int_eq(
				pv_domain_grant_read(f.d, FAKE_BACKEND, 10, at, to + skew, n), 0);
			ck_assert(!memcmp(to + skew, from + skew, n));
			ck_assert_uint_eq(to[skew + n], 0x66);
		}
	fake_close(&f);
}
END_TEST

int main(void)
{
	TCase *tc = tcase_create("copy");

	tcase_add_test(tc, batch_copies_both_ways_and_leaves_no_bits);
	tcase_add_loop_test(tc, kth_copy_that_fails_spares_the_others, 0, 6 * (int)REFUSED);
	tcase_add_test(tc, failing_allocation_fails_its_copies_and_leaves_no_bits);
	tcase_add_test(tc, one_hold_of_the_lock_finds_at_most_32_pages);
	tcase_add_test(tc, few_bytes_take_the_lock_once);
	tcase_add_test(tc, pages_are_held_while_the_lock_is_free_and_bytes_are_theirs);
	tcase_add_test(tc, page_that_is_copied_to_stays_and_is_dirty_afterwards);
	tcase_add_loop_test(tc, bytes_are_the_same_at_every_alignment_and_length, 0, 9);
	return run_case("host-gnttab-copy", tc);
}
