/* ICMP: answers echo requests, ignores the rest. */
#ifndef WEB_ICMP_H
#define WEB_ICMP_H

struct net;
struct ipv4_packet;

void icmp_input(struct net *net, const struct ipv4_packet *packet);

#endif
