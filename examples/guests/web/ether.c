/* Ethernet. Every byte of an incoming frame is a stranger's. */
#include "ether.h"

#include "ipv4.h"
#include "net.h"

const uint8_t ether_broadcast[ETHER_MAC] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

void ether_input(struct net *net, const uint8_t *frame, size_t len, bool checked)
{
	if (len < ETHER_HEAD || (memcmp(frame, net->mac, ETHER_MAC) && !(frame[0] & 1))) {
		net->counters.dropped++;
		return;
	}
	switch (get_be16(frame + 12)) {
	case ETHER_IPV4: ipv4_input(net, frame + ETHER_HEAD, len - ETHER_HEAD, checked); break;
	case ETHER_ARP: arp_input(net, frame + ETHER_HEAD, len - ETHER_HEAD); break;
	default: net->counters.dropped++;
	}
}

int ether_output(struct net *net, struct net_frame *frame, const uint8_t to[ETHER_MAC],
		 uint16_t type)
{
	memcpy(frame->head, to, ETHER_MAC);
	memcpy(frame->head + ETHER_MAC, net->mac, ETHER_MAC);
	put_be16(frame->head + 12, type);
	return net_transmit(net, frame);
}
