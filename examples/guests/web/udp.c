/* UDP. Every byte of a datagram is a stranger's. */
#include "udp.h"

#include "checksum.h"
#include "ipv4.h"
#include "net.h"

void udp_input(struct net *net, const struct ipv4_packet *packet)
{
	const uint8_t *p = packet->payload;
	uint32_t len;

	if (packet->len < UDP_HEAD)
		goto drop;
	len = get_be16(p + 4);
	if (len < UDP_HEAD || len > packet->len)
		goto drop;
	if (!packet->checked && get_be16(p + 6)) {
		struct checksum c = checksum_pseudo(packet->source, packet->target, IPV4_UDP, len);

		checksum_add(&c, p, len);
		if (checksum_end(&c))
			goto drop;
	}
	if (get_be16(p) == DHCP_SERVER_PORT && get_be16(p + 2) == DHCP_CLIENT_PORT) {
		dhcp_input(net, packet->source, p + UDP_HEAD, len - UDP_HEAD);
		return;
	}
drop:
	net->counters.dropped++;
}

int udp_output(struct net *net, uint32_t target, uint16_t from, uint16_t to, struct net_buf *buf,
	       uint32_t len)
{
	struct net_frame frame = {.head_len = ETHER_HEAD + IPV4_HEAD + UDP_HEAD};
	uint8_t *p = frame.head + ETHER_HEAD + IPV4_HEAD;
	struct checksum c = checksum_pseudo(net->address, target, IPV4_UDP, len + UDP_HEAD);
	uint16_t sum;

	put_be16(p, from);
	put_be16(p + 2, to);
	put_be16(p + 4, len + UDP_HEAD);
	checksum_add(&c, p, UDP_HEAD);
	checksum_add(&c, buf->data, len);
	sum = checksum_end(&c);
	put_be16(p + 6, sum ? sum : 0xffff); /* 0 would say that there is no checksum */
	frame.frags[frame.n_frags++] = (struct net_frag){buf->data, len, buf};
	return ipv4_output(net, &frame, target, IPV4_UDP);
}
