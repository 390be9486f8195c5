/*
 * kvm_walk: guest page walks of the kvm engine, on page tables that were crafted, some by an enemy
 */
#include <stdlib.h>
#include <string.h>
#include <pv/abi/errno.h>
#include "refhv/engine/kvm/walk.h"
#include "run.h"

#define PG   (1ull << 31)
#define WP   (1ull << 16)
#define PSE  (1ull << 4)
#define PAE  (1ull << 5)
#define LA57 (1ull << 12)
#define LMA  (1ull << 10)
#define P    1ull
#define RW   2ull
#define A    0x20ull
#define D    0x40ull
#define PS   0x80ull
#define NX   (1ull << 63)
#define SIZE (64u << 10)

static _Alignas(4096) uint8_t ram[SIZE];
static unsigned maps, writes;
static uint64_t written_at;

static void *map(void *ctx, uint64_t gpa, uint32_t len)
{
	maps++;
	ck_assert_uint_eq(gpa % len, 0);
	return gpa <= SIZE - len ? ram + gpa : NULL;
}

static void written(void *ctx, uint64_t gpa, uint32_t len)
{
	writes++;
	written_at = gpa;
}

static const struct walk_memory mem = {.map = map, .written = written};

static void setup(void)
{
	memset(ram, 0, sizeof(ram));
	maps = writes = 0;
}

static void put(uint64_t gpa, uint64_t pte)
{
	memcpy(ram + gpa, &pte, 8);
}

static uint64_t get(uint64_t gpa)
{
	uint64_t pte;

	memcpy(&pte, ram + gpa, 8);
	return pte;
}

static void put32(uint64_t gpa, uint32_t pte)
{
	memcpy(ram + gpa, &pte, 4);
}

/* Tables at 0x1000, 0x2000, ... for one address. */
#define GVA 0xffff888012345678ull
static const struct walk_cpu long_mode = {PG | WP, 0x1000, PAE, LMA};

static void map_4k(uint64_t flags)
{
	put(0x1000 + (GVA >> 39 & 511) * 8, 0x2000 | P | RW);
	put(0x2000 + (GVA >> 30 & 511) * 8, 0x3000 | P | RW);
	put(0x3000 + (GVA >> 21 & 511) * 8, 0x4000 | P | RW);
	put(0x4000 + (GVA >> 12 & 511) * 8, 0x7654321000 | flags);
}

static int go(const struct walk_cpu *cpu, uint64_t gva, int write, uint64_t want)
{
	uint64_t gpa = 0;
	int ret = walk(cpu, &mem, gva, write, &gpa);

	if (!ret)
		ck_assert_uint_eq(gpa, want);
	return ret;
}

START_TEST(four_levels_end_at_the_page)
{
	map_4k(P | RW | NX);
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0x7654321678), 0);
	ck_assert_uint_eq(maps, 4);
}
END_TEST

START_TEST(five_levels_end_at_the_page)
{
	struct walk_cpu cpu = {PG | WP, 0x5000, PAE | LA57, LMA};

	map_4k(P | RW);
	put(0x5000 + (GVA >> 48 & 511) * 8, 0x1000 | P | RW);
	ck_assert_int_eq(go(&cpu, GVA, 1, 0x7654321678), 0);
	/* In the hole of four levels, but not of five. */
	put(0x5000 + 8, 0x1000 | P | RW);
	ck_assert_int_eq(go(&cpu, (GVA & 0xffffffffffffull) | 1ull << 48, 0, 0x7654321678), 0);
	ck_assert_int_eq(go(&cpu, 1ull << 57, 0, 0), -PV_EFAULT);
}
END_TEST

START_TEST(large_pages_keep_the_low_bits)
{
	map_4k(P | RW);
	/* Bit 12 of a large page's entry is PAT, not address. */
	put(0x3000 + (GVA >> 21 & 511) * 8, 0x7654200000 | P | RW | PS | 0x1000);
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0x7654200000 | (GVA & 0x1fffff)), 0);
	put(0x2000 + (GVA >> 30 & 511) * 8, 0x7640000000 | P | RW | PS);
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0x7640000000 | (GVA & 0x3fffffff)), 0);
}
END_TEST

START_TEST(addresses_that_are_not_canonical_are_refused)
{
	map_4k(P | RW);
	ck_assert_int_eq(go(&long_mode, GVA & 0xffffffffffffull, 0, 0), -PV_EFAULT);
	ck_assert_int_eq(go(&long_mode, 0x0000800000000000ull, 0, 0), -PV_EFAULT);
	ck_assert_uint_eq(maps, 0);
}
END_TEST

