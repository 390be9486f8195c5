/*
 * ARP. A stranger on the wire can lie about who he is, as everywhere with ARP; he cannot make the table grow, and he
 * cannot add an entry without asking for our own address.
 */
#include "arp.h"

#include "net.h"

#define ARP_SIZE     28
#define ARP_REQUEST  1
#define ARP_REPLY    2
#define ARP_REFRESH  (60 * NET_S)  /* ask again, and go on using what we know */
#define ARP_EXPIRE   (120 * NET_S) /* no answer in all that time: unknown */
#define ARP_INTERVAL (1 * NET_S)   /* between two questions for one address */

static struct arp_entry *find(struct net *net, uint32_t address)
{
	for (unsigned i = 0; i < ARP_ENTRIES; i++)
		if (net->arp.entries[i].address == address)
			return &net->arp.entries[i];
	return NULL;
}

static struct arp_entry *make(struct net *net, uint32_t address)
{
	struct arp_entry *oldest = &net->arp.entries[0];

	for (unsigned i = 0; i < ARP_ENTRIES; i++) {
		struct arp_entry *e = &net->arp.entries[i];

		if (!e->address) {
			oldest = e;
			break;
		}
		if (e->used < oldest->used)
			oldest = e;
	}
	*oldest = (struct arp_entry){.address = address, .used = net->now};
	return oldest;
}

static void send(struct net *net, uint16_t operation, const uint8_t to[ETHER_MAC], uint32_t target)
{
	static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, ETHER_MAC, 4};
	struct net_frame frame = {.head_len = ETHER_HEAD + ARP_SIZE};
	uint8_t *p = frame.head + ETHER_HEAD;

	memcpy(p, ethernet_ipv4, sizeof(ethernet_ipv4));
	put_be16(p + 6, operation);
	memcpy(p + 8, net->mac, ETHER_MAC);
	put_be32(p + 14, net->address);
	if (operation == ARP_REPLY)
		memcpy(p + 18, to, ETHER_MAC);
	put_be32(p + 24, target);
	/* Lost when the card is full: whoever needs the answer asks again. */
	ether_output(net, &frame, to, ETHER_ARP);
}

void arp_ask(struct net *net, uint32_t address)
{
	send(net, ARP_REQUEST, ether_broadcast, address);
}

void arp_announce(struct net *net)
{
	if (net->address)
		send(net, ARP_REQUEST, ether_broadcast, net->address);
}

bool arp_resolve(struct net *net, uint32_t address, uint8_t mac[ETHER_MAC])
{
	struct arp_entry *e = find(net, address);

	if (!e)
		e = make(net, address);
	e->used = net->now;
	if (e->known && net->now - e->learnt >= ARP_EXPIRE)
		e->known = false;
	if ((!e->known || net->now - e->learnt >= ARP_REFRESH) &&
	    (!e->asked || net->now - e->asked >= ARP_INTERVAL)) {
		e->asked = net->now;
		arp_ask(net, address);
	}
	if (e->known)
		memcpy(mac, e->mac, ETHER_MAC);
	return e->known;
}

void arp_input(struct net *net, const uint8_t *p, size_t len)
{
	static const uint8_t ethernet_ipv4[6] = {0, 1, 8, 0, ETHER_MAC, 4};
	uint32_t sender, target;
	struct arp_entry *e;
	uint16_t operation;

	if (len < ARP_SIZE || memcmp(p, ethernet_ipv4, sizeof(ethernet_ipv4)) || (p[8] & 1)) {
		net->counters.dropped++;
		return;
	}
	operation = get_be16(p + 6);
	sender = get_be32(p + 14);
	target = get_be32(p + 24);
	if (!net->address || sender == net->address)
		return;
	if (sender && net_on_link(net, sender)) {
		e = find(net, sender);
		if (!e && target == net->address)
			e = make(net, sender);
		if (e) {
			bool news = !e->known;

			memcpy(e->mac, p + 8, ETHER_MAC);
			e->known = true;
			e->learnt = net->now;
			if (news)
				tcp_resume(net);
		}
	}
	if (operation == ARP_REQUEST && target == net->address)
		send(net, ARP_REPLY, p + 8, sender);
}
