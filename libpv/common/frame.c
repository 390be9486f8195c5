/*
 * The Internet headers of a frame: see pv/net.h.
 *
 * Trust: the frame is hostile bytes in private memory; every header is read only inside len.
 */
#include <pv/abi/errno.h>
#include <pv/net.h>
#include "frame.h"

#define ETH_IPV4    0x0800
#define ETH_IPV6    0x86dd
#define ETH_VLAN    0x8100
#define ETH_QINQ    0x88a8
#define VLAN_TAG    4u
#define IP4_HEADER  20u
#define IP6_HEADER  40u
#define IP6_HOP	    0
#define IP6_ROUTING 43
#define IP6_FRAG    44
#define IP6_DEST    60

static int find_ipv4(const uint8_t *f, uint32_t len, struct pv_net_headers *h)
{
	const uint8_t *ip = f + h->ip;
	uint32_t header, total;

	if (len - h->ip < IP4_HEADER)
		return -PV_EINVAL;
	header = (ip[0] & 15u) * 4;
	total = pv_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header < IP4_HEADER || total < header || total > len - h->ip)
		return -PV_EINVAL;
	h->version = 4;
	h->fragment = pv_be16(ip + 6) & 0x3fff;
	h->at = h->ip + header;
	h->len = total - header;
	h->proto = ip[9];
	h->pseudo = pv_csum_add(0, ip + 12, 8);
	return 0;
}

static int find_ipv6(const uint8_t *f, uint32_t len, struct pv_net_headers *h)
{
	const uint8_t *ip = f + h->ip;
	uint32_t left, size;
	uint8_t next;

	if (len - h->ip < IP6_HEADER)
		return -PV_EINVAL;
	left = pv_be16(ip + 4);
	if (ip[0] >> 4 != 6 || left > len - h->ip - IP6_HEADER)
		return -PV_EINVAL;
	h->version = 6;
	h->at = h->ip + IP6_HEADER;
	for (next = ip[6];
	     next == IP6_HOP || next == IP6_ROUTING || next == IP6_DEST || next == IP6_FRAG;) {
		if (left < 8)
			return -PV_EINVAL;
		if (next == IP6_FRAG && pv_be16(f + h->at + 2) & 0xfff9)
			h->fragment = true;
		size = next == IP6_FRAG ? 8 : (f[h->at + 1] + 1u) * 8;
		if (size > left)
			return -PV_EINVAL;
		next = f[h->at];
		h->at += size;
		left -= size;
	}
	h->len = left;
	h->proto = next;
	h->pseudo = pv_csum_add(0, ip + 8, 32);
	return 0;
}

int pv_net_find(const uint8_t *f, uint32_t len, struct pv_net_headers *h)
{
	uint32_t tags;
	uint16_t type;

	*h = (struct pv_net_headers){.ip = PV_ETH_HEADER};
	if (len < PV_ETH_HEADER)
		return -PV_EINVAL;
	type = pv_be16(f + 12);
	for (tags = 0; (type == ETH_VLAN || type == ETH_QINQ) && tags < 2; tags++) {
		if (len - h->ip < VLAN_TAG)
			return -PV_EINVAL;
		type = pv_be16(f + h->ip + 2);
		h->ip += VLAN_TAG;
	}
	if (type == ETH_IPV4)
		return find_ipv4(f, len, h);
	if (type == ETH_IPV6)
		return find_ipv6(f, len, h);
	return -PV_EOPNOTSUPP;
}