START_TEST(absent_entries_are_refused_at_each_level)
{
	const uint64_t at[] = {0x1000 + (GVA >> 39 & 511) * 8, 0x2000 + (GVA >> 30 & 511) * 8,
			       0x3000 + (GVA >> 21 & 511) * 8, 0x4000 + (GVA >> 12 & 511) * 8};

	for (int i = 0; i < 4; i++) {
		map_4k(P | RW);
		put(at[i], get(at[i]) & ~P);
		ck_assert_int_eq(go(&long_mode, GVA, 0, 0), -PV_EFAULT);
		map_4k(P | RW);
		put(at[i], get(at[i]) & ~RW);
		ck_assert_int_eq(go(&long_mode, GVA, 1, 0), -PV_EFAULT);
		ck_assert_int_eq(go(&long_mode, GVA, 0, 0x7654321678), 0);
	}
}
END_TEST

START_TEST(ring_0_writes_read_only_pages_while_wp_is_off)
{
	struct walk_cpu cpu = long_mode;

	map_4k(P);
	ck_assert_int_eq(go(&cpu, GVA, 1, 0), -PV_EFAULT);
	cpu.cr0 = PG;
	ck_assert_int_eq(go(&cpu, GVA, 1, 0x7654321678), 0);
	ck_assert_uint_eq(get(0x4000 + (GVA >> 12 & 511) * 8) & D, D);
}
END_TEST

START_TEST(accessed_and_dirty_bits_are_set_as_by_a_processor)
{
	uint64_t leaf = 0x4000 + (GVA >> 12 & 511) * 8;

	map_4k(P | RW);
	ck_assert_int_eq(go(&long_mode, GVA, 0, 0x7654321678), 0);
	ck_assert_uint_eq(get(leaf) & (A | D), A);
	ck_assert_uint_eq(get(0x1000 + (GVA >> 39 & 511) * 8) & (A | D), A);
	ck_assert_uint_eq(writes, 4);
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0x7654321678), 0);
	ck_assert_uint_eq(get(leaf) & (A | D), A | D);
	ck_assert_uint_eq(get(0x3000 + (GVA >> 21 & 511) * 8) & D, 0);
	ck_assert_uint_eq(writes, 5);
	ck_assert_uint_eq(written_at, leaf);
	/* Nothing is left to be set. */
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0x7654321678), 0);
	ck_assert_uint_eq(writes, 5);
}
END_TEST

START_TEST(refused_writes_leave_no_dirty_bit)
{
	map_4k(P);
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0), -PV_EFAULT);
	ck_assert_uint_eq(get(0x4000 + (GVA >> 12 & 511) * 8) & D, 0);
}
END_TEST

START_TEST(tables_outside_memory_are_refused)
{
	struct walk_cpu cpu = long_mode;

	cpu.cr3 = SIZE;
	ck_assert_int_eq(go(&cpu, GVA, 0, 0), -PV_EFAULT);
	cpu.cr3 = 0x000ffffffffff000ull;
	ck_assert_int_eq(go(&cpu, GVA, 0, 0), -PV_EFAULT);
	map_4k(P | RW);
	put(0x2000 + (GVA >> 30 & 511) * 8, 0x000ffffffffff000ull | P | RW);
	ck_assert_int_eq(go(&long_mode, GVA, 0, 0), -PV_EFAULT);
}
END_TEST

START_TEST(tables_that_lead_to_themselves_end)
{
	for (unsigned i = 0; i < 512; i++)
		put(0x1000 + i * 8, 0x1000 | P | RW);
	ck_assert_int_eq(go(&long_mode, GVA, 1, 0x1678), 0);
	ck_assert_uint_eq(maps, 4);
}
END_TEST

START_TEST(large_bit_where_none_is_allowed_is_refused)
{
	struct walk_cpu five = {PG | WP, 0x5000, PAE | LA57, LMA};

	map_4k(P | RW);
	put(0x1000 + (GVA >> 39 & 511) * 8, 0x2000 | P | RW | PS);
	ck_assert_int_eq(go(&long_mode, GVA, 0, 0), -PV_EFAULT);
	put(0x5000 + (GVA >> 48 & 511) * 8, 0x1000 | P | RW | PS);
	ck_assert_int_eq(go(&five, GVA, 0, 0), -PV_EFAULT);
}
END_TEST

START_TEST(pae_has_four_pointers_without_permissions)
{
	struct walk_cpu cpu = {PG | WP, 0x1020, PAE, 0};
	uint64_t gva = 0xc0123456;

	/* The pointers need only be 32-byte aligned, and have no RW bit. */
	put(0x1020 + 3 * 8, 0x2000 | P);
	put(0x2000 + (gva >> 21 & 511) * 8, 0x3000 | P | RW);
	put(0x3000 + (gva >> 12 & 511) * 8, 0x923456000ull | P | RW);
	ck_assert_int_eq(go(&cpu, gva, 1, 0x923456456ull), 0);
	ck_assert_uint_eq(get(0x1020 + 3 * 8), 0x2000 | P);
	/* Only 32 bits of an address count. */
	ck_assert_int_eq(go(&cpu, gva | 7ull << 32, 0, 0x923456456ull), 0);
	put(0x2000 + (gva >> 21 & 511) * 8, 0x900000000ull | P | RW | PS);
	ck_assert_int_eq(go(&cpu, gva, 1, 0x900000000ull | (gva & 0x1fffff)), 0);
	put(0x1020 + 3 * 8, 0x2000);
	ck_assert_int_eq(go(&cpu, gva, 0, 0), -PV_EFAULT);
}
END_TEST

