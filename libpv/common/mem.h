/*
 * The four memory functions that libpv asks of its surroundings.
 *
 * Freestanding code may not include <string.h>; a compiler is free to call these four anyway, so
 * every kernel has them. Trusts nobody: pure functions.
 */
#ifndef PV_COMMON_MEM_H
#define PV_COMMON_MEM_H

#include <stddef.h>

void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);

#endif
