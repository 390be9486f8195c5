/*
 * memory: guest pages to and from a stream, as Xen's PAGE_DATA records.
 *
 * The guest may write to a page while it is sent: such a page is dirty again and is sent again. Trusts the caller's bitmap; a received
 * frame number is checked against the size of RAM.
 */
#ifndef REFHV_MIGRATE_MEMORY_H
#define REFHV_MIGRATE_MEMORY_H

#include "wire.h"

/* One bit for each page: bit n % 64 of word n / 64. */
static inline size_t memory_bitmap_words(uint64_t ram_size)
{
	return (size_t)((ram_size / 4096 + 63) / 64);
}

uint64_t memory_count(const uint64_t *bitmap, uint64_t ram_size);
/*
 * Sets the bits of all pages that hold something: holes of the RAM file are left out without touching them, and so are pages of zeros.
 * Only for a first pass into memory that is known to be zero.
 */
void memory_mark_used(int ram_fd, const void *ram, uint64_t ram_size, uint64_t *bitmap);
/* Sends every page whose bit is set, and clears the bits. */
int memory_send(struct wire *w, void *ram, uint64_t ram_size, uint64_t *bitmap);
/* The body of a PAGE_DATA record into RAM. */
int memory_receive(struct wire *w, uint32_t length, void *ram, uint64_t ram_size);

#endif
