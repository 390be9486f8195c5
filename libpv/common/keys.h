/*
 * Numbers in xenstore keys, as device protocols use them: names with an index, decimal values.
 *
 * Trusts nobody: values come from a peer, and a value that is not exactly a number is an error.
 */
#ifndef PV_COMMON_KEYS_H
#define PV_COMMON_KEYS_H

#include <stdint.h>

#define PV_KEY_LEN   20 /* name with an index */
#define PV_VALUE_LEN 24 /* any 64-bit number in decimal */

/* Writes v in decimal; returns buf. */
char *pv_key_u64(char buf[PV_VALUE_LEN], uint64_t v);
/* "name" followed by n; returns buf. The name is short enough: it is a constant of a driver. */
char *pv_key_indexed(char buf[PV_KEY_LEN], const char *name, uint32_t n);
/* 0 and *v, or -PV_EINVAL (empty, not only digits, over max). */
int pv_key_parse(const char *s, uint64_t max, uint64_t *v);

#endif
