/*
 * TCP servers (RFC 9293): retransmission with measured round trips (RFC 6298), slow start, congestion avoidance, fast
 * retransmit and recovery (RFC 5681, 6582), window scaling of the peer's window (RFC 7323), zero-window probes,
 * reassembly within the receive window, sequence numbers that cannot be guessed (RFC 6528), challenge ACKs (RFC 5961).
 *
 * What is sent is a queue of chunks that point into buffers; a chunk may be queued before its buffer is filled (a
 * disk read under way), and sending stops there until it is. What is received stands in a ring of its own for each
 * connection, at the place that its sequence number gives it, so that early segments need no memory of their own.
 *
 * Trust: every byte of a segment is a stranger's. Applications are trusted.
 */
#ifndef WEB_TCP_H
#define WEB_TCP_H

#include "bytes.h"

#define TCP_HEAD   20
#define TCP_RING   16384 /* receive window; a power of two */
#define TCP_CHUNKS 16	 /* a power of two */
#define TCP_EARLY  4	 /* ranges received out of order */
#define TCP_APPS   4

struct net;
struct net_buf;
struct ipv4_packet;

enum tcp_state {
	TCP_CLOSED,
	TCP_SYN_RECEIVED,
	TCP_ESTABLISHED,
	TCP_CLOSE_WAIT, /* the peer has finished, we have not */
	TCP_FIN_WAIT_1, /* we have finished */
	TCP_FIN_WAIT_2,
	TCP_CLOSING,
	TCP_LAST_ACK,
	TCP_TIME_WAIT,
};

struct tcp_chunk {
	struct net_buf *buf;
	uint32_t at, len;
};

struct tcp_range {
	uint32_t start, end;
};

/* A connection. Applications read `id`, `peer`, `app_state`; the rest is private. */
struct tcp_conn {
	uint32_t id; /* differs for each connection that has lived in this place */
	uint16_t index;
	uint8_t state; /* enum tcp_state */
	uint8_t app;
	uint32_t peer;
	uint16_t peer_port, port;

	/* Sending. */
	uint32_t iss, snd_una, snd_nxt,
		snd_max; /* snd_max: the highest ever sent; snd_nxt goes back on a timeout */
	uint32_t snd_wnd, snd_wl1, snd_wl2, max_wnd;
	uint32_t mss, cwnd, ssthresh, recover;
	uint8_t snd_scale, duplicates;
	bool scaling;			 /* both sides said that windows may be scaled */
	bool recovering, fin, fin_acked; /* fin: nothing follows what is queued */
	bool blocked;			 /* the card was full or the neighbour unknown */
	struct tcp_chunk chunks[TCP_CHUNKS];
	unsigned chunk_head, n_chunks;
	uint32_t queued; /* bytes in all chunks; the first is snd_una */

	/* Receiving. */
	uint32_t irs, rcv_nxt, rcv_read,
		rcv_edge; /* [rcv_read, rcv_nxt) waits for the application */
	struct tcp_range early[TCP_EARLY];
	unsigned n_early;
	bool peer_fin, peer_fin_known, ack_now;
	uint32_t peer_fin_seq, unacked; /* bytes received since the last ACK went out */

	/* Time. 0: off. */
	uint64_t srtt, rttvar, rto;
	uint64_t rtt_start;
	uint32_t rtt_seq;
	unsigned backoff;
	uint64_t retransmit_at, persist_at, ack_at, end_at;
	uint8_t ring[TCP_RING];
};

/* A server on one port. All calls come from inside the stack's own; a connection is dead once closed() was called. */
struct tcp_app {
	uint16_t port;
	void *ctx;
	void (*opened)(void *ctx, struct tcp_conn *c);
	/* New bytes, or the peer has finished (tcp_peer_done), or room in the send queue. */
	void (*progress)(void *ctx, struct tcp_conn *c);
	void (*closed)(void *ctx, struct tcp_conn *c);
};

struct tcp {
	struct tcp_conn *conns;
	unsigned n_conns;
	uint32_t next_id;
	unsigned turn; /* who may send first when the card has room again */
	struct tcp_app apps[TCP_APPS];
	unsigned n_apps;
};

void tcp_init(struct tcp *tcp, struct tcp_conn *conns, unsigned n);
int tcp_listen(struct net *net, const struct tcp_app *app);
/* The connection in a place, when it is still the same one; else NULL. */
struct tcp_conn *tcp_find(struct net *net, unsigned index, uint32_t id);
/* Connections that are open, not counting those that only wait for time to pass. */
unsigned tcp_open_connections(const struct net *net);

/* How many bytes wait to be read; copy some of them; take them. */
uint32_t tcp_readable(const struct tcp_conn *c);
void tcp_peek(const struct tcp_conn *c, uint32_t offset, void *to, uint32_t n);
void tcp_consume(struct net *net, struct tcp_conn *c, uint32_t n);
/* The peer has finished: no byte comes after those that can be read now. */
bool tcp_peer_done(const struct tcp_conn *c);

/* How many chunks can be queued now. */
unsigned tcp_room(const struct tcp_conn *c);
/* Whether everything queued was acknowledged. */
bool tcp_idle(const struct tcp_conn *c);
/* Queue bytes of a buffer (a reference is taken). Needs tcp_room(). Nothing is sent before tcp_push(). */
void tcp_queue(struct tcp_conn *c, struct net_buf *buf, uint32_t at, uint32_t len);
/* Send what may be sent: after queueing, and when a buffer that was queued has been filled. */
void tcp_push(struct net *net, struct tcp_conn *c);
/* Finish: FIN after what is queued. The connection goes on until the peer has it all. */
void tcp_close(struct net *net, struct tcp_conn *c);
/* Give up at once, with RST. closed() is called before this returns. */
void tcp_abort(struct net *net, struct tcp_conn *c);

/* For the rest of the stack. */
void tcp_input(struct net *net, const struct ipv4_packet *packet);
void tcp_resume(struct net *net);
void tcp_poll(struct net *net);
uint64_t tcp_deadline(const struct net *net);
void tcp_reset_all(struct net *net);

#endif
