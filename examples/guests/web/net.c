/* The stack as one object: start, frames in, frames out, time. Every byte of a frame is a stranger's. */
#include "net.h"

static uint64_t rotate(uint64_t v, unsigned n)
{
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] = rotate(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] = rotate(v[2], 32);
}

uint32_t net_hash(const struct net *net, const void *data, size_t n)
{
	uint64_t v[4] = {net->seed[0] ^ 0x736f6d6570736575, net->seed[1] ^ 0x646f72616e646f6d,
			 net->seed[0] ^ 0x6c7967656e657261, net->seed[1] ^ 0x7465646279746573};
	const uint8_t *p = data;
	uint64_t word = 0;
	size_t i;

	for (i = 0; i <= n; i++) {
		word |= (uint64_t)(i < n ? p[i] : (uint8_t)n) << (i < n ? i % 8 * 8 : 56);
		if (i % 8 == 7 || i == n) {
			v[3] ^= word;
			sip_round(v);
			sip_round(v);
			v[0] ^= word;
			word = 0;
		}
	}
	v[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		sip_round(v);
	v[0] ^= v[1] ^ v[2] ^ v[3];
	return (uint32_t)(v[0] ^ v[0] >> 32);
}

uint32_t net_random(struct net *net)
{
	net->random++;
	return net_hash(net, &net->random, sizeof(net->random));
}

uint64_t net_now(struct net *net)
{
	return net->now = net->hooks.now(net->hooks.ctx);
}

void net_init(struct net *net, const struct net_config *config, struct net_pool *pool,
	      struct tcp_conn *conns, unsigned n_conns)
{
	memset(net, 0, sizeof(*net));
	net->hooks = config->hooks;
	memcpy(net->mac, config->mac, ETHER_MAC);
	net->mtu = net->card_mtu = max_u32(config->mtu, 576);
	net->max_pages = config->max_pages;
	net->seed[0] = config->seed[0];
	net->seed[1] = config->seed[1];
	net->pool = pool;
	tcp_init(&net->tcp, conns, n_conns);
	net_now(net);
	if (config->address)
		net_set_address(net, config->address, config->mask, config->router);
	else
		dhcp_start(net);
}

void net_set_address(struct net *net, uint32_t address, uint32_t mask, uint32_t router)
{
	/* Connections of another address can only time out at the peer: say so now. */
	if (net->address && net->address != address)
		tcp_reset_all(net);
	net->address = address;
	net->mask = mask;
	net->router = router;
	net_announce(net);
}

void net_announce(struct net *net)
{
	if (!net->address)
		return;
	net_now(net);
	arp_announce(net);
	/* Ask for the router before anybody waits for it. */
	if (net->router && net_on_link(net, net->router))
		arp_ask(net, net->router);
}

void net_input(struct net *net, const uint8_t *frame, size_t len, bool checked)
{
	net_now(net);
	net->counters.frames_in++;
	net->counters.bytes_in += len;
	ether_input(net, frame, len, checked);
}

int net_transmit(struct net *net, const struct net_frame *frame)
{
	int rc = net->hooks.transmit(net->hooks.ctx, frame);

	if (!rc) {
		net->counters.frames_out++;
		net->counters.bytes_out += net_frame_length(frame);
	}
	return rc;
}

void net_tx_ready(struct net *net)
{
	net_now(net);
	tcp_resume(net);
}

void net_poll(struct net *net)
{
	net_now(net);
	dhcp_poll(net);
	tcp_poll(net);
}

uint64_t net_deadline(const struct net *net)
{
	uint64_t tcp = tcp_deadline(net);

	return net->dhcp.state != DHCP_OFF && net->dhcp.next < tcp ? net->dhcp.next : tcp;
}
