/*
 * web_peer: a TCP client that is written only to be right: it keeps every byte it was sent at its place, acknowledges
 * what is whole, sends again what was not acknowledged, and reads as slowly as it is told. It ends the test when the
 * server sends beyond the window it was given, or sends a byte twice with different values.
 */
#ifndef WEB_PEER_H
#define WEB_PEER_H

#include "web_rig.h"

#define PEER_MAX (1u << 20)

struct peer {
	struct rig *rig;
	uint16_t port, server_port;
	uint32_t iss, una, sent; /* una: acknowledged, sent: highest sent */
	uint32_t irs, next, edge;
	bool open, refused, fin_seen, fin_sent, fin_acked, hang_up;
	uint32_t window; /* capacity */
	uint32_t read,
		pace; /* bytes read by the application; how many it reads at each tick, 0: all */
	uint64_t resend_at, tick_at;
	const uint8_t *out; /* what to send */
	uint32_t out_len;
	uint32_t fin_at; /* sequence of the server's FIN */
	bool fin_known;
	uint16_t mss; /* announced */
	unsigned resets;
	uint8_t *got, *have; /* PEER_MAX bytes each */
	uint32_t got_len;
};

#define PEERS_MAX 256
struct peers {
	struct peer *peer[PEERS_MAX];
	unsigned n;
};

struct peer *peer_connect(struct rig *rig, uint16_t server_port, const void *out, uint32_t out_len,
			  uint32_t window);
/* Run until every peer has seen the server finish, or been refused; false when `ns` went by. */
bool peers_run(struct rig *rig, uint64_t ns);
/* The same until this peer has `len` bytes. */
bool peer_run_until(struct peer *p, uint32_t len, uint64_t ns);
void peers_free(struct rig *rig);
/* A segment of the peer's own making: sequence relative to its first byte, ack relative to the server's. */
void peer_segment(struct peer *p, uint32_t seq, uint32_t ack, uint8_t flags, const void *data,
		  uint32_t len);

#endif
