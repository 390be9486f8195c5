/*
 * The DHCP client. Any machine on the wire may play the server, as everywhere with DHCP; an answer has to carry our
 * transaction id and our card's address, every option is read within its bounds, and absurd values are refused.
 */
#include "dhcp.h"

#include "net.h"
#include "udp.h"

#define BOOTP_SIZE    236
#define DHCP_MAGIC    0x63825363u
#define DHCP_BUF_SIZE 300 /* the smallest message that old relays let through */
#define BROADCAST     0xffffffffu
#define FOREVER	      0xffffffffu

enum { DISCOVER = 1, OFFER, REQUEST, DECLINE, ACK, NAK };
enum {
	OPT_PAD = 0,
	OPT_MASK = 1,
	OPT_ROUTER = 3,
	OPT_DNS = 6,
	OPT_MTU = 26,
	OPT_ADDRESS = 50,
	OPT_LEASE = 51,
	OPT_TYPE = 53,
	OPT_SERVER = 54,
	OPT_PARAMETERS = 55,
	OPT_RENEW = 58,
	OPT_REBIND = 59,
	OPT_CLIENT = 61,
	OPT_END = 255,
};

struct answer {
	uint8_t type;
	uint32_t address, mask, router, dns, server, lease, renew, rebind;
	uint16_t mtu;
};

static uint8_t *option(uint8_t *p, uint8_t code, const void *value, uint8_t len)
{
	p[0] = code;
	p[1] = len;
	memcpy(p + 2, value, len);
	return p + 2 + len;
}

static uint8_t *option_u32(uint8_t *p, uint8_t code, uint32_t value)
{
	uint8_t bytes[4];

	put_be32(bytes, value);
	return option(p, code, bytes, 4);
}

static int send(struct net *net, uint8_t type)
{
	static const uint8_t parameters[] = {OPT_MASK,	OPT_ROUTER, OPT_DNS,   OPT_MTU,
					     OPT_LEASE, OPT_RENEW,  OPT_REBIND};
	struct dhcp *d = &net->dhcp;
	struct net_buf *buf = net_buf_get(net->pool);
	uint8_t client[1 + ETHER_MAC] = {1};
	uint8_t *m, *p;
	int rc;

	if (!buf)
		return -NET_EAGAIN;
	m = buf->data;
	memset(m, 0, DHCP_BUF_SIZE);
	m[0] = 1; /* a request, from Ethernet */
	m[1] = 1;
	m[2] = ETHER_MAC;
	put_be32(m + 4, d->xid);
	put_be32(m + 12, net->address);
	memcpy(m + 28, net->mac, ETHER_MAC);
	put_be32(m + BOOTP_SIZE, DHCP_MAGIC);
	p = option(m + BOOTP_SIZE + 4, OPT_TYPE, &type, 1);
	memcpy(client + 1, net->mac, ETHER_MAC);
	p = option(p, OPT_CLIENT, client, sizeof(client));
	p = option(p, OPT_PARAMETERS, parameters, sizeof(parameters));
	if (d->state == DHCP_REQUESTING) {
		p = option_u32(p, OPT_ADDRESS, d->offered);
		p = option_u32(p, OPT_SERVER, d->server);
	}
	*p = OPT_END;
	rc = udp_output(net, d->state == DHCP_RENEWING ? d->server : BROADCAST, DHCP_CLIENT_PORT,
			DHCP_SERVER_PORT, buf, DHCP_BUF_SIZE);
	net_buf_put(buf);
	return rc;
}

/* 1, 2, 4, 8, 16 seconds, each with up to a second on top, so that many guests do not ask in step. */
static void wait(struct net *net)
{
	struct dhcp *d = &net->dhcp;

	d->next = net->now + (NET_S << (d->tries < 4 ? d->tries : 4)) + net_random(net) % NET_S;
	if (d->tries < 255)
		d->tries++;
}

void dhcp_start(struct net *net)
{
	struct dhcp *d = &net->dhcp;

	*d = (struct dhcp){.state = DHCP_SELECTING, .xid = net_random(net)};
	send(net, DISCOVER);
	wait(net);
}

