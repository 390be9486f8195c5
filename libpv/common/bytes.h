/*
 * Byte rings: the two halves of the console page.
 *
 * Trust: both indices of a byte ring lie in the shared page, also the own one, so both are read
 * once and checked; a pair that claims more bytes than the ring holds is -PV_EPROTO. The caller's
 * own index is believed only as far as that check.
 */
#ifndef PV_COMMON_BYTES_H
#define PV_COMMON_BYTES_H

#include <stdint.h>

struct pv_bytes {
	char *buf;
	uint32_t size; /* a power of two */
	uint32_t *cons, *prod;
};

/* Bytes that can be read, or -PV_EPROTO. */
int pv_bytes_pending(const struct pv_bytes *r);
/* Moves up to len bytes; returns how many, or -PV_EPROTO. One reader and one writer may run at
 * the same time. */
int pv_bytes_read(const struct pv_bytes *r, void *to, uint32_t len);
int pv_bytes_write(const struct pv_bytes *r, const void *from, uint32_t len);

#endif
