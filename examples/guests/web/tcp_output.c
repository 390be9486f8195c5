/* The sending half of a connection: which bytes, when, and in which frames. */
#include "checksum.h"
#include "ipv4.h"
#include "tcp_private.h"

#define PAGE 4096u

static int transmit(struct net *net, struct tcp_conn *c, struct net_frame *frame, uint32_t seq,
		    uint8_t flags, uint32_t options)
{
	uint8_t *p = frame->head + ETHER_HEAD + IPV4_HEAD;
	uint32_t wnd = tcp_window(c), len;
	struct checksum sum;
	int rc;

	frame->head_len = ETHER_HEAD + IPV4_HEAD + TCP_HEAD + options;
	len = net_frame_length(frame) - ETHER_HEAD - IPV4_HEAD;
	put_be16(p, c->port);
	put_be16(p + 2, c->peer_port);
	put_be32(p + 4, seq);
	put_be32(p + 8, c->rcv_nxt);
	p[12] = (uint8_t)((TCP_HEAD + options) / 4 << 4);
	p[13] = flags;
	put_be16(p + 14, wnd);
	memset(p + 16, 0, 4);
	sum = checksum_pseudo(net->address, c->peer, IPV4_TCP, len);
	checksum_add(&sum, p, TCP_HEAD + options);
	for (uint32_t i = 0; i < frame->n_frags; i++)
		checksum_add(&sum, frame->frags[i].data, frame->frags[i].len);
	put_be16(p + 16, checksum_end(&sum));
	rc = ipv4_output(net, frame, c->peer, IPV4_TCP);
	if (rc) {
		c->blocked = true;
		/* Should nobody call back, because a question was lost, the timer does. */
		tcp_arm_retransmit(net, c);
		return rc;
	}
	if (flags & TCP_ACK) {
		c->ack_now = false;
		c->ack_at = 0;
		c->unacked = 0;
		c->rcv_edge = c->rcv_nxt + wnd;
	}
	return 0;
}

void tcp_send_syn_ack(struct net *net, struct tcp_conn *c)
{
	struct net_frame frame = {0};
	uint8_t *p = frame.head + ETHER_HEAD + IPV4_HEAD + TCP_HEAD;

	p[0] = 2;
	p[1] = 4;
	put_be16(p + 2, tcp_mss(net));
	/* Our own window needs no scaling; the option allows the peer's. */
	if (c->scaling)
		memcpy(p + 4, "\3\3\0\0", 4);
	/* One that was sent twice cannot be measured (Karn). */
	c->rtt_start = c->rtt_seq ? 0 : net->now;
	c->rtt_seq = c->iss + 1;
	transmit(net, c, &frame, c->iss, TCP_SYN | TCP_ACK, c->scaling ? 8 : 4);
	c->blocked = false;
}

void tcp_send_ack(struct net *net, struct tcp_conn *c)
{
	struct net_frame frame = {0};

	if (transmit(net, c, &frame, c->snd_nxt, TCP_ACK, 0))
		c->ack_now = true;
}

void tcp_send_reset(struct net *net, struct tcp_conn *c)
{
	struct net_frame frame = {0};

	transmit(net, c, &frame, c->snd_nxt, TCP_RST | TCP_ACK, 0);
}

void tcp_refuse(struct net *net, const struct ipv4_packet *packet, const struct tcp_segment *s,
		uint16_t port, uint16_t peer_port)
{
	struct net_frame frame = {.head_len = ETHER_HEAD + IPV4_HEAD + TCP_HEAD};
	uint8_t *p = frame.head + ETHER_HEAD + IPV4_HEAD;
	struct checksum sum = checksum_pseudo(net->address, packet->source, IPV4_TCP, TCP_HEAD);

	if (s->flags & TCP_RST)
		return;
	put_be16(p, port);
	put_be16(p + 2, peer_port);
	p[12] = TCP_HEAD / 4 << 4;
	if (s->flags & TCP_ACK) {
		put_be32(p + 4, s->ack);
		p[13] = TCP_RST;
	} else {
		put_be32(p + 8, s->seq + s->len + !!(s->flags & TCP_SYN) + !!(s->flags & TCP_FIN));
		p[13] = TCP_RST | TCP_ACK;
	}
	checksum_add(&sum, p, TCP_HEAD);
	put_be16(p + 16, checksum_end(&sum));
	ipv4_output(net, &frame, packet->source, IPV4_TCP);
}

