/*
 * Internet checksums, and completion of those that a guest left blank: see pv/net.h.
 *
 * Trust: the frame is hostile bytes in private memory; every header is read only inside len.
 */
#include <pv/abi/errno.h>
#include <pv/net.h>
#include "mem.h"

#define ETH_HEADER  14u
#define VLAN_TAG    4u
#define ETH_IPV4    0x0800
#define ETH_IPV6    0x86dd
#define ETH_VLAN    0x8100
#define ETH_QINQ    0x88a8
#define IP6_HEADER  40u
#define PROTO_TCP   6
#define PROTO_UDP   17
#define IP6_HOP	    0
#define IP6_ROUTING 43
#define IP6_DEST    60

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

uint16_t pv_csum_add(uint32_t sum, const void *data, uint32_t len)
{
	const uint8_t *p = data;
	uint64_t s = sum;

	/* The sum of 32-bit words is a sum of 16-bit words once it is folded (RFC 1071,
	 * section 2). */
	for (; len >= 4; p += 4, len -= 4)
		s += (uint32_t)be16(p) << 16 | be16(p + 2);
	if (len >= 2) {
		s += be16(p);
		p += 2;
		len -= 2;
	}
	if (len)
		s += (uint32_t)p[0] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)s;
}

/* Where the transport header is, and what the pseudo-header sums to. */
struct transport {
	uint32_t at, len;
	uint8_t proto;
	uint16_t pseudo;
};

static int find_ipv4(const uint8_t *f, uint32_t at, uint32_t len, struct transport *t)
{
	const uint8_t *ip = f + at;
	uint32_t header, total;

	if (len - at < 20)
		return -PV_EINVAL;
	header = (ip[0] & 15u) * 4;
	total = be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || total < header || total > len - at)
		return -PV_EINVAL;
	/* Only a whole datagram has a checksum that can be computed. */
	if (be16(ip + 6) & 0x3fff)
		return -PV_EOPNOTSUPP;
	t->at = at + header;
	t->len = total - header;
	t->proto = ip[9];
	t->pseudo = pv_csum_add(0, ip + 12, 8);
	return 0;
}

static int find_ipv6(const uint8_t *f, uint32_t at, uint32_t len, struct transport *t)
{
	const uint8_t *ip = f + at;
	uint32_t left, size;
	uint8_t next;

	if (len - at < IP6_HEADER)
		return -PV_EINVAL;
	left = be16(ip + 4);
	if (ip[0] >> 4 != 6 || left > len - at - IP6_HEADER)
		return -PV_EINVAL;
	next = ip[6];
	at += IP6_HEADER;
	while (next == IP6_HOP || next == IP6_ROUTING || next == IP6_DEST) {
		if (left < 8)
			return -PV_EINVAL;
		size = (f[at + 1] + 1u) * 8;
		if (size > left)
			return -PV_EINVAL;
		next = f[at];
		at += size;
		left -= size;
	}
	t->at = at;
	t->len = left;
	t->proto = next;
	t->pseudo = pv_csum_add(0, ip + 8, 32);
	return 0;
}

int pv_csum_fill(uint8_t *f, uint32_t len)
{
	uint32_t at = ETH_HEADER, field, tags, sum;
	struct transport t;
	uint16_t type;
	int rc;

	if (len < ETH_HEADER)
		return -PV_EINVAL;
	type = be16(f + 12);
	for (tags = 0; (type == ETH_VLAN || type == ETH_QINQ) && tags < 2; tags++) {
		if (len - at < VLAN_TAG)
			return -PV_EINVAL;
		type = be16(f + at + 2);
		at += VLAN_TAG;
	}
	if (type == ETH_IPV4)
		rc = find_ipv4(f, at, len, &t);
	else if (type == ETH_IPV6)
		rc = find_ipv6(f, at, len, &t);
	else
		rc = -PV_EOPNOTSUPP;
	if (rc < 0)
		return rc;
	if (t.proto != PROTO_TCP && t.proto != PROTO_UDP)
		return -PV_EOPNOTSUPP;
	field = t.proto == PROTO_TCP ? 16 : 6;
	if (t.len < (t.proto == PROTO_TCP ? 20u : 8u))
		return -PV_EINVAL;

	memset(f + t.at + field, 0, 2);
	sum = (uint32_t)t.pseudo + t.proto + t.len;
	sum = (uint16_t)~pv_csum_add(sum, f + t.at, t.len);
	/* In UDP, 0 means none: its other representation is sent (RFC 768). */
	if (sum == 0 && t.proto == PROTO_UDP)
		sum = 0xffff;
	f[t.at + field] = (uint8_t)(sum >> 8);
	f[t.at + field + 1] = (uint8_t)sum;
	return 0;
}
