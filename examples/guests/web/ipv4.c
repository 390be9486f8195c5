/* IPv4. Every byte of an incoming packet is a stranger's: lengths are checked against the frame before use. */
#include "ipv4.h"

#include "checksum.h"
#include "icmp.h"
#include "net.h"
#include "udp.h"

#define IPV4_DONT_FRAGMENT 0x4000
#define IPV4_FRAGMENT	   0x3fff /* more fragments, or an offset */
#define IPV4_BROADCAST	   0xffffffffu

static bool is_broadcast(const struct net *net, uint32_t address)
{
	return address == IPV4_BROADCAST ||
	       (net->address && address == (net->address | ~net->mask));
}

void ipv4_input(struct net *net, const uint8_t *p, size_t len, bool checked)
{
	struct ipv4_packet packet = {.checked = checked};
	struct checksum c = {0};
	uint32_t head, total;

	if (len < IPV4_HEAD || p[0] >> 4 != 4)
		goto drop;
	head = (p[0] & 15) * 4u;
	total = get_be16(p + 2);
	if (head < IPV4_HEAD || total < head || total > len || (get_be16(p + 6) & IPV4_FRAGMENT))
		goto drop;
	checksum_add(&c, p, head);
	if (checksum_end(&c))
		goto drop;
	packet.source = get_be32(p + 12);
	packet.target = get_be32(p + 16);
	packet.payload = p + head;
	packet.len = total - head;
	packet.broadcast = is_broadcast(net, packet.target);
	/* A DHCP server may answer to the address that it is about to give. */
	if (!net->address && p[9] == IPV4_UDP)
		packet.broadcast = true;
	else if (!packet.broadcast && (!net->address || packet.target != net->address))
		goto drop;
	if (is_broadcast(net, packet.source) || packet.source >> 28 == 0xe)
		goto drop;
	switch (p[9]) {
	case IPV4_TCP: tcp_input(net, &packet); return;
	case IPV4_UDP: udp_input(net, &packet); return;
	case IPV4_ICMP: icmp_input(net, &packet); return;
	}
drop:
	net->counters.dropped++;
}

int ipv4_output(struct net *net, struct net_frame *frame, uint32_t target, uint8_t protocol)
{
	uint8_t *p = frame->head + ETHER_HEAD;
	struct checksum c = {0};
	uint8_t mac[ETHER_MAC];

	if (is_broadcast(net, target))
		memcpy(mac, ether_broadcast, ETHER_MAC);
	else if (!arp_resolve(net, net_on_link(net, target) || !net->router ? target : net->router,
			      mac))
		return -NET_EAGAIN;
	memset(p, 0, IPV4_HEAD);
	p[0] = 0x45;
	put_be16(p + 2, net_frame_length(frame) - ETHER_HEAD);
	put_be16(p + 6, IPV4_DONT_FRAGMENT);
	p[8] = 64;
	p[9] = protocol;
	put_be32(p + 12, net->address);
	put_be32(p + 16, target);
	checksum_add(&c, p, IPV4_HEAD);
	put_be16(p + 10, checksum_end(&c));
	return ether_output(net, frame, mac, ETHER_IPV4);
}
