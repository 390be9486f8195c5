/*
 * A segment arrives. Every byte of it is a stranger's: the header is checked against the packet, numbers against the
 * connection's own (RFC 9293, 3.10.7; RFC 5961 for resets and SYNs that somebody may have guessed).
 */
#include "checksum.h"
#include "ipv4.h"
#include "tcp_private.h"

#define OPT_END	  0
#define OPT_NOP	  1
#define OPT_MSS	  2
#define OPT_SCALE 3

static void parse_options(struct tcp_segment *s, const uint8_t *p, uint32_t len)
{
	s->scale = -1;
	while (len && *p != OPT_END) {
		if (*p == OPT_NOP) {
			p++;
			len--;
			continue;
		}
		if (len < 2 || p[1] < 2 || p[1] > len)
			return;
		if (*p == OPT_MSS && p[1] == 4)
			s->mss = get_be16(p + 2);
		else if (*p == OPT_SCALE && p[1] == 3)
			s->scale = p[2] < 14 ? (int8_t)p[2] : 14;
		len -= p[1];
		p += p[1];
	}
}

uint32_t tcp_mss(const struct net *net)
{
	return net->mtu - IPV4_HEAD - TCP_HEAD;
}

static void accept(struct net *net, const struct ipv4_packet *packet, const struct tcp_segment *s,
		   uint16_t port, uint16_t peer_port, unsigned app)
{
	struct tcp_conn *c = tcp_new(net);
	uint8_t pair[12];

	if (!c) {
		/* No answer: the peer tries again, and there may be a place by then. */
		net->counters.refused++;
		return;
	}
	c->state = TCP_SYN_RECEIVED;
	c->app = (uint8_t)app;
	c->peer = packet->source;
	c->peer_port = peer_port;
	c->port = port;
	put_be32(pair, packet->source);
	put_be32(pair + 4, packet->target);
	put_be16(pair + 8, peer_port);
	put_be16(pair + 10, port);
	c->iss = net_hash(net, pair, sizeof(pair)) + (uint32_t)(net->now / 4000);
	c->snd_una = c->iss;
	c->snd_nxt = c->snd_max = c->recover = c->iss + 1;
	c->mss = min_u32(max_u32(s->mss ? s->mss : 536, 64), tcp_mss(net));
	c->scaling = s->scale >= 0;
	c->snd_scale = c->scaling ? (uint8_t)s->scale : 0;
	/* RFC 6928, and never less than what fills a peer without window scaling. */
	c->cwnd = max_u32(2 * c->mss, min_u32(10 * c->mss, 65535));
	c->ssthresh = 1u << 30;
	c->snd_wnd = c->max_wnd = s->wnd;
	c->irs = s->seq;
	c->rcv_nxt = c->rcv_read = s->seq + 1;
	c->rto = TCP_RTO_FIRST;
	tcp_send_syn_ack(net, c);
	c->retransmit_at = net->now + c->rto;
}

static void measure(struct net *net, struct tcp_conn *c)
{
	uint64_t r = net->now - c->rtt_start;

	c->rtt_start = 0;
	if (!c->srtt) {
		c->srtt = r;
		c->rttvar = r / 2;
	} else {
		uint64_t delta = r > c->srtt ? r - c->srtt : c->srtt - r;

		c->rttvar += delta / 4;
		c->rttvar -= c->rttvar / 4;
		c->srtt += r / 8;
		c->srtt -= c->srtt / 8;
	}
	c->rto = c->srtt + 4 * c->rttvar;
	if (c->rto < TCP_RTO_MIN)
		c->rto = TCP_RTO_MIN;
	if (c->rto > TCP_RTO_MAX)
		c->rto = TCP_RTO_MAX;
}

static void grow(struct tcp_conn *c, uint32_t acked)
{
	if (c->cwnd >= 1u << 29)
		return;
	if (c->cwnd < c->ssthresh)
		c->cwnd += min_u32(acked, 2 * c->mss);
	else
		c->cwnd += max_u32((uint32_t)((uint64_t)c->mss * c->mss / c->cwnd), 1);
}

static void duplicate(struct net *net, struct tcp_conn *c)
{
	if (c->recovering) {
		c->cwnd += c->mss;
		return;
	}
	/* Not for the losses of a window that a timeout has already gone back for (RFC 6582, 3.2). */
	if (++c->duplicates != 3 || seq_before(c->snd_una, c->recover))
		return;
	c->recovering = true;
	c->recover = c->snd_max;
	c->ssthresh = max_u32((c->snd_max - c->snd_una) / 2, 2 * c->mss);
	c->cwnd = c->ssthresh + 3 * c->mss;
	tcp_send_again(net, c);
}

