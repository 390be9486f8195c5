/* TCP's clocks: retransmission, window probes, delayed acknowledgements, and the end of waiting. */
#include "tcp_private.h"

static bool due(const struct net *net, uint64_t at)
{
	return at && net->now >= at;
}

static void retransmit(struct net *net, struct tcp_conn *c)
{
	c->retransmit_at = 0;
	c->backoff++;
	if (c->state == TCP_SYN_RECEIVED) {
		if (c->backoff > TCP_SYN_TRIES) {
			tcp_free(net, c);
			return;
		}
		tcp_send_syn_ack(net, c);
		tcp_arm_retransmit(net, c);
		return;
	}
	if (c->backoff > TCP_TRIES) {
		tcp_abort(net, c);
		return;
	}
	if (c->snd_max != c->snd_una) {
		if (c->backoff == 1)
			c->ssthresh = max_u32((c->snd_max - c->snd_una) / 2, 2 * c->mss);
		c->cwnd = c->mss;
		c->recovering = false;
		c->recover = c->snd_max;
		c->duplicates = 0;
		c->snd_nxt = c->snd_una;
	}
	tcp_output(net, c);
}

static void persist(struct net *net, struct tcp_conn *c)
{
	uint64_t wait = c->rto << min_u32(++c->backoff, 8);

	if (c->backoff > TCP_TRIES) {
		tcp_abort(net, c);
		return;
	}
	c->persist_at = net->now + (wait < TCP_RTO_MAX ? wait : TCP_RTO_MAX);
	tcp_probe(net, c);
}

void tcp_resume(struct net *net)
{
	struct tcp *tcp = &net->tcp;

	for (unsigned i = 0; i < tcp->n_conns; i++) {
		struct tcp_conn *c = &tcp->conns[(tcp->turn + i) % tcp->n_conns];

		if (c->state == TCP_CLOSED || !c->blocked)
			continue;
		tcp_output(net, c);
		if (c->blocked) {
			tcp->turn = c->index;
			return;
		}
	}
}

void tcp_poll(struct net *net)
{
	for (unsigned i = 0; i < net->tcp.n_conns; i++) {
		struct tcp_conn *c = &net->tcp.conns[i];

		if (c->state == TCP_CLOSED)
			continue;
		if (due(net, c->end_at)) {
			tcp_free(net, c);
			continue;
		}
		if (due(net, c->retransmit_at)) {
			retransmit(net, c);
			continue;
		}
		if (due(net, c->persist_at)) {
			persist(net, c);
			continue;
		}
		if (due(net, c->ack_at))
			tcp_send_ack(net, c);
	}
}

static void earlier(uint64_t *at, uint64_t timer)
{
	if (timer && timer < *at)
		*at = timer;
}

uint64_t tcp_deadline(const struct net *net)
{
	uint64_t at = ~0ull;

	for (unsigned i = 0; i < net->tcp.n_conns; i++) {
		const struct tcp_conn *c = &net->tcp.conns[i];

		if (c->state == TCP_CLOSED)
			continue;
		earlier(&at, c->retransmit_at);
		earlier(&at, c->persist_at);
		earlier(&at, c->ack_at);
		earlier(&at, c->end_at);
	}
	return at;
}
