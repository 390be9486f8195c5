/* TCP connections: the table, and what an application does with one. Trusts its applications. */
#include "tcp.h"

#include "tcp_private.h"

void tcp_init(struct tcp *tcp, struct tcp_conn *conns, unsigned n)
{
	*tcp = (struct tcp){.conns = conns, .n_conns = n};
	for (unsigned i = 0; i < n; i++) {
		conns[i].state = TCP_CLOSED;
		conns[i].id = 0;
		conns[i].index = (uint16_t)i;
	}
}

int tcp_listen(struct net *net, const struct tcp_app *app)
{
	if (net->tcp.n_apps == TCP_APPS)
		return -NET_ENOSPC;
	net->tcp.apps[net->tcp.n_apps++] = *app;
	return 0;
}

struct tcp_conn *tcp_find(struct net *net, unsigned index, uint32_t id)
{
	struct tcp_conn *c = &net->tcp.conns[index];

	return index < net->tcp.n_conns && c->id == id && c->state != TCP_CLOSED ? c : NULL;
}

unsigned tcp_open_connections(const struct net *net)
{
	unsigned n = 0;

	for (unsigned i = 0; i < net->tcp.n_conns; i++)
		n += net->tcp.conns[i].state != TCP_CLOSED &&
		     net->tcp.conns[i].state != TCP_TIME_WAIT;
	return n;
}

/*
 * A free place, or that of the connection that is missed least: the oldest that only waits for time to pass, else
 * the oldest half-open one, so that a flood of SYNs displaces only its own kind.
 */
struct tcp_conn *tcp_new(struct net *net)
{
	struct tcp_conn *victim = NULL;

	for (unsigned i = 0; i < net->tcp.n_conns; i++) {
		struct tcp_conn *c = &net->tcp.conns[i];
		bool waits = c->state == TCP_TIME_WAIT, half = c->state == TCP_SYN_RECEIVED;

		if (c->state == TCP_CLOSED) {
			victim = c;
			break;
		}
		if (!waits && !half)
			continue;
		if (!victim || (waits && victim->state != TCP_TIME_WAIT) ||
		    (victim->state == c->state && (int32_t)(c->id - victim->id) < 0))
			victim = c;
	}
	if (!victim)
		return NULL;
	if (victim->state != TCP_CLOSED)
		tcp_free(net, victim);
	memset(victim, 0, offsetof(struct tcp_conn, ring));
	victim->index = (uint16_t)(victim - net->tcp.conns);
	victim->id = ++net->tcp.next_id;
	return victim;
}

void tcp_free(struct net *net, struct tcp_conn *c)
{
	bool known = c->state != TCP_SYN_RECEIVED && c->state != TCP_TIME_WAIT;

	for (unsigned i = 0; i < c->n_chunks; i++)
		net_buf_put(tcp_chunk(c, i)->buf);
	c->n_chunks = 0;
	c->queued = 0;
	c->state = TCP_CLOSED;
	if (known)
		tcp_app(net, c)->closed(tcp_app(net, c)->ctx, c);
}

void tcp_progress(struct net *net, struct tcp_conn *c)
{
	tcp_app(net, c)->progress(tcp_app(net, c)->ctx, c);
}

unsigned tcp_room(const struct tcp_conn *c)
{
	return c->fin ? 0 : TCP_CHUNKS - c->n_chunks;
}

bool tcp_idle(const struct tcp_conn *c)
{
	return !c->n_chunks;
}

void tcp_queue(struct tcp_conn *c, struct net_buf *buf, uint32_t at, uint32_t len)
{
	net_buf_hold(buf);
	*tcp_chunk(c, c->n_chunks++) = (struct tcp_chunk){buf, at, len};
	c->queued += len;
}

void tcp_push(struct net *net, struct tcp_conn *c)
{
	if (c->state != TCP_CLOSED)
		tcp_output(net, c);
}

void tcp_close(struct net *net, struct tcp_conn *c)
{
	if (c->fin)
		return;
	c->fin = true;
	if (c->state == TCP_ESTABLISHED)
		c->state = TCP_FIN_WAIT_1;
	else if (c->state == TCP_CLOSE_WAIT)
		c->state = TCP_LAST_ACK;
	tcp_output(net, c);
}

void tcp_abort(struct net *net, struct tcp_conn *c)
{
	tcp_send_reset(net, c);
	tcp_free(net, c);
}

void tcp_reset_all(struct net *net)
{
	for (unsigned i = 0; i < net->tcp.n_conns; i++)
		if (net->tcp.conns[i].state != TCP_CLOSED)
			tcp_abort(net, &net->tcp.conns[i]);
}