static void progress_acked(struct net *net, struct tcp_conn *c, uint32_t ack)
{
	uint32_t n = ack - c->snd_una, data = n;

	if (n > c->queued) {
		c->fin_acked = true;
		data = c->queued;
	}
	tcp_drop_acked(c, data);
	c->snd_una = ack;
	if (seq_before(c->snd_nxt, ack))
		c->snd_nxt = ack;
	if (c->rtt_start && seq_upto(c->rtt_seq, ack))
		measure(net, c);
	c->backoff = 0;
	c->duplicates = 0;
	if (c->recovering && seq_before(ack, c->recover)) {
		/* A partial acknowledgement: the next hole is right behind it. */
		c->cwnd = (c->cwnd > n ? c->cwnd - n : 0) + c->mss;
		tcp_send_again(net, c);
	} else if (c->recovering) {
		c->recovering = false;
		c->cwnd = min_u32(c->ssthresh, max_u32(tcp_flight(c), c->mss) + c->mss);
	} else {
		grow(c, n);
	}
	c->retransmit_at = 0;
	if (c->snd_una != c->snd_max)
		tcp_arm_retransmit(net, c);
}

/* What the ACK field says. False: the segment goes no further. */
static bool acknowledge(struct net *net, struct tcp_conn *c, const struct tcp_segment *s)
{
	uint32_t wnd = s->wnd << c->snd_scale;

	if (seq_before(c->snd_max, s->ack) ||
	    seq_before(s->ack, c->snd_una - max_u32(c->max_wnd, 65535))) {
		tcp_send_ack(net, c);
		return false;
	}
	if (seq_before(c->snd_una, s->ack))
		progress_acked(net, c, s->ack);
	else if (s->ack == c->snd_una && !s->len && !(s->flags & TCP_FIN) && wnd == c->snd_wnd &&
		 c->snd_max != c->snd_una)
		duplicate(net, c);
	if (seq_before(c->snd_wl1, s->seq) ||
	    (c->snd_wl1 == s->seq && seq_upto(c->snd_wl2, s->ack))) {
		if (c->persist_at && wnd) {
			/* The probe's byte may have been refused: start again from what is known to be there. */
			c->persist_at = 0;
			c->backoff = 0;
			c->snd_nxt = c->snd_una;
		}
		c->snd_wnd = wnd;
		c->snd_wl1 = s->seq;
		c->snd_wl2 = s->ack;
		c->max_wnd = max_u32(c->max_wnd, wnd);
	}
	return true;
}

static void time_wait(struct net *net, struct tcp_conn *c)
{
	bool first = c->state != TCP_TIME_WAIT;

	c->state = TCP_TIME_WAIT;
	c->retransmit_at = c->persist_at = 0;
	c->end_at = net->now + TCP_TIME_WAIT_TIME;
	if (first)
		tcp_app(net, c)->closed(tcp_app(net, c)->ctx, c);
}

/* Where the connection stands after an acknowledgement and a FIN. False: it is gone. */
static bool advance(struct net *net, struct tcp_conn *c)
{
	switch (c->state) {
	case TCP_ESTABLISHED:
		if (c->peer_fin)
			c->state = TCP_CLOSE_WAIT;
		break;
	case TCP_FIN_WAIT_1:
		if (c->fin_acked && c->peer_fin) {
			time_wait(net, c);
		} else if (c->fin_acked) {
			c->state = TCP_FIN_WAIT_2;
			c->end_at = net->now + TCP_FIN_WAIT_TIME;
		} else if (c->peer_fin) {
			c->state = TCP_CLOSING;
		}
		break;
	case TCP_FIN_WAIT_2:
		if (c->peer_fin)
			time_wait(net, c);
		break;
	case TCP_CLOSING:
		if (c->fin_acked)
			time_wait(net, c);
		break;
	case TCP_LAST_ACK:
		if (c->fin_acked) {
			tcp_free(net, c);
			return false;
		}
		break;
	}
	return true;
}

static bool establish(struct net *net, struct tcp_conn *c, const struct tcp_segment *s,
		      const struct ipv4_packet *packet)
{
	if (s->ack != c->snd_max) {
		tcp_refuse(net, packet, s, c->port, c->peer_port);
		return false;
	}
	c->state = TCP_ESTABLISHED;
	c->snd_una = s->ack;
	c->snd_wl1 = s->seq;
	c->snd_wl2 = s->ack;
	c->snd_wnd = c->max_wnd = s->wnd << c->snd_scale;
	c->retransmit_at = 0;
	c->backoff = 0;
	if (c->rtt_start)
		measure(net, c);
	net->counters.accepted++;
	tcp_app(net, c)->opened(tcp_app(net, c)->ctx, c);
	return c->state != TCP_CLOSED;
}

