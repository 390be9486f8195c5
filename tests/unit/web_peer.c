/* A TCP client that is written only to be right: see web_peer.h. */
#include "web_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipv4.h"

enum { FIN = 1, SYN = 2, RST = 4, ACK = 16 };

static _Noreturn void broken(const char *what)
{
	printf("Bail out! the server %s\n", what);
	fflush(stdout);
	abort();
}

static uint32_t free_window(const struct peer *p)
{
	uint32_t used = p->next - p->irs - 1 - p->read - p->fin_seen;

	return p->window > used ? p->window - used : 0;
}

void peer_segment(struct peer *p, uint32_t seq, uint32_t ack, uint8_t flags, const void *data,
		  uint32_t len)
{
	uint8_t f[70000];
	uint8_t *t = f + 34;
	uint32_t options = flags & SYN ? 4 : 0, window = free_window(p);

	memset(t, 0, 24);
	put_be16(t, p->port);
	put_be16(t + 2, p->server_port);
	put_be32(t + 4, seq);
	put_be32(t + 8, flags & ACK ? ack : 0);
	t[12] = (uint8_t)((20 + options) / 4 << 4);
	t[13] = flags;
	put_be16(t + 14, window > 65535 ? 65535 : window);
	if (options) {
		t[20] = 2;
		t[21] = 4;
		put_be16(t + 22, p->mss);
	}
	if (len)
		memcpy(t + 20 + options, data, len);
	rig_send(p->rig, f, rig_wrap(f, RIG_PEER, RIG_ADDRESS, IPV4_TCP, 20 + options + len));
	/* What was promised once holds, even when the segment is lost: the server may not have heard more. */
	if ((int32_t)(p->next + window - p->edge) > 0)
		p->edge = p->next + window;
}

static void send_out(struct peer *p)
{
	uint32_t at = p->una - p->iss - 1;

	p->resend_at = p->rig->now + 300 * NET_MS;
	if (!p->open) {
		peer_segment(p, p->iss, 0, SYN, NULL, 0);
		p->sent = p->iss + 1;
		return;
	}
	while (at < p->out_len && at < p->una - p->iss - 1 + 8 * 1000) {
		uint32_t n = p->out_len - at < 1000 ? p->out_len - at : 1000;

		peer_segment(p, p->iss + 1 + at, p->next, ACK, p->out + at, n);
		at += n;
		if ((int32_t)(p->iss + 1 + at - p->sent) > 0)
			p->sent = p->iss + 1 + at;
	}
	if (at == p->out_len && p->hang_up && !p->fin_acked) {
		peer_segment(p, p->iss + 1 + p->out_len, p->next, ACK | FIN, NULL, 0);
		p->sent = p->iss + 2 + p->out_len;
		p->fin_sent = true;
	}
}

static void take(struct peer *p, uint32_t seq, const uint8_t *data, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		uint32_t at = seq + i - p->irs - 1;

		/* One byte beyond the window is a probe. */
		if ((int32_t)(seq + i - p->edge) > 0 ||
		    ((int32_t)(seq + i - p->edge) == 0 && len > 1))
			broken("sent beyond the window");
		if (at >= PEER_MAX)
			continue;
		if (p->have[at] && p->got[at] != data[i])
			broken("sent a byte twice, and differently");
		/* What the window has no place for is not kept. */
		if ((int32_t)(seq + i - (p->next + free_window(p))) >= 0)
			continue;
		p->have[at] = 1;
		p->got[at] = data[i];
	}
	while (p->got_len < PEER_MAX && p->have[p->got_len])
		p->got_len++;
	p->next = p->irs + 1 + p->got_len;
	if (p->fin_known && p->next == p->fin_at) {
		p->fin_seen = true;
		p->next++;
	}
}

