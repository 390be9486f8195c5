/* UDP: only DHCP speaks it here. */
#ifndef WEB_UDP_H
#define WEB_UDP_H

#include "bytes.h"

#define UDP_HEAD 8

struct net;
struct ipv4_packet;
struct net_buf;

void udp_input(struct net *net, const struct ipv4_packet *packet);
/* Send the first `len` bytes of a buffer; the caller keeps its reference. */
int udp_output(struct net *net, uint32_t target, uint16_t from, uint16_t to, struct net_buf *buf,
	       uint32_t len);

#endif
