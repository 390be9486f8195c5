/* The mail server. Every byte is a stranger's: lines are bounded, and shown only through text_plain(). */
#include "smtp.h"

static void reply(struct smtp *smtp, struct tcp_conn *c, const char *line)
{
	struct net_buf *buf = net_buf_get(smtp->net->pool);
	struct text t;

	/* progress() has looked whether there is one. */
	if (!buf)
		return;
	t = text_over(buf->data, 512);
	text_str(&t, line);
	text_str(&t, "\r\n");
	tcp_queue(c, buf, 0, (uint32_t)t.len);
	net_buf_put(buf);
}

static void log_line(struct smtp *smtp, const struct smtp_conn *s, const char *what,
		     const char *line, size_t len)
{
	char shown[SMTP_LINE + 64];
	struct text t = text_over(shown, sizeof(shown));

	text_str(&t, "mail ");
	text_dec(&t, s->number);
	text_str(&t, what);
	text_plain(&t, line, len);
	smtp->hooks.log(smtp->hooks.ctx, shown, t.len);
}

static bool starts(const char *line, size_t len, const char *with)
{
	size_t n = text_length(with);

	return len >= n && text_is(line, n, with);
}

/* "<...>" after a command, with or without a space: what stands in it, or NULL. */
static const char *path(const char *line, size_t len, size_t at, size_t *path_len)
{
	size_t from;

	while (at < len && line[at] == ' ')
		at++;
	if (at == len || line[at] != '<')
		return NULL;
	for (from = ++at; at < len && line[at] != '>'; at++)
		;
	if (at == len)
		return NULL;
	*path_len = at - from;
	return line + from;
}

static void mail(struct smtp *smtp, struct tcp_conn *c, struct smtp_conn *s, const char *line,
		 size_t len)
{
	size_t n;
	const char *from = path(line, len, 10, &n);

	if (s->phase == SMTP_HELLO || s->phase > SMTP_READY) {
		reply(smtp, c, "503 bad sequence of commands");
	} else if (!from) {
		reply(smtp, c, "501 say MAIL FROM:<address>");
	} else {
		s->phase = SMTP_SENDER;
		s->receivers = 0;
		s->number = ++smtp->messages;
		log_line(smtp, s, " from: ", from, n);
		reply(smtp, c, "250 ok");
	}
}

static void receiver(struct smtp *smtp, struct tcp_conn *c, struct smtp_conn *s, const char *line,
		     size_t len)
{
	size_t n;
	const char *to = path(line, len, 8, &n);

	if (s->phase != SMTP_SENDER && s->phase != SMTP_RECEIVER) {
		reply(smtp, c, "503 bad sequence of commands");
	} else if (!to || !n) {
		reply(smtp, c, "501 say RCPT TO:<address>");
	} else if (s->receivers == SMTP_RECEIVERS) {
		reply(smtp, c, "452 too many receivers");
	} else {
		s->phase = SMTP_RECEIVER;
		s->receivers++;
		log_line(smtp, s, " to: ", to, n);
		reply(smtp, c, "250 ok");
	}
}

static void command(struct smtp *smtp, struct tcp_conn *c, struct smtp_conn *s, const char *line,
		    size_t len)
{
	if (starts(line, len, "EHLO")) {
		s->phase = SMTP_READY;
		reply(smtp, c,
		      "250-libpv-web\r\n250-8BITMIME\r\n250-PIPELINING\r\n250 SIZE 1048576");
	} else if (starts(line, len, "HELO")) {
		s->phase = SMTP_READY;
		reply(smtp, c, "250 libpv-web");
	} else if (starts(line, len, "MAIL FROM:")) {
		mail(smtp, c, s, line, len);
	} else if (starts(line, len, "RCPT TO:")) {
		receiver(smtp, c, s, line, len);
	} else if (text_is(line, len, "DATA")) {
		if (s->phase != SMTP_RECEIVER) {
			reply(smtp, c, "503 bad sequence of commands");
			return;
		}
		s->phase = SMTP_DATA;
		s->size = 0;
		s->inside = false;
		reply(smtp, c, "354 end with a dot on a line of its own");
	} else if (text_is(line, len, "RSET")) {
		if (s->phase != SMTP_HELLO)
			s->phase = SMTP_READY;
		reply(smtp, c, "250 ok");
	} else if (starts(line, len, "NOOP")) {
		reply(smtp, c, "250 ok");
	} else if (starts(line, len, "VRFY")) {
		reply(smtp, c, "252 everybody is accepted");
	} else if (text_is(line, len, "QUIT")) {
		reply(smtp, c, "221 bye");
		tcp_close(smtp->net, c);
	} else {
		reply(smtp, c, "500 unknown command");
	}
}