static bool parse(const struct net *net, const uint8_t *m, size_t len, struct answer *a)
{
	size_t at = BOOTP_SIZE + 4;

	if (len < at || m[0] != 2 || get_be32(m + 4) != net->dhcp.xid ||
	    memcmp(m + 28, net->mac, ETHER_MAC) || get_be32(m + BOOTP_SIZE) != DHCP_MAGIC)
		return false;
	*a = (struct answer){.address = get_be32(m + 16), .lease = FOREVER};
	while (at < len && m[at] != OPT_END) {
		const uint8_t *v = m + at + 2;
		uint8_t n;

		if (m[at] == OPT_PAD) {
			at++;
			continue;
		}
		if (len - at < 2 || len - at - 2 < m[at + 1])
			return false;
		n = m[at + 1];
		if (m[at] == OPT_TYPE && n == 1)
			a->type = v[0];
		else if (m[at] == OPT_MTU && n == 2)
			a->mtu = get_be16(v);
		else if (n >= 4)
			switch (m[at]) {
			case OPT_MASK: a->mask = get_be32(v); break;
			case OPT_ROUTER: a->router = get_be32(v); break;
			case OPT_DNS: a->dns = get_be32(v); break;
			case OPT_LEASE: a->lease = get_be32(v); break;
			case OPT_SERVER: a->server = get_be32(v); break;
			case OPT_RENEW: a->renew = get_be32(v); break;
			case OPT_REBIND: a->rebind = get_be32(v); break;
			}
		at += 2u + n;
	}
	return true;
}

static void bound(struct net *net, const struct answer *a)
{
	struct dhcp *d = &net->dhcp;
	uint64_t lease = a->lease == FOREVER ? ~0ull >> 2 : max_u32(a->lease, 60) * NET_S;

	d->state = DHCP_BOUND;
	d->tries = 0;
	d->expire = net->now + lease;
	d->renew = net->now + (a->renew && a->renew < a->lease ? a->renew * NET_S : lease / 2);
	d->rebind =
		net->now + (a->rebind && a->rebind < a->lease ? a->rebind * NET_S : lease / 8 * 7);
	d->next = d->renew;
	net->dns = a->dns;
	net->mtu = a->mtu >= 576 ? min_u32(a->mtu, net->card_mtu) : net->card_mtu;
	if (net->address != a->address)
		net_set_address(net, a->address, a->mask ? a->mask : 0xffffff00u, a->router);
}

void dhcp_input(struct net *net, uint32_t source, const uint8_t *m, size_t len)
{
	struct dhcp *d = &net->dhcp;
	struct answer a;

	if (d->state == DHCP_OFF || d->state == DHCP_BOUND || !parse(net, m, len, &a)) {
		net->counters.dropped++;
		return;
	}
	if (!a.server)
		a.server = source;
	if (a.type == NAK && d->state != DHCP_SELECTING) {
		net_set_address(net, 0, 0, 0);
		dhcp_start(net);
		return;
	}
	/* No network gives out 0.0.0.0, the loopback net, or what lies above class C. */
	if (!a.address || a.address >> 24 == 127 || a.address >> 28 >= 0xe)
		return;
	if (a.type == OFFER && d->state == DHCP_SELECTING) {
		d->state = DHCP_REQUESTING;
		d->tries = 0;
		d->offered = a.address;
		d->server = a.server;
		send(net, REQUEST);
		wait(net);
	} else if (a.type == ACK && d->state != DHCP_SELECTING) {
		if (d->state == DHCP_REQUESTING && a.address != d->offered)
			return;
		bound(net, &a);
	}
}

void dhcp_poll(struct net *net)
{
	struct dhcp *d = &net->dhcp;

	if (d->state == DHCP_OFF || net->now < d->next)
		return;
	switch (d->state) {
	case DHCP_SELECTING:
		send(net, DISCOVER);
		wait(net);
		break;
	case DHCP_REQUESTING:
		if (d->tries >= 4) {
			dhcp_start(net);
			break;
		}
		send(net, REQUEST);
		wait(net);
		break;
	default:
		if (net->now >= d->expire) {
			net_set_address(net, 0, 0, 0);
			dhcp_start(net);
			break;
		}
		d->state = net->now >= d->rebind ? DHCP_REBINDING : DHCP_RENEWING;
		if (send(net, REQUEST)) {
			/* The server's card has to be found first, or ours has no room: that takes no minute. */
			d->next = net->now + NET_S;
			break;
		}
		/* Half of what is left, and no more often than once a minute (RFC 2131, 4.4.5). */
		d->next = (d->state == DHCP_RENEWING ? d->rebind : d->expire) - net->now;
		d->next = net->now + (d->next / 2 > 60 * NET_S ? d->next / 2 : 60 * NET_S);
	}
}