START_TEST(two_levels_of_32_bit_entries)
{
	struct walk_cpu cpu = {PG | WP, 0x1000, PSE, 0};
	uint64_t gva = 0xc0123456;

	put32(0x1000 + (gva >> 22) * 4, 0x2000 | P | RW);
	put32(0x2000 + (gva >> 12 & 1023) * 4, 0x87654000 | P | RW);
	ck_assert_int_eq(go(&cpu, gva, 1, 0x87654456), 0);
	put32(0x2000 + (gva >> 12 & 1023) * 4, 0x87654000 | P);
	ck_assert_int_eq(go(&cpu, gva, 1, 0), -PV_EFAULT);
	ck_assert_int_eq(go(&cpu, gva, 0, 0x87654456), 0);
}
END_TEST

START_TEST(four_mib_pages_only_with_pse)
{
	struct walk_cpu cpu = {PG | WP, 0x1000, PSE, 0};
	uint64_t gva = 0xc0123456;

	/* Bits 20:13 are bits 39:32 of the address. */
	put32(0x1000 + (gva >> 22) * 4, 0x40000000 | 0x12 << 13 | P | RW | PS);
	ck_assert_int_eq(go(&cpu, gva, 1, 0x1240000000ull | (gva & 0x3fffff)), 0);
	cpu.cr4 = 0;
	/* Now it is a table, which lies outside memory. */
	ck_assert_int_eq(go(&cpu, gva, 1, 0), -PV_EFAULT);
}
END_TEST

START_TEST(without_paging_addresses_are_physical)
{
	struct walk_cpu cpu = {1, 0xdead000, 0, 0};

	ck_assert_int_eq(go(&cpu, 0x12345678, 1, 0x12345678), 0);
	ck_assert_int_eq(go(&cpu, 0x112345678ull, 1, 0x12345678), 0);
	ck_assert_uint_eq(maps, 0);
}
END_TEST

START_TEST(random_tables_never_lead_outside)
{
	uint64_t gpa;

	srandom(5);
	for (unsigned round = 0; round < 2000; round++) {
		struct walk_cpu cpu = {
			.cr0 = PG | (round & 1 ? WP : 0),
			.cr3 = (uint64_t)random() % (2 * SIZE),
			.cr4 = (round & 2 ? PAE : 0) | (round & 4 ? LA57 : 0) | PSE,
			.efer = round & 8 ? LMA : 0,
		};

		for (unsigned i = 0; i < SIZE; i += 4) {
			uint32_t r = (uint32_t)random() % (SIZE + 8192) | 3;

			memcpy(ram + i, &r, 4);
		}
		maps = 0;
		walk(&cpu, &mem, (uint64_t)random() << 17 ^ (uint64_t)random(), round & 16, &gpa);
		ck_assert_uint_le(maps, 5);
	}
}
END_TEST

int main(void)
{
	TCase *t = tcase_create("kvm-walk");

	tcase_add_checked_fixture(t, setup, NULL);
	tcase_add_test(t, four_levels_end_at_the_page);
	tcase_add_test(t, five_levels_end_at_the_page);
	tcase_add_test(t, large_pages_keep_the_low_bits);
	tcase_add_test(t, addresses_that_are_not_canonical_are_refused);
	tcase_add_test(t, absent_entries_are_refused_at_each_level);
	tcase_add_test(t, ring_0_writes_read_only_pages_while_wp_is_off);
	tcase_add_test(t, accessed_and_dirty_bits_are_set_as_by_a_processor);
	tcase_add_test(t, refused_writes_leave_no_dirty_bit);
	tcase_add_test(t, tables_outside_memory_are_refused);
	tcase_add_test(t, tables_that_lead_to_themselves_end);
	tcase_add_test(t, large_bit_where_none_is_allowed_is_refused);
	tcase_add_test(t, pae_has_four_pointers_without_permissions);
	tcase_add_test(t, two_levels_of_32_bit_entries);
	tcase_add_test(t, four_mib_pages_only_with_pse);
	tcase_add_test(t, without_paging_addresses_are_physical);
	tcase_add_test(t, random_tables_never_lead_outside);
	return run_case("kvm-walk", t);
}
