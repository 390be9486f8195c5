/*
 * Internet checksums, and completion of those that a guest left blank: see pv/net.h.
 *
 * Trust: the frame is hostile bytes in private memory; every header is read only inside len.
 */
#include <pv/abi/errno.h>
#include <pv/net.h>
#include "frame.h"
#include "mem.h"

uint16_t pv_csum_add(uint32_t sum, const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t s = 0, a, b;

	/*
	 * Ones' complement addition knows no byte order (RFC 1071, section 2): words are added as
	 * they lie in memory, the folded sum is turned round once.
	 */
	for (; len >= 16; p += 16, len -= 16) {
		memcpy(&a, p, 8);
		memcpy(&b, p + 8, 8);
		s += (uint32_t)a + (a >> 32) + (uint32_t)b + (b >> 32);
	}
	for (; len >= 2; p += 2, len -= 2) {
		uint16_t w;

		memcpy(&w, p, 2);
		s += w;
	}
	if (len) {
		const uint8_t last[2] = {*p, 0};
		uint16_t w;

		memcpy(&w, last, 2);
		s += w;
	}
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	s = (s & 0xff) << 8 | s >> 8;
#endif
	s += sum;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* Where a checksum can be computed, and where it goes. */
static int find(const uint8_t *f, uint32_t len, struct pv_net_headers *h, uint32_t *field)
{
	int rc = pv_net_find(f, len, h);

	if (rc < 0)
		return rc;
	/* Only a whole datagram has a checksum that can be computed. */
	if (h->fragment || (h->proto != PV_PROTO_TCP && h->proto != PV_PROTO_UDP))
		return -PV_EOPNOTSUPP;
	if (h->len < (h->proto == PV_PROTO_TCP ? PV_TCP_HEADER : PV_UDP_HEADER))
		return -PV_EINVAL;
	*field = h->proto == PV_PROTO_TCP ? PV_TCP_CSUM : PV_UDP_CSUM;
	return 0;
}

int pv_csum_fill(uint8_t *f, uint32_t len)
{
	struct pv_net_headers h;
	uint32_t field, sum;
	int rc = find(f, len, &h, &field);

	if (rc < 0)
		return rc;
	memset(f + h.at + field, 0, 2);
	sum = (uint32_t)h.pseudo + h.proto + h.len;
	sum = (uint16_t)~pv_csum_add(sum, f + h.at, h.len);
	/* In UDP, 0 means none: its other representation is sent (RFC 768). */
	if (sum == 0 && h.proto == PV_PROTO_UDP)
		sum = 0xffff;
	pv_put_be16(f + h.at + field, sum);
	return 0;
}

int pv_csum_blank(uint8_t *f, uint32_t len, uint32_t *start, uint32_t *field)
{
	struct pv_net_headers h;
	uint32_t sum;
	int rc = find(f, len, &h, field);

	if (rc < 0)
		return rc;
	sum = (uint32_t)h.pseudo + h.proto + h.len;
	pv_put_be16(f + h.at + *field, pv_csum_add(sum, f, 0));
	*start = h.at;
	return 0;
}
