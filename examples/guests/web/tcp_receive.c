/*
 * The receiving half of a connection. A byte stands in the ring at its sequence number, so early segments wait in
 * place; what lies outside the window is cut off before anything is copied.
 */
#include "tcp_private.h"

uint32_t tcp_readable(const struct tcp_conn *c)
{
	/* A FIN takes a sequence number and no place. */
	return c->rcv_nxt - c->rcv_read - c->peer_fin;
}

bool tcp_peer_done(const struct tcp_conn *c)
{
	return c->peer_fin;
}

uint32_t tcp_window(const struct tcp_conn *c)
{
	return TCP_RING - tcp_readable(c);
}

void tcp_peek(const struct tcp_conn *c, uint32_t offset, void *to, uint32_t n)
{
	uint32_t at = (c->rcv_read + offset) % TCP_RING;
	uint32_t first = min_u32(n, TCP_RING - at);

	memcpy(to, c->ring + at, first);
	memcpy((uint8_t *)to + first, c->ring, n - first);
}

void tcp_consume(struct net *net, struct tcp_conn *c, uint32_t n)
{
	c->rcv_read += n;
	/* Tell the peer when it matters: it may be waiting for room (RFC 9293, 3.8.6.2.2). */
	if (c->rcv_nxt + tcp_window(c) - c->rcv_edge >= TCP_RING / 2)
		c->ack_now = true;
}

static void store(struct tcp_conn *c, uint32_t seq, const uint8_t *data, uint32_t n)
{
	uint32_t at = seq % TCP_RING;
	uint32_t first = min_u32(n, TCP_RING - at);

	memcpy(c->ring + at, data, first);
	memcpy(c->ring, data + first, n - first);
}

/* Remember an early range; false when there are too many, and the segment has to come again. */
static bool remember(struct tcp_conn *c, struct tcp_range r)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_early; i++) {
		struct tcp_range *e = &c->early[i];

		if (seq_before(r.end, e->start) || seq_before(e->end, r.start)) {
			c->early[n++] = *e;
			continue;
		}
		if (seq_before(e->start, r.start))
			r.start = e->start;
		if (seq_before(r.end, e->end))
			r.end = e->end;
	}
	c->n_early = n;
	if (n == TCP_EARLY)
		return false;
	c->early[c->n_early++] = r;
	return true;
}

/* rcv_nxt moved: swallow the early ranges that it has reached. */
static void join(struct tcp_conn *c)
{
	for (unsigned i = 0; i < c->n_early;) {
		struct tcp_range e = c->early[i];

		if (seq_before(c->rcv_nxt, e.start)) {
			i++;
			continue;
		}
		if (seq_before(c->rcv_nxt, e.end))
			c->rcv_nxt = e.end;
		c->early[i] = c->early[--c->n_early];
		i = 0;
	}
}

bool tcp_receive(struct net *net, struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t seq = s->seq, len = s->len, edge = c->rcv_nxt + tcp_window(c);
	const uint8_t *data = s->data;
	bool at_once = false;

	if (c->peer_fin)
		return len || s->flags & TCP_FIN;
	if (s->flags & TCP_FIN && seq_upto(seq + len, edge)) {
		c->peer_fin_known = true;
		c->peer_fin_seq = seq + len;
	}
	if (seq_before(seq, c->rcv_nxt)) {
		uint32_t old = min_u32(c->rcv_nxt - seq, len);

		at_once = len != 0 && old == len;
		seq += old;
		data += old;
		len -= old;
	}
	if (!seq_before(seq, edge))
		return at_once || s->len || s->flags & TCP_FIN;
	len = min_u32(len, edge - seq);
	if (len && seq == c->rcv_nxt) {
		store(c, seq, data, len);
		c->rcv_nxt += len;
		at_once |= c->n_early != 0;
		join(c);
		c->unacked += len;
	} else if (len) {
		net->counters.out_of_order++;
		if (remember(c, (struct tcp_range){seq, seq + len}))
			store(c, seq, data, len);
		at_once = true;
	}
	if (c->peer_fin_known && c->rcv_nxt == c->peer_fin_seq) {
		c->rcv_nxt++;
		c->peer_fin = true;
		c->n_early = 0;
		at_once = true;
	}
	return at_once;
}
