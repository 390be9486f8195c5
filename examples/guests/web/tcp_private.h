/* What the files of TCP share: tcp.c (connections), tcp_input.c, tcp_receive.c, tcp_output.c, tcp_timer.c. */
#ifndef WEB_TCP_PRIVATE_H
#define WEB_TCP_PRIVATE_H

#include "net.h"
#include "tcp.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10

#define TCP_RTO_FIRST (1 * NET_S)
#define TCP_RTO_MIN   (200 * NET_MS)
#define TCP_RTO_MAX   (60 * NET_S)
#define TCP_ACK_DELAY (40 * NET_MS)
#define TCP_TIME_WAIT_TIME \
	(10 * NET_S) /* places are few; a new SYN may end it sooner (RFC 9293, 3.10.7.4) */
#define TCP_FIN_WAIT_TIME (60 * NET_S) /* a peer that never finishes */
#define TCP_SYN_TRIES	  5
#define TCP_TRIES	  12 /* backed off: some minutes of silence */

/* Sequence numbers wrap: a is before b when the distance from a to b is less than half the circle. */
static inline bool seq_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

static inline bool seq_upto(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) <= 0;
}

struct tcp_segment {
	uint32_t seq, ack, wnd;
	uint8_t flags;
	uint32_t len; /* bytes of data */
	const uint8_t *data;
	uint16_t mss; /* options of a SYN; 0: none */
	int8_t scale; /* -1: none */
};

static inline struct tcp_chunk *tcp_chunk(struct tcp_conn *c, unsigned i)
{
	return &c->chunks[(c->chunk_head + i) % TCP_CHUNKS];
}

static inline uint32_t tcp_flight(const struct tcp_conn *c)
{
	return c->snd_nxt - c->snd_una;
}

static inline const struct tcp_app *tcp_app(const struct net *net, const struct tcp_conn *c)
{
	return &net->tcp.apps[c->app];
}

struct tcp_conn *tcp_new(struct net *net);
/* Forget a connection: buffers go back, closed() is called. */
void tcp_free(struct net *net, struct tcp_conn *c);
void tcp_progress(struct net *net, struct tcp_conn *c);
uint32_t tcp_mss(const struct net *net);

uint32_t tcp_window(const struct tcp_conn *c);
/* Take what a segment carries. True when the peer has to hear from us at once. */
bool tcp_receive(struct net *net, struct tcp_conn *c, const struct tcp_segment *s);

void tcp_output(struct net *net, struct tcp_conn *c);
void tcp_send_syn_ack(struct net *net, struct tcp_conn *c);
void tcp_send_ack(struct net *net, struct tcp_conn *c);
void tcp_send_reset(struct net *net, struct tcp_conn *c);
/* Answer a segment that belongs to no connection. */
void tcp_refuse(struct net *net, const struct ipv4_packet *packet, const struct tcp_segment *s,
		uint16_t port, uint16_t peer_port);
/* Send the first unacknowledged segment again, whatever the window says. */
void tcp_send_again(struct net *net, struct tcp_conn *c);
void tcp_probe(struct net *net, struct tcp_conn *c);
void tcp_drop_acked(struct tcp_conn *c, uint32_t n);
void tcp_arm_retransmit(struct net *net, struct tcp_conn *c);

#endif
