/* The Internet checksum. One's complement sums may be taken in any word size and byte order, and folded at the end. */
#include "checksum.h"

/* Eight bytes at any address. */
typedef uint64_t __attribute__((aligned(1), may_alias)) word;

/* An end-around carry: what leaves at the top comes in at the bottom. */
static uint64_t add(uint64_t sum, uint64_t v)
{
	sum += v;
	return sum + (sum < v);
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
	/* Two sums, because each addition waits for the carry of the one before. */
	for (; n >= 32; n -= 32, p += 32) {
		const word *w = (const word *)p;

		a = add(a, w[0]);
		b = add(b, w[1]);
		a = add(a, w[2]);
		b = add(b, w[3]);
	}
	for (; n >= 8; n -= 8, p += 8)
		a = add(a, *(const word *)p);
	if (n) {
		uint8_t last[8] = {0};

		memcpy(last, p, n);
		b = add(b, *(const word *)last);
	}
	a = add(a, b);
	part = fold((a & 0xffffffff) + (a >> 32));
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
