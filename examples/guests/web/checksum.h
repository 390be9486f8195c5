/*
 * The Internet checksum (RFC 1071) over data that arrives in pieces of any length and alignment.
 */
#ifndef WEB_CHECKSUM_H
#define WEB_CHECKSUM_H

#include "bytes.h"

struct checksum {
	uint64_t sum;
	bool odd; /* an odd number of bytes went before: the next byte is a low half */
};

void checksum_add(struct checksum *c, const void *data, size_t n);
/* The value to store, or 0 when the data contained a correct checksum. */
uint16_t checksum_end(const struct checksum *c);
/* The TCP or UDP pseudo-header. */
struct checksum checksum_pseudo(uint32_t source, uint32_t target, uint8_t protocol, uint32_t len);

#endif
