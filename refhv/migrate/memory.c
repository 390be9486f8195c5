/*
 * memory: see memory.h.
 */
#include <pv/abi/errno.h>
#include <string.h>
#include <unistd.h>
#include "memory.h"

#define PAGE 4096u

uint64_t memory_count(const uint64_t *bitmap, uint64_t ram_size)
{
	size_t i, n = memory_bitmap_words(ram_size);
	uint64_t count = 0;

	for (i = 0; i < n; i++)
		count += (unsigned)__builtin_popcountll(bitmap[i]);
	return count;
}

static int is_zero(const void *page)
{
	const uint64_t *p = page;

	/* The first word tells most pages apart; the rest compares the page with itself, one word on. */
	return p[0] == 0 && memcmp(p, p + 1, PAGE - 8) == 0;
}

void memory_mark_used(int ram_fd, const void *ram, uint64_t ram_size, uint64_t *bitmap)
{
	off_t at = 0, hole;

	while ((uint64_t)at < ram_size) {
		off_t data = lseek(ram_fd, at, SEEK_DATA);

		if (data < 0)
			return;
		hole = lseek(ram_fd, data, SEEK_HOLE);
		if (hole < 0 || (uint64_t)hole > ram_size)
			hole = (off_t)ram_size;
		for (at = data & ~(off_t)(PAGE - 1); at < hole; at += PAGE)
			if (!is_zero((const char *)ram + at))
				bitmap[at / PAGE / 64] |= 1ull << (at / PAGE % 64);
	}
}

/* One record: the pages of pfn[], which are in ascending order. */
static int send_batch(struct wire *w, char *ram, const uint64_t *pfn, unsigned count)
{
	struct pv_stream_record_header h = {.type = PV_STREAM_REC_PAGE_DATA};
	struct pv_stream_page_data head = {.count = count};
	struct iovec v[3 + PV_STREAM_BATCH];
	unsigned i, n = 0;

	h.length = (uint32_t)(sizeof head + count * 8 + count * (uint64_t)PAGE);
	v[n++] = (struct iovec){&h, sizeof h};
	v[n++] = (struct iovec){&head, sizeof head};
	v[n++] = (struct iovec){(void *)pfn, count * sizeof *pfn};
	for (i = 0; i < count; i++) {
		if (i && pfn[i] == pfn[i - 1] + 1)
			v[n - 1].iov_len += PAGE;
		else
			v[n++] = (struct iovec){ram + pfn[i] * PAGE, PAGE};
	}
	return wire_writev(w, v, n);
}

int memory_send(struct wire *w, void *ram, uint64_t ram_size, uint64_t *bitmap)
{
	size_t i, n = memory_bitmap_words(ram_size);
	uint64_t pfn[PV_STREAM_BATCH];
	unsigned count = 0;
	int rc;

	for (i = 0; i < n; i++) {
		uint64_t bits = bitmap[i];

		bitmap[i] = 0;
		while (bits) {
			pfn[count++] = i * 64 + (unsigned)__builtin_ctzll(bits);
			bits &= bits - 1;
			if (count == PV_STREAM_BATCH) {
				rc = send_batch(w, ram, pfn, count);
				if (rc < 0)
					return rc;
				count = 0;
			}
		}
	}
	return count ? send_batch(w, ram, pfn, count) : 0;
}

int memory_receive(struct wire *w, uint32_t length, void *ram, uint64_t ram_size)
{
	struct iovec v[PV_STREAM_BATCH];
	uint64_t pfn[PV_STREAM_BATCH], gfn, last = 0;
	unsigned i, n = 0, pages = 0;
	uint8_t head[8];
	int rc, count;

	rc = wire_body(w, head, sizeof head);
	if (rc < 0)
		return rc;
	count = pv_stream_page_count(head, length);
	if (count < 0)
		return wire_fail(w, count, "a record of pages contradicts itself");
	rc = wire_body(w, pfn, (uint32_t)count * 8);
	if (rc < 0)
		return rc;
	for (i = 0; i < (unsigned)count; i++) {
		rc = pv_stream_page_entry(pfn[i], &gfn);
		if (rc == 0)
			continue;
		if (rc < 0 || gfn >= ram_size / PAGE)
			return wire_fail(w, -PV_EBADMSG,
					 "page %#llx is outside the domain's memory",
					 (unsigned long long)pfn[i]);
		if (pages++ && gfn == last + 1)
			v[n - 1].iov_len += PAGE;
		else
			v[n++] = (struct iovec){(char *)ram + gfn * PAGE, PAGE};
		last = gfn;
	}
	if (pages * (uint64_t)PAGE != length - 8 - (uint64_t)count * 8)
		return wire_fail(w, -PV_EBADMSG,
				 "a record of pages holds another number of pages than it names");
	rc = wire_readv(w, v, n);
	if (rc < 0)
		return rc;
	w->left -= pages * PAGE;
	return wire_record_end(w);
}
