/*
 * Page allocator: one bit a page of physical memory, set while it is free.
 *
 * Single pages come from where the last search ended; runs are looked for from the same place, once
 * around. Simple on purpose: guests allocate at start and seldom later.
 */
#include "internal.h"

#define PAGES (KERNEL_RAM_MAX >> PV_PAGE_SHIFT)

static uint64_t free_map[PAGES / 64];
static uint64_t nr_free, end_pfn, hint;
static char lock;

static unsigned long page_lock(void)
{
	unsigned long flags = irq_save();

	while (__atomic_test_and_set(&lock, __ATOMIC_ACQUIRE))
		__asm__ volatile("pause");
	return flags;
}

static void page_unlock(unsigned long flags)
{
	__atomic_clear(&lock, __ATOMIC_RELEASE);
	irq_restore(flags);
}

int page_is_free(uint64_t pfn)
{
	return pfn < PAGES && (free_map[pfn / 64] >> pfn % 64 & 1);
}

/* __builtin_popcount would call into the compiler's own library. */
static uint64_t count(uint64_t bits)
{
	uint64_t n = 0;

	for (; bits; bits &= bits - 1)
		n++;
	return n;
}

static void set_range(uint64_t first, uint64_t end, int to_free)
{
	uint64_t pfn = first;

	while (pfn < end && pfn < PAGES) {
		uint64_t *w = &free_map[pfn / 64], before = *w, bits = ~0ull << pfn % 64;
		uint64_t next = (pfn / 64 + 1) * 64;

		if (end < next)
			bits &= ~0ull >> (next - end);
		*w = to_free ? before | bits : before & ~bits;
		nr_free += count(*w) - count(before);
		pfn = next;
	}
}

void page_add(uint64_t first, uint64_t end)
{
	set_range(first, end, 1);
	if (end > end_pfn)
		end_pfn = end < PAGES ? end : PAGES;
}

void page_reserve(uint64_t pa, uint64_t bytes)
{
	set_range(pa >> PV_PAGE_SHIFT, (pa + bytes + PV_PAGE_SIZE - 1) >> PV_PAGE_SHIFT, 0);
}

/* First page of a run of n free pages in [from, end), or 0 (a page that is never free). */
static uint64_t find(uint64_t from, uint64_t end, unsigned n)
{
	uint64_t pfn = from, run = 0;

	while (pfn < end) {
		uint64_t bits = free_map[pfn / 64] >> pfn % 64;

		if (!bits) {
			run = 0;
			pfn = (pfn / 64 + 1) * 64;
		} else if (!(bits & 1)) {
			run = 0;
			pfn += (uint64_t)__builtin_ctzll(bits);
		} else if (++run == n) {
			return pfn + 1 - n;
		} else {
			pfn++;
		}
	}
	return 0;
}

void *pages_alloc(unsigned n)
{
	unsigned long flags;
	uint64_t pfn;

	if (!n)
		return NULL;
	flags = page_lock();
	pfn = find(hint, end_pfn, n);
	if (!pfn)
		pfn = find(0, end_pfn, n);
	if (pfn) {
		set_range(pfn, pfn + n, 0);
		hint = pfn + n;
	}
	page_unlock(flags);
	if (!pfn)
		return NULL;
	return memset(pa_to_va(pfn << PV_PAGE_SHIFT), 0, (size_t)n << PV_PAGE_SHIFT);
}

void pages_free(void *va, unsigned n)
{
	uint64_t pfn = va_to_pa(va) >> PV_PAGE_SHIFT;
	unsigned long flags = page_lock();

	if (page_is_free(pfn))
		panic("page %p freed twice", va);
	set_range(pfn, pfn + n, 1);
	page_unlock(flags);
}

uint64_t pages_left(void)
{
	return LOAD(&nr_free);
}
