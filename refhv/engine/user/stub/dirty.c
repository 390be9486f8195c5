/*
 * dirty.c: the dirty log by write protection, for kernels without userfaultfd's asynchronous mode
 *
 * RAM is protected; the first write to a chunk faults, the handler notes the chunk in a bitmap and
 * opens it. Chunks are 64 KiB; when the kernel runs out of memory areas, 2 MiB; at last all of RAM
 * is opened and counted as written.
 *
 * Epochs. The monitor starts a new round by changing ue_info.dirty_epoch, which switches between
 * two bitmaps, and then has RAM protected again. A fault that straddles the change is noted in
 * both. See stub.h for trust.
 */
#include <sys/mman.h>
#include <pv/abi/errno.h>
#include "stub.h"

#define PAGE	  4096ull
#define MAX_PIECE (1ull << 31) /* the filter takes lengths below 4 GiB */
#define CLOSED	  (PROT_READ | PROT_EXEC)
#define OPEN	  (PROT_READ | PROT_WRITE | PROT_EXEC)

#define PF_WRITE 2ull

static uint64_t *bitmap(uint32_t epoch)
{
	return (uint64_t *)(UE_SHARED + UE_BITMAP_OFF + (epoch & 1 ? stub_info->bitmap_size : 0));
}

/* Flat pages that the guest has remapped keep their own protection; writable ones count as always
 * dirty. */
static long protect(uint64_t from, uint64_t to, int prot)
{
	uint64_t base = stub_info->virt_base, start = from;
	long ret = 0;

	if (!stub_load(&stub_shared->nr_mappings)) {
		for (; from < to && !ret; from += MAX_PIECE) {
			uint64_t len = to - from < MAX_PIECE ? to - from : MAX_PIECE;

			ret = SYS3(SYS_mprotect, base + from, len, prot);
		}
		return ret;
	}
	for (uint64_t at = from; at <= to && !ret; at += PAGE) {
		if (at < to && at - start < MAX_PIECE && !stub_mapping_find(base + at))
			continue;
		if (at > start)
			ret = SYS3(SYS_mprotect, base + start, at - start, prot);
		start = at < to && !stub_mapping_find(base + at) ? at : at + PAGE;
	}
	return ret;
}

static void note(uint32_t epoch, uint64_t from, uint64_t to)
{
	uint64_t *map = bitmap(epoch);

	for (uint64_t n = from >> UE_CHUNK_SHIFT; n << UE_CHUNK_SHIFT < to; n++)
		__atomic_or_fetch(&map[n / 64], 1ull << n % 64, __ATOMIC_SEQ_CST);
}

static long open_range(uint32_t epoch, uint64_t gpa, unsigned shift)
{
	uint64_t from = gpa >> shift << shift, to = from + (1ull << shift);

	if (to > stub_info->ram_size)
		to = stub_info->ram_size;
	/* Noted first: the monitor may look at any time after the write. */
	note(epoch, from, to);
	return protect(from, to, OPEN);
}

/* True if the fault was the log's doing and the instruction can go on. */
bool stub_dirty_fault(uint64_t address, uint64_t error)
{
	uint64_t gpa = address - stub_info->virt_base;
	uint32_t epoch;
	bool all = false;

	/*
	 * Flat memory that is not in the table of mappings is writable but for us. A fault that was
	 * taken before the log was switched off, and is looked at after, therefore needs no more
	 * than another try.
	 */
	if (!(stub_info->flags & UE_WANT_MPROTECT_LOG) || !(error & PF_WRITE) ||
	    gpa >= stub_info->ram_size || stub_mapping_find(address & ~(PAGE - 1)))
		return false;
	do {
		epoch = stub_load(&stub_info->dirty_epoch);
		if (!epoch)
			return true;
		if (all || (open_range(epoch, gpa, UE_CHUNK_SHIFT) &&
			    open_range(epoch, gpa, UE_BIG_CHUNK_SHIFT))) {
			all = true;
			stub_store(&stub_shared->all_dirty, 1);
			protect(0, stub_info->ram_size, OPEN);
		}
		/* A round that began meanwhile must know of this chunk, which may be open in it. */
	} while (stub_load(&stub_info->dirty_epoch) != epoch);
	return true;
}

void stub_dirty_arm(void)
{
	protect(0, stub_info->ram_size, CLOSED);
}

void stub_dirty_off(void)
{
	protect(0, stub_info->ram_size, OPEN);
}
