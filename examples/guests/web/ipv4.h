/* IPv4 without fragments: what comes in pieces is dropped, what goes out fits the card. */
#ifndef WEB_IPV4_H
#define WEB_IPV4_H

#include "bytes.h"

#define IPV4_HEAD 20
#define IPV4_ICMP 1
#define IPV4_TCP  6
#define IPV4_UDP  17

struct net;
struct net_frame;

/* What a packet carries, checked: the payload lies within the frame. */
struct ipv4_packet {
	uint32_t source, target;
	const uint8_t *payload;
	uint32_t len;
	bool broadcast; /* to everybody, or to an address that is not ours yet */
	bool checked;	/* the checksum of the payload needs no look */
};

void ipv4_input(struct net *net, const uint8_t *packet, size_t len, bool checked);
/*
 * Send what stands in the frame after ETHER_HEAD + IPV4_HEAD bytes of its head. 0, -NET_EAGAIN: the card is full or
 * the neighbour's card is not known yet; in both cases tcp_resume() is called when it is worth another try.
 */
int ipv4_output(struct net *net, struct net_frame *frame, uint32_t target, uint8_t protocol);

#endif
