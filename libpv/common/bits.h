/*
 * Bitmaps of 64-bit words that somebody else changes at the same time: bit n is bit n % 64 of word
 * n / 64.
 *
 * Trusts nobody: every access is one atomic operation on one word. Callers have checked n.
 */
#ifndef PV_COMMON_BITS_H
#define PV_COMMON_BITS_H

#include <stdint.h>

static inline int pv_bit_test(const uint64_t *words, uint32_t n)
{
	return (int)(__atomic_load_n(&words[n / 64], __ATOMIC_ACQUIRE) >> n % 64 & 1);
}

/* Set or clear the bit; 1 if it was set before. Fully ordered. */
static inline int pv_bit_set(uint64_t *words, uint32_t n)
{
	uint64_t bit = 1ull << n % 64;

	return !!(__atomic_fetch_or(&words[n / 64], bit, __ATOMIC_SEQ_CST) & bit);
}

static inline int pv_bit_clear(uint64_t *words, uint32_t n)
{
	uint64_t bit = 1ull << n % 64;

	return !!(__atomic_fetch_and(&words[n / 64], ~bit, __ATOMIC_SEQ_CST) & bit);
}

#endif
