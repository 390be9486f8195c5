/*
 * A small IPv4 stack for one network card: ARP, ICMP echo, a DHCP client, TCP servers.
 *
 * It is a state machine that somebody else's loop advances: frames come in through net_input(), time passes through
 * net_poll(), frames leave through the hook `transmit`. It owns no memory beyond what net_init() was given, no
 * clock and no thread; all calls on one `struct net` are made by one thread, and hooks are called from inside them.
 *
 * Trust: every byte of a frame is a stranger's. Hooks are trusted.
 */
#ifndef WEB_NET_H
#define WEB_NET_H

#include "arp.h"
#include "buf.h"
#include "bytes.h"
#include "dhcp.h"
#include "ether.h"
#include "tcp.h"

#define NET_HEAD_SIZE 128 /* Ethernet + IPv4 + TCP with options: 14 + 20 + 60 */
#define NET_FRAGS     6

struct net;

/* Memory of a buffer that a frame is made of, after its head. */
struct net_frag {
	const uint8_t *data;
	uint32_t len;
	struct net_buf *buf;
};

struct net_frame {
	uint32_t head_len;
	uint32_t n_frags;
	struct net_frag frags[NET_FRAGS];
	uint8_t head[NET_HEAD_SIZE];
};

static inline uint32_t net_frame_length(const struct net_frame *f)
{
	uint32_t n = f->head_len;

	for (uint32_t i = 0; i < f->n_frags; i++)
		n += f->frags[i].len;
	return n;
}

struct net_hooks {
	void *ctx;
	/*
	 * Take a frame: 0, or -NET_EAGAIN when there is no room (net_tx_ready() is called when there is again).
	 * The head is copied before the call returns. A fragment may be used later: then the driver holds its
	 * buffer (net_buf_hold) and puts it when the frame has left.
	 */
	int (*transmit)(void *ctx, const struct net_frame *frame);
	/* Nanoseconds from any origin; never goes back. */
	uint64_t (*now)(void *ctx);
};

struct net_config {
	struct net_hooks hooks;
	uint8_t mac[ETHER_MAC];
	unsigned mtu;	    /* the largest IP packet the card takes, 576 or more */
	unsigned max_pages; /* how many 4 KiB pages the data of one frame may touch; 0: no limit */
	uint32_t address, mask, router; /* address 0: ask DHCP */
	uint64_t seed[2]; /* random: sequence numbers and transaction ids come from it */
};

struct net_counters {
	uint64_t frames_in, frames_out, bytes_in, bytes_out;
	uint64_t dropped;	/* not for us, malformed, bad checksum */
	uint64_t accepted;	/* TCP connections */
	uint64_t refused;	/* connections with no listener or no room */
	uint64_t retransmitted; /* segments sent again */
	uint64_t out_of_order;	/* segments that came before their time */
};

struct net {
	struct net_hooks hooks;
	uint8_t mac[ETHER_MAC];
	unsigned mtu;
	unsigned card_mtu;
	unsigned max_pages;
	uint32_t address, mask, router, dns;
	uint64_t now; /* of the event being handled */
	uint64_t seed[2];
	uint64_t random;
	struct net_pool *pool;
	struct arp arp;
	struct dhcp dhcp;
	struct tcp tcp;
	struct net_counters counters;
};

/* `conns` are the connections the stack may have at once, `pool` the buffers for what it sends. */
void net_init(struct net *net, const struct net_config *config, struct net_pool *pool,
	      struct tcp_conn *conns, unsigned n_conns);
/* A frame came. `checked`: the card or the backend vouches for its TCP or UDP checksum. */
void net_input(struct net *net, const uint8_t *frame, size_t len, bool checked);
/* Timers. Call after net_deadline(), and after a batch of frames; calling more often does no harm. */
void net_poll(struct net *net);
/* When net_poll() has to be called again, in the time of `now`; ~0 for never. */
uint64_t net_deadline(const struct net *net);
/* The card has room again after -NET_EAGAIN. */
void net_tx_ready(struct net *net);
/* Tell the neighbours where we are: after an address was set, and after a move to another host. */
void net_announce(struct net *net);

uint64_t net_now(struct net *net);
uint32_t net_random(struct net *net);
/* A 32-bit keyed hash (SipHash-2-4) that a stranger cannot predict. */
uint32_t net_hash(const struct net *net, const void *data, size_t n);
int net_transmit(struct net *net, const struct net_frame *frame);
void net_set_address(struct net *net, uint32_t address, uint32_t mask, uint32_t router);
static inline bool net_on_link(const struct net *net, uint32_t address)
{
	return net->address && !((address ^ net->address) & net->mask);
}

#endif
