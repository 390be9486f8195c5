/*
 * dirty.c: which pages have been written: by the guest (KVM's log), and by this process
 */
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <pv/abi/errno.h>
#include "kvm.h"

static void set_bit(uint64_t *map, uint64_t page)
{
	map[page / 64] |= 1ull << page % 64;
}

/* Slots begin anywhere: their bits are moved to where they belong. */
static int collect_slot(struct engine *e, unsigned i, uint64_t *bitmap, uint64_t *buffer)
{
	struct kvm_dirty_log log = {.slot = i, .dirty_bitmap = buffer};
	uint64_t first = e->slot[i].gpa >> 12, pages = e->slot[i].size >> 12;
	uint64_t words = (pages + 63) / 64;

	memset(buffer, 0, words * 8);
	if (ioctl(e->vm, KVM_GET_DIRTY_LOG, &log))
		return -PV_EIO;
	for (uint64_t w = 0; w < words; w++)
		for (uint64_t bits = buffer[w]; bits; bits &= bits - 1)
			set_bit(bitmap, first + w * 64 + (uint64_t)__builtin_ctzll(bits));
	return 0;
}

/* What was written through an overlay was written to the page that it shows. */
static void collect_overlays(struct engine *e, uint64_t *bitmap)
{
	for (unsigned i = 0; i < e->noverlays; i++)
		if (bitmap[e->overlay[i].gfn / 64] >> e->overlay[i].gfn % 64 & 1)
			set_bit(bitmap, e->overlay[i].source);
}

/*
 * A mark may come shortly before its write, which then falls into the next round: each mark counts
 * twice.
 */
static void take_own(struct engine *e, uint64_t *to)
{
	uint64_t *last = e->written + e->page_words, now;

	for (uint64_t i = 0; i < e->page_words; i++) {
		now = ke_read(&e->written[i]) ? ke_swap(&e->written[i], 0) : 0;
		to[i] |= now | last[i];
		last[i] = now;
	}
}

int ke_dirty_start(struct engine *e)
{
	int ret;

	if (!e->written) {
		e->page_words = ((e->config.ram_size >> 12) + 63) / 64;
		e->written = calloc(2 * e->page_words, sizeof(*e->written));
		if (!e->written)
			return -PV_ENOMEM;
	}
	pthread_mutex_lock(&e->map_lock);
	memset(e->written, 0, 2 * e->page_words * sizeof(*e->written));
	ret = ke_slots_log(e, true);
	ke_write(&e->logging, !ret);
	pthread_mutex_unlock(&e->map_lock);
	return ret;
}

int ke_dirty_collect(struct engine *e, uint64_t *bitmap)
{
	uint64_t *buffer;
	int ret = 0;

	if (!ke_read(&e->logging))
		return -PV_EINVAL;
	buffer = calloc(e->page_words, sizeof(*buffer));
	if (!buffer)
		return -PV_ENOMEM;
	pthread_mutex_lock(&e->map_lock);
	for (unsigned i = 0; i < e->nslots && !ret; i++)
		if (e->slot[i].size)
			ret = collect_slot(e, i, bitmap, buffer);
	take_own(e, bitmap);
	collect_overlays(e, bitmap);
	pthread_mutex_unlock(&e->map_lock);
	free(buffer);
	return ret;
}

void ke_dirty_stop(struct engine *e)
{
	pthread_mutex_lock(&e->map_lock);
	if (ke_swap(&e->logging, 0))
		ke_slots_log(e, false);
	pthread_mutex_unlock(&e->map_lock);
}

void ke_mark_dirty(struct engine *e, uint64_t gpa, uint64_t len)
{
	uint64_t page, end;

	if (!ke_read(&e->logging) || gpa >= e->config.ram_size || !len)
		return;
	if (len > e->config.ram_size - gpa)
		len = e->config.ram_size - gpa;
	end = (gpa + len + 4095) >> 12;
	for (page = gpa >> 12; page < end; page++)
		ke_set(&e->written[page / 64], 1ull << page % 64);
}
