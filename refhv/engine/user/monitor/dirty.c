/*
 * dirty.c: which pages of guest memory have been written
 *
 * Three sources, or'ed: the guest process's page tables (userfaultfd's asynchronous write
 * protection, read and re-armed by PAGEMAP_SCAN; or protection handled in the stub, stub/dirty.c);
 * pages that the guest maps elsewhere, whose writes neither of the two sees; and this process's own
 * writes, which no page table of the guest process shows either: ue_mark_dirty().
 */
#include <linux/userfaultfd.h>
#include <pv/abi/errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include "../kernel.h"
#include "monitor.h"

#define REGIONS 1024u

static uint64_t *words(struct engine *e, unsigned which)
{
	return (uint64_t *)((char *)e->shared + UE_BITMAP_OFF + which * e->info->bitmap_size);
}

static void set_range(uint64_t *map, uint64_t from, uint64_t to)
{
	for (; from < to; from++)
		map[from / 64] |= 1ull << from % 64;
}

/* Write-protect again what was written, and note it; map = NULL: only protect. */
static int scan(struct engine *e, uint64_t *map)
{
	struct ue_page_region region[REGIONS];
	struct ue_pm_scan arg = {
		.size = sizeof(arg),
		.flags = UE_PM_WP_MATCHING,
		.start = e->config.virt_base,
		.end = e->config.virt_base + e->config.ram_size,
		.vec = map ? (uint64_t)(uintptr_t)region : 0,
		.vec_len = map ? REGIONS : 0,
		/* Pages that the guest has remapped are not registered, and not protected. */
		.category_mask = UE_PAGE_IS_WRITTEN | UE_PAGE_IS_WPALLOWED,
		.return_mask = UE_PAGE_IS_WRITTEN,
	};

	while (arg.start < arg.end) {
		int n = ioctl(e->pagemap, UE_PAGEMAP_SCAN, &arg);

		if (n < 0)
			return -PV_EIO;
		for (int i = 0; i < n; i++)
			set_range(map, (region[i].start - e->config.virt_base) >> 12,
				  (region[i].end - e->config.virt_base) >> 12);
		if (arg.walk_end <= arg.start)
			return -PV_EIO;
		arg.start = arg.walk_end;
	}
	return 0;
}

static int start_uffd(struct engine *e)
{
	struct uffdio_register reg = {
		.range = {.start = e->config.virt_base, .len = e->config.ram_size},
		.mode = UFFDIO_REGISTER_MODE_WP,
	};

	if (ioctl(e->uffd, UFFDIO_REGISTER, &reg))
		return -PV_EIO;
	return scan(e, NULL);
}

static void take(uint64_t *from, uint64_t n, uint64_t *to)
{
	for (uint64_t i = 0; i < n; i++)
		if (ue_read(&from[i]))
			to[i] |= ue_swap(&from[i], 0);
}

static int collect_chunks(struct engine *e, uint64_t *bitmap)
{
	uint32_t epoch = e->info->dirty_epoch, next = epoch + 1 ? epoch + 1 : 2;
	uint64_t pages = e->config.ram_size >> 12, per_chunk = 1ull << (UE_CHUNK_SHIFT - 12);
	uint64_t *map = words(e, epoch & 1);
	int ret;

	/* Faults from now on are noted in the other bitmap; then close what this round has opened.
	 */
	ue_write(&e->info->dirty_epoch, next);
	ret = ue_command(e, UE_CMD_DIRTY_ARM);
	if (ret)
		return ret;
	for (uint64_t i = 0; i < e->info->bitmap_size / 8; i++) {
		uint64_t w = ue_read(&map[i]) ? ue_swap(&map[i], 0) : 0;

		for (; w; w &= w - 1) {
			uint64_t first = (i * 64 + (uint64_t)__builtin_ctzll(w)) * per_chunk;

			if (first < pages)
				set_range(bitmap, first,
					  first + per_chunk < pages ? first + per_chunk : pages);
		}
	}
	if (ue_swap(&e->shared->all_dirty, 0))
		set_range(bitmap, 0, pages);
	return 0;
}

/*
 * A mark may come shortly before its write, which then falls into the next round: each mark counts
 * twice.
 */
static void take_own(struct engine *e, uint64_t *to)
{
	uint64_t *last = e->written + e->page_words, now;

	for (uint64_t i = 0; i < e->page_words; i++) {
		now = ue_read(&e->written[i]) ? ue_swap(&e->written[i], 0) : 0;
		to[i] |= now | last[i];
		last[i] = now;
	}
}

int ue_dirty_start(struct engine *e)
{
	int ret;

	if (!e->waited)
		return -PV_EBUSY;
	if (!e->written) {
		e->written = calloc(2 * e->page_words, sizeof(*e->written));
		if (!e->written)
			return -PV_ENOMEM;
	}
	memset(e->written, 0, 2 * e->page_words * sizeof(*e->written));
	memset(words(e, 0), 0, 2 * e->info->bitmap_size + e->page_words * sizeof(uint64_t));
	ue_write(&e->logging, 1);
	if (e->caps & ENGINE_CAP_DIRTY_UFFD) {
		ret = start_uffd(e);
	} else {
		ue_write(&e->shared->all_dirty, 0);
		ue_write(&e->info->dirty_epoch, 2);
		ret = ue_command(e, UE_CMD_DIRTY_ARM);
	}
	if (ret)
		ue_dirty_stop(e);
	return ret;
}

int ue_dirty_collect(struct engine *e, uint64_t *bitmap)
{
	int ret;

	if (!ue_read(&e->logging))
		return -PV_EINVAL;
	ret = e->caps & ENGINE_CAP_DIRTY_UFFD ? scan(e, bitmap) : collect_chunks(e, bitmap);
	if (ret)
		return ret;
	ue_mappings_dirty(e, bitmap);
	take(words(e, 2), e->page_words, bitmap);
	take_own(e, bitmap);
	return 0;
}

void ue_dirty_stop(struct engine *e)
{
	struct uffdio_range range = {.start = e->config.virt_base, .len = e->config.ram_size};

	if (!ue_swap(&e->logging, 0))
		return;
	if (e->caps & ENGINE_CAP_DIRTY_UFFD) {
		ioctl(e->uffd, UFFDIO_UNREGISTER, &range);
	} else {
		if (!ue_read(&e->dead))
			ue_command(e, UE_CMD_DIRTY_OFF);
		ue_write(&e->info->dirty_epoch, 0);
	}
}

void ue_mark_dirty(struct engine *e, uint64_t gpa, uint64_t len)
{
	uint64_t page, end;

	if (!ue_read(&e->logging) || gpa >= e->config.ram_size || !len)
		return;
	if (len > e->config.ram_size - gpa)
		len = e->config.ram_size - gpa;
	end = (gpa + len + 4095) >> 12;
	for (page = gpa >> 12; page < end; page++)
		__atomic_or_fetch(&e->written[page / 64], 1ull << page % 64, __ATOMIC_SEQ_CST);
}
