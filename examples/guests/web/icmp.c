/* ICMP echo. A request to everybody gets no answer, so that nobody can multiply packets with our help. */
#include "icmp.h"

#include "checksum.h"
#include "ipv4.h"
#include "net.h"

#define ICMP_HEAD	  8
#define ICMP_ECHO_REPLY	  0
#define ICMP_ECHO_REQUEST 8

void icmp_input(struct net *net, const struct ipv4_packet *packet)
{
	struct net_frame frame = {.head_len = ETHER_HEAD + IPV4_HEAD + ICMP_HEAD};
	uint8_t *p = frame.head + ETHER_HEAD + IPV4_HEAD;
	struct checksum c = {0};
	struct net_buf *buf;
	uint32_t len;

	checksum_add(&c, packet->payload, packet->len);
	if (packet->len < ICMP_HEAD || packet->broadcast || checksum_end(&c) ||
	    packet->payload[0] != ICMP_ECHO_REQUEST || packet->len - ICMP_HEAD > NET_BUF_SIZE) {
		net->counters.dropped++;
		return;
	}
	buf = net_buf_get(net->pool);
	if (!buf)
		return;
	len = packet->len - ICMP_HEAD;
	memcpy(p, packet->payload, ICMP_HEAD);
	memcpy(buf->data, packet->payload + ICMP_HEAD, len);
	p[0] = ICMP_ECHO_REPLY;
	put_be16(p + 2, 0);
	c = (struct checksum){0};
	checksum_add(&c, p, ICMP_HEAD);
	checksum_add(&c, buf->data, len);
	put_be16(p + 2, checksum_end(&c));
	if (len)
		frame.frags[frame.n_frags++] = (struct net_frag){buf->data, len, buf};
	ipv4_output(net, &frame, packet->source, IPV4_ICMP);
	net_buf_put(buf);
}