static void input(struct peer *p, const uint8_t *t, uint32_t len)
{
	uint32_t head = (t[12] >> 4) * 4u, seq = get_be32(t + 4), ack = get_be32(t + 8),
		 data = len - head;
	uint8_t flags = t[13];

	if (flags & RST) {
		p->resets++;
		p->refused = true;
		return;
	}
	if (flags & SYN) {
		if (!p->open) {
			p->open = true;
			p->irs = seq;
			p->next = seq + 1;
			p->edge = p->next + p->window;
			p->una = p->iss + 1;
			send_out(p);
		}
		peer_segment(p, p->una, p->next, ACK, NULL, 0);
		return;
	}
	if (!p->open)
		return;
	if ((int32_t)(ack - p->sent) > 0)
		broken("acknowledged what was never sent");
	if ((int32_t)(ack - p->una) > 0) {
		p->una = ack;
		if (p->fin_sent && ack == p->iss + 2 + p->out_len)
			p->fin_acked = true;
		else
			send_out(p);
	}
	if (flags & FIN && !p->fin_known) {
		p->fin_known = true;
		p->fin_at = seq + data;
	}
	if (data || flags & FIN) {
		take(p, seq, t + head, data);
		if (!p->pace)
			p->read = p->got_len;
		peer_segment(p, p->una, p->next, ACK, NULL, 0);
	}
}

static void dispatch(struct rig *rig, const uint8_t *f, uint32_t len)
{
	struct peers *all = rig->peer_ctx;

	if (f[23] != IPV4_TCP)
		return;
	for (unsigned i = 0; i < all->n; i++) {
		struct peer *p = all->peer[i];

		if (p->port == get_be16(f + 36) && p->server_port == get_be16(f + 34))
			input(p, f + 34, len - 34);
	}
}

struct peer *peer_connect(struct rig *rig, uint16_t server_port, const void *out, uint32_t out_len,
			  uint32_t window)
{
	struct peers *all = rig->peer_ctx;
	struct peer *p = calloc(1, sizeof(*p));

	if (!all)
		all = rig->peer_ctx = calloc(1, sizeof(*all));
	rig->peer = dispatch;
	*p = (struct peer){.rig = rig,
			   .port = (uint16_t)(20000 + all->n),
			   .server_port = server_port,
			   .iss = rig_random(rig, ~0u),
			   .window = window,
			   .mss = 1460,
			   .out = out,
			   .out_len = out_len,
			   .got = malloc(PEER_MAX),
			   .have = calloc(1, PEER_MAX)};
	p->una = p->iss;
	all->peer[all->n++] = p;
	send_out(p);
	return p;
}

static void tick(struct peer *p)
{
	struct rig *rig = p->rig;
	bool unsent = !p->open || p->una - p->iss - 1 < p->out_len || (p->hang_up && !p->fin_acked);

	if (!p->refused && unsent && rig->now >= p->resend_at)
		send_out(p);
	if (p->pace && rig->now >= p->tick_at) {
		uint32_t before = free_window(p);

		p->tick_at = rig->now + 5 * NET_MS;
		p->read = p->read + p->pace < p->got_len ? p->read + p->pace : p->got_len;
		/* Tell the server of room only when there was none: the update may be lost, and it has to probe. */
		if (!before && free_window(p))
			peer_segment(p, p->una, p->next, ACK, NULL, 0);
	}
}

static bool all_done(const struct peers *all)
{
	for (unsigned i = 0; i < all->n; i++)
		if (!all->peer[i]->fin_seen && !all->peer[i]->refused)
			return false;
	return true;
}

bool peers_run(struct rig *rig, uint64_t ns)
{
	struct peers *all = rig->peer_ctx;
	uint64_t until = rig->now + ns;

	while (!all_done(all) && rig->now < until) {
		rig_step(rig, rig->now + 5 * NET_MS);
		for (unsigned i = 0; i < all->n; i++)
			tick(all->peer[i]);
	}
	return all_done(all);
}

bool peer_run_until(struct peer *p, uint32_t len, uint64_t ns)
{
	uint64_t until = p->rig->now + ns;

	while (p->got_len < len && p->rig->now < until) {
		rig_step(p->rig, p->rig->now + 5 * NET_MS);
		tick(p);
	}
	return p->got_len >= len;
}

void peers_free(struct rig *rig)
{
	struct peers *all = rig->peer_ctx;

	for (unsigned i = 0; i < all->n; i++) {
		free(all->peer[i]->got);
		free(all->peer[i]->have);
		free(all->peer[i]);
	}
	free(all);
}
