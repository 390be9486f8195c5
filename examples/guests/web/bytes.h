/*
 * Bytes on the wire: big-endian fields at any alignment, sequence numbers, and the four memory functions that a
 * freestanding compiler may call anyway. Trusts nobody: every caller has checked its bounds before it comes here.
 */
#ifndef WEB_BYTES_H
#define WEB_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);

/* Short copies of known length become moves, also where -fno-builtin stands (the guest). */
#define memcpy(to, from, n) __builtin_memcpy(to, from, n)

#define NET_EAGAIN \
	11 /* not now: the ring or the pool is full; the caller is told when to come again */
#define NET_EINVAL 22
#define NET_ENOSPC 28

#define NET_MS 1000000ull /* nanoseconds */
#define NET_S  1000000000ull

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void put_be32(uint8_t *p, uint32_t v)
{
	put_be16(p, v >> 16);
	put_be16(p + 2, v);
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

#endif
