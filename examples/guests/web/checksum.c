/* The Internet checksum. One's complement sums may be taken in any word size and byte order, and folded at the end. */
#include "checksum.h"

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t swap16(uint16_t v)
{
	return (uint16_t)(v << 8 | v >> 8);
}

void checksum_add(struct checksum *c, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint64_t a = 0, b = 0;
	bool odd = c->odd;
	uint16_t part;

	c->odd = odd != (n & 1);
	for (; n >= 32; n -= 32, p += 32) {
		a += (uint64_t)load32(p) + load32(p + 8) + load32(p + 16) + load32(p + 24);
		b += (uint64_t)load32(p + 4) + load32(p + 12) + load32(p + 20) + load32(p + 28);
	}
	for (; n >= 4; n -= 4, p += 4)
		a += load32(p);
	if (n >= 2) {
		uint16_t v;

		memcpy(&v, p, sizeof(v));
		a += v;
		p += 2;
		n -= 2;
	}
	if (n) {
		uint8_t last[2] = {*p, 0};
		uint16_t v;

		memcpy(&v, last, sizeof(v));
		a += v;
	}
	part = fold((a & 0xffffffff) + (a >> 32) + (b & 0xffffffff) + (b >> 32));
	c->sum += odd ? swap16(part) : part;
}

uint16_t checksum_end(const struct checksum *c)
{
	uint16_t folded = fold(c->sum);
	uint8_t bytes[2];

	/* The sum is in the machine's byte order; the caller stores it with put_be16. */
	memcpy(bytes, &folded, sizeof(bytes));
	return (uint16_t)~get_be16(bytes);
}

struct checksum checksum_pseudo(uint32_t source, uint32_t target, uint8_t protocol, uint32_t len)
{
	struct checksum c = {0};
	uint8_t pseudo[12] = {0};

	put_be32(pseudo, source);
	put_be32(pseudo + 4, target);
	pseudo[9] = protocol;
	put_be16(pseudo + 10, len);
	checksum_add(&c, pseudo, sizeof(pseudo));
	return c;
}
