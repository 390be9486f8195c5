/* ARP (RFC 826): which card has an address. A small table; an answer that nobody asked for only refreshes it. */
#ifndef WEB_ARP_H
#define WEB_ARP_H

#include "bytes.h"
#include "ether.h"

#define ARP_ENTRIES 32

struct arp_entry {
	uint32_t address; /* 0: free */
	uint8_t mac[ETHER_MAC];
	bool known;
	uint64_t learnt;
	uint64_t asked;
	uint64_t used;
};

struct arp {
	struct arp_entry entries[ARP_ENTRIES];
};

struct net;

void arp_input(struct net *net, const uint8_t *packet, size_t len);
/* The card of a neighbour: true and `mac`, or false after a question has been sent. */
bool arp_resolve(struct net *net, uint32_t address, uint8_t mac[ETHER_MAC]);
void arp_announce(struct net *net);
void arp_ask(struct net *net, uint32_t address);

#endif
