/*
 * TCP super-frames cut into frames: see pv/net.h.
 *
 * What changes from segment to segment is what the stack that made the super-frame leaves to a card
 * (Linux's Documentation/networking/segmentation-offloads.rst): lengths, the IPv4
 * identification, the sequence number; FIN and PSH belong to the last one, CWR to the first.
 *
 * Trust: the frame is hostile bytes in private memory; begin() checks every length that the rest uses.
 */
#include <pv/abi/errno.h>
#include <pv/net.h>
#include "frame.h"
#include "mem.h"

#define TCP_SEQ	  4u
#define TCP_DOFF  12u
#define TCP_FLAGS 13u
#define TCP_FIN	  0x01u
#define TCP_PSH	  0x08u
#define TCP_CWR	  0x80u
#define IP4_LEN	  2u
#define IP4_ID	  4u
#define IP4_CSUM  10u
#define IP6_LEN	  4u
#define IP6_FIXED 40u

int pv_gso_begin(struct pv_gso *g, const uint8_t *frame, uint32_t len,
		 const struct pv_net_meta *meta)
{
	uint32_t tcp;

	memset(g, 0, sizeof(*g));
	if (meta->gso_size < PV_NET_GSO_MIN || pv_net_find(frame, len, &g->h) < 0)
		return -PV_EINVAL;
	if (g->h.version != (meta->gso_type == PV_NET_GSO_TCP4 ? 4 : 6) || g->h.fragment ||
	    g->h.proto != PV_PROTO_TCP || g->h.len < PV_TCP_HEADER)
		return -PV_EINVAL;
	tcp = (uint32_t)(frame[g->h.at + TCP_DOFF] >> 4) * 4;
	if (tcp < PV_TCP_HEADER || tcp > g->h.len)
		return -PV_EINVAL;
	g->frame = frame;
	g->headers = g->h.at + tcp;
	g->payload = g->h.len - tcp;
	g->size = meta->gso_size;
	return 0;
}

uint32_t pv_gso_count(const struct pv_gso *g)
{
	return g->payload ? (g->payload + g->size - 1) / g->size : 1;
}

uint32_t pv_gso_room(const struct pv_gso *g)
{
	return g->headers + (g->payload < g->size ? g->payload : g->size);
}

static void ip_header(const struct pv_gso *g, uint32_t i, uint32_t len, uint8_t *ip)
{
	if (g->h.version == 6) {
		pv_put_be16(ip + IP6_LEN, len - g->h.ip - IP6_FIXED);
		return;
	}
	pv_put_be16(ip + IP4_LEN, len - g->h.ip);
	pv_put_be16(ip + IP4_ID, pv_be16(ip + IP4_ID) + i);
	memset(ip + IP4_CSUM, 0, 2);
	pv_put_be16(ip + IP4_CSUM, (uint16_t)~pv_csum_add(0, ip, g->h.at - g->h.ip));
}

uint32_t pv_gso_segment(const struct pv_gso *g, uint32_t i, uint8_t *out)
{
	uint32_t from = i * g->size, left = g->payload - from, n = left < g->size ? left : g->size,
		 seq;
	uint8_t *tcp = out + g->h.at;

	memcpy(out, g->frame, g->headers);
	memcpy(out + g->headers, g->frame + g->headers + from, n);
	ip_header(g, i, g->headers + n, out + g->h.ip);
	seq = ((uint32_t)pv_be16(tcp + TCP_SEQ) << 16 | pv_be16(tcp + TCP_SEQ + 2)) + from;
	pv_put_be16(tcp + TCP_SEQ, seq >> 16);
	pv_put_be16(tcp + TCP_SEQ + 2, seq);
	if (i)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (n < left)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	memset(tcp + PV_TCP_CSUM, 0, 2);
	seq = (uint32_t)g->h.pseudo + PV_PROTO_TCP + (g->headers - g->h.at + n);
	pv_put_be16(tcp + PV_TCP_CSUM, (uint16_t)~pv_csum_add(seq, tcp, g->headers - g->h.at + n));
	return g->headers + n;
}
