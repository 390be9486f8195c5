/* Ethernet: who a frame is for and what it carries. */
#ifndef WEB_ETHER_H
#define WEB_ETHER_H

#include "bytes.h"

#define ETHER_MAC  6
#define ETHER_HEAD 14
#define ETHER_IPV4 0x0800
#define ETHER_ARP  0x0806

struct net;
struct net_frame;

void ether_input(struct net *net, const uint8_t *frame, size_t len, bool checked);
/* Fill in the first ETHER_HEAD bytes of the head and hand the frame over. */
int ether_output(struct net *net, struct net_frame *frame, const uint8_t to[ETHER_MAC],
		 uint16_t type);

extern const uint8_t ether_broadcast[ETHER_MAC];

#endif