/* A line of a message, or a piece of one that is too long. */
static void data(struct smtp *smtp, struct tcp_conn *c, struct smtp_conn *s, const char *line,
		 size_t len, bool ends)
{
	bool first = !s->inside;

	s->inside = !ends;
	if (first && ends && len == 1 && line[0] == '.') {
		s->phase = SMTP_READY;
		if (s->size > SMTP_SIZE) {
			log_line(smtp, s, " refused: too long", "", 0);
			reply(smtp, c, "552 the message is too long");
		} else {
			log_line(smtp, s, " accepted", "", 0);
			reply(smtp, c, "250 ok");
		}
		return;
	}
	if (first && len && line[0] == '.') {
		line++;
		len--;
	}
	s->size += len + (ends ? 2 : 0);
	if (s->size <= SMTP_SIZE)
		log_line(smtp, s, first ? " | " : " + ", line, len);
}

/* The length of the next line without its end, and how many bytes it takes. False: it is not whole yet. */
static bool next_line(struct smtp *smtp, const struct tcp_conn *c, uint32_t *len, uint32_t *takes)
{
	uint32_t n = min_u32(tcp_readable(c), sizeof(smtp->line)), i;

	tcp_peek(c, 0, smtp->line, n);
	for (i = 0; i + 1 < n; i++)
		if (smtp->line[i] == '\r' && smtp->line[i + 1] == '\n') {
			*len = i;
			*takes = i + 2;
			return true;
		}
	/* Too long: a piece of it, which does not end in the middle of CR LF. */
	*len = *takes = SMTP_LINE;
	return n == sizeof(smtp->line);
}

static void progress(void *ctx, struct tcp_conn *c)
{
	struct smtp *smtp = ctx;
	struct smtp_conn *s = &smtp->conns[c->index];
	uint32_t len, takes;

	while (!c->fin && tcp_room(c) && smtp->net->pool->n_free &&
	       next_line(smtp, c, &len, &takes)) {
		bool ends = takes > len;

		s->idle_at = smtp->net->now + SMTP_PATIENCE;
		tcp_consume(smtp->net, c, takes);
		if (s->phase == SMTP_DATA) {
			data(smtp, c, s, smtp->line, len, ends);
		} else if (s->inside || !ends) {
			s->inside = !ends;
			if (ends)
				reply(smtp, c, "500 the line is too long");
		} else {
			command(smtp, c, s, smtp->line, len);
		}
	}
	if (!c->fin && tcp_peer_done(c) && !next_line(smtp, c, &len, &takes))
		tcp_close(smtp->net, c);
}

static void opened(void *ctx, struct tcp_conn *c)
{
	struct smtp *smtp = ctx;

	smtp->conns[c->index] =
		(struct smtp_conn){.id = c->id, .idle_at = smtp->net->now + SMTP_PATIENCE};
	reply(smtp, c, "220 libpv-web ready");
}

static void closed(void *ctx, struct tcp_conn *c)
{
	struct smtp *smtp = ctx;

	smtp->conns[c->index].id = 0;
}

int smtp_init(struct smtp *smtp, struct net *net, uint16_t port, const struct smtp_hooks *hooks)
{
	struct tcp_app app = {.port = port,
			      .ctx = smtp,
			      .opened = opened,
			      .progress = progress,
			      .closed = closed};

	if (net->tcp.n_conns > SMTP_CONNS)
		return -NET_EINVAL;
	memset(smtp, 0, sizeof(*smtp));
	smtp->net = net;
	smtp->hooks = *hooks;
	return tcp_listen(net, &app);
}

void smtp_poll(struct smtp *smtp)
{
	struct net *net = smtp->net;

	net_now(net);
	for (unsigned i = 0; i < net->tcp.n_conns; i++) {
		struct smtp_conn *s = &smtp->conns[i];
		struct tcp_conn *c = s->id ? tcp_find(net, i, s->id) : NULL;

		if (!c || c->fin)
			continue;
		if (net->now >= s->idle_at) {
			tcp_abort(net, c);
		} else if (tcp_readable(c) && tcp_room(c) && net->pool->n_free) {
			progress(smtp, c);
			tcp_push(net, c);
		}
	}
}

uint64_t smtp_deadline(const struct smtp *smtp)
{
	uint64_t at = ~0ull;

	for (unsigned i = 0; i < smtp->net->tcp.n_conns; i++) {
		const struct smtp_conn *s = &smtp->conns[i];

		if (s->id && !smtp->net->tcp.conns[i].fin && s->idle_at < at)
			at = s->idle_at;
	}
	return at;
}