/* Point the frame at up to `len` queued bytes from `offset` on; returns how many a frame can carry. */
static uint32_t gather(const struct net *net, struct tcp_conn *c, struct net_frame *frame,
		       uint32_t offset, uint32_t len)
{
	uint32_t pages = net->max_pages ? net->max_pages : ~0u, sum = 0;

	for (unsigned i = 0; i < c->n_chunks && sum < len && frame->n_frags < NET_FRAGS && pages;
	     i++) {
		const struct tcp_chunk *chunk = tcp_chunk(c, i);
		const uint8_t *data;
		uint32_t n, fits;

		if (offset >= chunk->len) {
			offset -= chunk->len;
			continue;
		}
		data = chunk->buf->data + chunk->at + offset;
		fits = pages > NET_BUF_SIZE / PAGE
			       ? NET_BUF_SIZE
			       : pages * PAGE - (uint32_t)((uintptr_t)data % PAGE);
		n = min_u32(min_u32(chunk->len - offset, len - sum), fits);
		pages -= (uint32_t)(((uintptr_t)data % PAGE + n + PAGE - 1) / PAGE);
		frame->frags[frame->n_frags++] = (struct net_frag){data, n, chunk->buf};
		sum += n;
		offset = 0;
	}
	return sum;
}

/* Send queued bytes from snd_una + offset on. Returns how many sequence numbers went out, or an error. */
static int send(struct net *net, struct tcp_conn *c, uint32_t offset, uint32_t len)
{
	struct net_frame frame = {0};
	uint32_t seq = c->snd_una + offset, n = gather(net, c, &frame, offset, len), end;
	uint8_t flags = TCP_ACK;
	int rc;

	if (offset + n == c->queued)
		flags |= TCP_PSH | (c->fin ? TCP_FIN : 0);
	rc = transmit(net, c, &frame, seq, flags, 0);
	if (rc)
		return rc;
	end = seq + n + !!(flags & TCP_FIN);
	if (seq_before(seq, c->snd_max)) {
		net->counters.retransmitted++;
		c->rtt_start = 0;
	} else if (!c->rtt_start) {
		c->rtt_start = net->now;
		c->rtt_seq = end;
	}
	if (seq_before(c->snd_max, end))
		c->snd_max = end;
	tcp_arm_retransmit(net, c);
	return (int)(end - seq);
}

/* The bytes at the head of the queue that are there, before the first buffer that the disk still fills. */
static uint32_t ready(struct tcp_conn *c)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < c->n_chunks; i++) {
		const struct tcp_chunk *chunk = tcp_chunk(c, i);

		if (chunk->buf->state != NET_BUF_READY)
			break;
		n += chunk->len;
	}
	return n;
}

void tcp_output(struct net *net, struct tcp_conn *c)
{
	uint32_t available = ready(c), usable;
	bool shut = false;

	c->blocked = false;
	if (c->state == TCP_SYN_RECEIVED)
		return;
	while (!c->fin_acked && tcp_flight(c) <= c->queued) {
		uint32_t offset = tcp_flight(c), wnd = min_u32(c->snd_wnd, c->cwnd);
		uint32_t room = wnd > offset ? wnd - offset : 0, len;
		bool fin;
		int n;

		usable = available > offset ? available - offset : 0;
		len = min_u32(min_u32(usable, room), c->mss);
		fin = c->fin && available == c->queued && offset + len == c->queued;
		/* A short segment now is a full one not sent later: wait for the window, or for the disk. */
		shut = len < usable && len < c->mss && (!len || len < c->max_wnd / 2);
		if (shut || (!len && !fin) ||
		    (len < c->mss && !fin && len == usable && available < c->queued))
			break;
		c->persist_at = 0;
		n = send(net, c, offset, len);
		if (n < 0)
			return;
		c->snd_nxt += (uint32_t)n;
	}
	if (shut && c->snd_una == c->snd_nxt && !c->persist_at) {
		c->retransmit_at = 0;
		c->backoff = 0;
		c->persist_at = net->now + c->rto;
	}
	if (c->ack_now)
		tcp_send_ack(net, c);
}

void tcp_send_again(struct net *net, struct tcp_conn *c)
{
	uint32_t len = min_u32(min_u32(ready(c), c->mss), c->snd_max - c->snd_una);

	c->retransmit_at = 0;
	if (len || (c->fin && !c->queued))
		send(net, c, 0, len);
}

void tcp_probe(struct net *net, struct tcp_conn *c)
{
	uint32_t len = min_u32(min_u32(ready(c), c->mss), max_u32(c->snd_wnd, 1));

	if (len && send(net, c, 0, len) > 0)
		c->snd_nxt = c->snd_una + len;
	/* The probe is the persist timer's to repeat. */
	c->retransmit_at = 0;
}

void tcp_drop_acked(struct tcp_conn *c, uint32_t n)
{
	c->queued -= n;
	while (n) {
		struct tcp_chunk *chunk = tcp_chunk(c, 0);
		uint32_t part = min_u32(n, chunk->len);

		chunk->at += part;
		chunk->len -= part;
		n -= part;
		if (chunk->len)
			break;
		net_buf_put(chunk->buf);
		c->chunk_head = (c->chunk_head + 1) % TCP_CHUNKS;
		c->n_chunks--;
	}
}

void tcp_arm_retransmit(struct net *net, struct tcp_conn *c)
{
	uint64_t rto = c->rto << min_u32(c->backoff, 8);

	if (!c->retransmit_at && !c->persist_at)
		c->retransmit_at = net->now + (rto < TCP_RTO_MAX ? rto : TCP_RTO_MAX);
}