static void segment(struct net *net, struct tcp_conn *c, const struct tcp_segment *s,
		    const struct ipv4_packet *packet)
{
	uint32_t id = c->id;
	bool fresh;

	if (s->flags & TCP_RST) {
		if (s->seq == c->rcv_nxt)
			tcp_free(net, c);
		else if (s->seq - c->rcv_nxt < tcp_window(c))
			tcp_send_ack(net, c);
		return;
	}
	if (s->flags & TCP_SYN) {
		if (c->state == TCP_SYN_RECEIVED && s->seq == c->irs)
			tcp_send_syn_ack(net, c);
		else
			tcp_send_ack(net, c);
		return;
	}
	if (!(s->flags & TCP_ACK))
		return;
	/* Far from the window: nothing in it can be believed. */
	if (seq_before(c->rcv_nxt + tcp_window(c), s->seq) ||
	    seq_before(s->seq + s->len, c->rcv_nxt - 2 * TCP_RING)) {
		if (c->state != TCP_SYN_RECEIVED)
			tcp_send_ack(net, c);
		return;
	}
	if (c->state == TCP_SYN_RECEIVED && !establish(net, c, s, packet))
		return;
	if (!acknowledge(net, c, s))
		return;
	fresh = !c->peer_fin;
	if (tcp_receive(net, c, s))
		c->ack_now = true;
	/* A keep-alive or window probe carries nothing, from just before the window. */
	if (!s->len && s->seq == c->rcv_nxt - 1 - c->peer_fin)
		c->ack_now = true;
	if (c->state == TCP_TIME_WAIT && (s->len || s->flags & TCP_FIN))
		c->end_at = net->now + TCP_TIME_WAIT_TIME;
	if (!advance(net, c))
		return;
	/* When the application has finished, nobody reads what still comes. */
	if (c->fin)
		c->rcv_read = c->rcv_nxt - c->peer_fin;
	if (c->state == TCP_ESTABLISHED || c->state == TCP_CLOSE_WAIT)
		tcp_progress(net, c);
	if (c->id != id || c->state == TCP_CLOSED)
		return;
	/* Every second full segment, or after a delay that an answer may use for free (RFC 9293, 3.8.6.3). */
	if (c->unacked >= 2 * c->mss || (fresh && c->peer_fin))
		c->ack_now = true;
	else if (c->unacked && !c->ack_at)
		c->ack_at = net->now + TCP_ACK_DELAY;
	tcp_output(net, c);
}

static struct tcp_conn *lookup(struct net *net, uint32_t peer, uint16_t peer_port, uint16_t port)
{
	for (unsigned i = 0; i < net->tcp.n_conns; i++) {
		struct tcp_conn *c = &net->tcp.conns[i];

		if (c->state != TCP_CLOSED && c->peer_port == peer_port && c->peer == peer &&
		    c->port == port)
			return c;
	}
	return NULL;
}

void tcp_input(struct net *net, const struct ipv4_packet *packet)
{
	const uint8_t *p = packet->payload;
	uint16_t peer_port, port;
	struct tcp_segment s = {0};
	struct tcp_conn *c;
	uint32_t head;

	if (packet->len < TCP_HEAD || packet->broadcast)
		goto drop;
	head = (p[12] >> 4) * 4u;
	if (head < TCP_HEAD || head > packet->len)
		goto drop;
	if (!packet->checked) {
		struct checksum sum =
			checksum_pseudo(packet->source, packet->target, IPV4_TCP, packet->len);

		checksum_add(&sum, p, packet->len);
		if (checksum_end(&sum))
			goto drop;
	}
	peer_port = get_be16(p);
	port = get_be16(p + 2);
	s.seq = get_be32(p + 4);
	s.ack = get_be32(p + 8);
	s.flags = p[13];
	s.wnd = get_be16(p + 14);
	s.data = p + head;
	s.len = packet->len - head;
	parse_options(&s, p + TCP_HEAD, head - TCP_HEAD);

	c = lookup(net, packet->source, peer_port, port);
	if (c && c->state == TCP_TIME_WAIT &&
	    (s.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN && seq_before(c->rcv_nxt, s.seq)) {
		tcp_free(net, c);
		c = NULL;
	}
	if (c) {
		segment(net, c, &s, packet);
		return;
	}
	if ((s.flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN)
		for (unsigned i = 0; i < net->tcp.n_apps; i++)
			if (net->tcp.apps[i].port == port) {
				accept(net, packet, &s, port, peer_port, i);
				return;
			}
	net->counters.refused++;
	tcp_refuse(net, packet, &s, port, peer_port);
	return;
drop:
	net->counters.dropped++;
}
