/* The HTTP server. Every byte of a request is a stranger's; request.c has parsed it with bounds before it comes here. */
#include "http.h"

static struct http_conn *state_of(struct http *http, const struct tcp_conn *c)
{
	return &http->conns[c->index];
}

static const char *reason(int status)
{
	switch (status) {
	case 200: return "200 OK";
	case 206: return "206 Partial Content";
	case 301: return "301 Moved Permanently";
	case 304: return "304 Not Modified";
	case 404: return "404 Not Found";
	case 405: return "405 Method Not Allowed";
	case 414: return "414 URI Too Long";
	case 416: return "416 Range Not Satisfiable";
	case 431: return "431 Request Header Fields Too Large";
	case 501: return "501 Not Implemented";
	case 505: return "505 HTTP Version Not Supported";
	default: return "400 Bad Request";
	}
}

static void head_start(const struct http_conn *h, struct text *t, int status)
{
	text_str(t, "HTTP/1.1 ");
	text_str(t, reason(status));
	text_str(t, "\r\nServer: libpv-web\r\n");
	if (!h->keep_alive)
		text_str(t, "Connection: close\r\n");
}

static void head_length(struct text *t, uint64_t n)
{
	text_str(t, "Content-Length: ");
	text_dec(t, n);
	text_str(t, "\r\n");
}

/* A whole answer in one buffer. There is one: progress() has looked. */
static void answer(struct http *http, struct tcp_conn *c, int status, const char *type,
		   const char *body, size_t len, const char *location, uint32_t location_len)
{
	struct http_conn *h = state_of(http, c);
	struct net_buf *buf = net_buf_get(http->net->pool);
	struct text t = text_over(buf->data, NET_BUF_SIZE);

	head_start(h, &t, status);
	if (status == 405)
		text_str(&t, "Allow: GET, HEAD\r\n");
	if (location) {
		text_str(&t, "Location: /");
		text_url(&t, location, location_len);
		text_str(&t, "/\r\n");
	}
	if (status != 304) {
		text_str(&t, "Content-Type: ");
		text_str(&t, type);
		text_str(&t, "\r\n");
		head_length(&t, len);
	}
	text_str(&t, "\r\n");
	if (status != 304 && !http->request.head)
		text_bytes(&t, body, len);
	tcp_queue(c, buf, 0, (uint32_t)t.len);
	net_buf_put(buf);
	if (!h->keep_alive)
		tcp_close(http->net, c);
}

static void refuse(struct http *http, struct tcp_conn *c, int status)
{
	char body[64];
	struct text t = text_over(body, sizeof(body));

	http->errors++;
	text_str(&t, reason(status));
	text_str(&t, "\n");
	answer(http, c, status, "text/plain", body, t.len, NULL, 0);
}

static void status(struct http *http, struct tcp_conn *c)
{
	char body[1024];
	struct text t = text_over(body, sizeof(body));

	http_status(http, &t);
	answer(http, c, 200, "application/json", body, t.len, NULL, 0);
}

/* What a range means for a file: false when nothing of it exists. */
static bool cut(const struct request *r, uint64_t size, uint64_t *first, uint64_t *n)
{
	switch (r->range) {
	case RANGE_FROM:
	case RANGE_FROM_TO:
		if (r->first >= size)
			return false;
		*first = r->first;
		*n = size - r->first;
		if (r->range == RANGE_FROM_TO && r->last - r->first < *n)
			*n = r->last - r->first + 1;
		return true;
	case RANGE_LAST:
		if (!r->last || !size)
			return false;
		*n = r->last < size ? r->last : size;
		*first = size - *n;
		return true;
	}
	*first = 0;
	*n = size;
	return true;
}

static bool same(const char *tag, uint32_t len, const struct text *t)
{
	return len == t->len && !memcmp(tag, t->at, len);
}

static void file(struct http *http, struct tcp_conn *c, const struct tar_entry *e)
{
	struct http_conn *h = state_of(http, c);
	struct request *r = &http->request;
	uint64_t first = 0, n = 0;
	struct net_buf *buf;
	struct text t, tag;
	char etag[REQUEST_TAG];

	tag = text_over(etag, sizeof(etag));
	text_str(&tag, "\"");
	text_hex(&tag, e->sector);
	text_str(&tag, "-");
	text_hex(&tag, e->size);
	text_str(&tag, "-");
	text_hex(&tag, e->changed);
	text_str(&tag, "\"");
	if (same(r->if_none_match, r->if_none_match_len, &tag)) {
		answer(http, c, 304, NULL, NULL, 0, NULL, 0);
		return;
	}
	if (r->head || (r->if_range_len && !same(r->if_range, r->if_range_len, &tag)))
		r->range = RANGE_NONE;
	buf = net_buf_get(http->net->pool);
	t = text_over(buf->data, NET_BUF_SIZE);
	if (!cut(r, e->size, &first, &n)) {
		http->errors++;
		head_start(h, &t, 416);
		text_str(&t, "Content-Range: bytes */");
		text_dec(&t, e->size);
		text_str(&t, "\r\n");
	} else {
		head_start(h, &t, r->range ? 206 : 200);
		text_str(&t, "Accept-Ranges: bytes\r\nETag: ");
		text_bytes(&t, tag.at, tag.len);
		text_str(&t, "\r\nContent-Type: ");
		text_str(&t, http_type(tar_name(http->tar, e), e->name_len));
		text_str(&t, "\r\n");
		if (r->range) {
			text_str(&t, "Content-Range: bytes ");
			text_dec(&t, first);
			text_str(&t, "-");
			text_dec(&t, first + n - 1);
			text_str(&t, "/");
			text_dec(&t, e->size);
			text_str(&t, "\r\n");
		}
	}
	head_length(&t, n);
	text_str(&t, "\r\n");
	tcp_queue(c, buf, 0, (uint32_t)t.len);
	net_buf_put(buf);
	h->phase = HTTP_FILE;
	h->left = r->head ? 0 : n;
	h->sector = e->sector + first / TAR_SECTOR;
	h->skip = (uint32_t)(first % TAR_SECTOR);
	http->file_bytes += h->left;
}

static void directory(struct http *http, struct tcp_conn *c, const struct tar_entry *e)
{
	struct http_conn *h = state_of(http, c);
	struct net_buf *buf = net_buf_get(http->net->pool);
	struct text t = text_over(buf->data, NET_BUF_SIZE), page;
	uint64_t len = 0;
	bool whole;

	h->directory = e ? (uint32_t)(e - http->tar->entries) + 1 : 0;
	h->cursor = 0;
	/* Its length first, piece by piece over the place where the head will stand. */
	do {
		page = text_over(buf->data, NET_BUF_SIZE);
		whole = http_listing(http->tar, h->directory, &h->cursor, &page);
		len += page.len;
	} while (!whole);
	h->cursor = 0;
	head_start(h, &t, 200);
	text_str(&t, "Content-Type: text/html; charset=utf-8\r\n");
	head_length(&t, len);
	text_str(&t, "\r\n");
	tcp_queue(c, buf, 0, (uint32_t)t.len);
	net_buf_put(buf);
	h->phase = http->request.head ? HTTP_FILE : HTTP_LISTING;
	h->left = 0;
}

static void respond(struct http *http, struct tcp_conn *c)
{
	struct request *r = &http->request;
	const struct tar_entry *e = NULL;
	uint32_t len = r->path_len;
	bool slash = false;

	http->requests++;
	if (!r->get && !r->head) {
		refuse(http, c, 405);
		return;
	}
	while (len && r->path[len - 1] == '/') {
		len--;
		slash = true;
	}
	if (len) {
		e = tar_find(http->tar, r->path, len);
		if (!e && text_is(r->path, len, "status")) {
			status(http, c);
			return;
		}
		if (!e || (slash && !e->directory)) {
			refuse(http, c, 404);
			return;
		}
	}
	if (e && e->directory && !slash) {
		answer(http, c, 301, "text/plain", "", 0, r->path, len);
		return;
	}
	if (!e || e->directory) {
		static const char index[] = "/index.html";
		const struct tar_entry *page = NULL;

		if (len + sizeof(index) - 1 <= REQUEST_PATH) {
			memcpy(r->path + len, index, sizeof(index) - 1);
			page = tar_find(http->tar, r->path + !len,
					len + (uint32_t)sizeof(index) - 1 - !len);
		}
		if (!page || page->directory) {
			directory(http, c, e);
			return;
		}
		e = page;
	}
	file(http, c, e);
}

/* Queue the next piece of a body. False: not now (then somebody calls again), or the answer is whole. */
static bool feed(struct http *http, struct tcp_conn *c, struct http_conn *h)
{
	struct net_pool *pool = http->net->pool;
	struct net_buf *buf;

	if (!tcp_room(c))
		return false;
	/* The last quarter of the pool is for connections that have little queued. */
	if (pool->n_free < pool->n_bufs / 4 && c->n_chunks >= 2)
		return false;
	buf = net_buf_get(pool);
	if (!buf) {
		h->starved = true;
		return false;
	}
	if (h->phase == HTTP_LISTING) {
		struct text page = text_over(buf->data, NET_BUF_SIZE);

		if (http_listing(http->tar, h->directory, &h->cursor, &page))
			h->phase = HTTP_FILE;
		tcp_queue(c, buf, 0, (uint32_t)page.len);
	} else {
		uint32_t n = h->left > NET_BUF_SIZE - h->skip ? NET_BUF_SIZE
							      : (uint32_t)h->left + h->skip;
		uint32_t sectors = (n + TAR_SECTOR - 1) / TAR_SECTOR;

		buf->state = NET_BUF_READING;
		buf->owner = c->index;
		buf->owner_id = c->id;
		if (http->hooks.read(http->hooks.ctx, buf, h->sector, sectors)) {
			net_buf_put(buf);
			h->starved = true;
			return false;
		}
		tcp_queue(c, buf, h->skip, n - h->skip);
		h->left -= n - h->skip;
		h->sector += sectors;
		h->skip = 0;
	}
	net_buf_put(buf);
	return true;
}

/* Read the next request and begin its answer. False: there is none yet, or no room for the answer. */
static bool begin(struct http *http, struct tcp_conn *c, struct http_conn *h)
{
	uint32_t n = min_u32(tcp_readable(c), REQUEST_MAX);
	int rc;

	if (tcp_room(c) < 2 || c->fin)
		return false;
	if (!http->net->pool->n_free) {
		h->starved = n != 0;
		return false;
	}
	tcp_peek(c, 0, http->head, n);
	rc = request_parse(&http->request, http->head, n);
	if (!rc) {
		if (tcp_peer_done(c))
			tcp_close(http->net, c);
		return false;
	}
	h->idle_at = http->net->now + HTTP_IDLE;
	h->keep_alive = rc > 0 && http->request.keep_alive;
	if (rc < 0) {
		http->requests++;
		http->request.head = false;
		refuse(http, c, -rc);
		return true;
	}
	tcp_consume(http->net, c, (uint32_t)rc);
	respond(http, c);
	return true;
}

static void progress(void *ctx, struct tcp_conn *c)
{
	struct http *http = ctx;
	struct http_conn *h = state_of(http, c);
	uint32_t id = h->id;

	h->starved = false;
	for (;;) {
		if (h->id != id || c->fin)
			return;
		if (h->phase == HTTP_REQUEST) {
			if (!begin(http, c, h))
				break;
			continue;
		}
		while ((h->phase == HTTP_LISTING || h->left) && feed(http, c, h))
			;
		if (h->phase == HTTP_LISTING || h->left)
			break;
		h->phase = HTTP_REQUEST;
		h->idle_at = http->net->now + HTTP_IDLE;
		if (!h->keep_alive)
			tcp_close(http->net, c);
	}
}

static void opened(void *ctx, struct tcp_conn *c)
{
	struct http *http = ctx;

	*state_of(http, c) = (struct http_conn){.id = c->id, .idle_at = http->net->now + HTTP_IDLE};
}

static void closed(void *ctx, struct tcp_conn *c)
{
	state_of(ctx, c)->id = 0;
}

int http_init(struct http *http, struct net *net, const struct tar *tar, uint16_t port,
	      const struct http_hooks *hooks)
{
	struct tcp_app app = {.port = port,
			      .ctx = http,
			      .opened = opened,
			      .progress = progress,
			      .closed = closed};

	if (net->tcp.n_conns > HTTP_CONNS)
		return -NET_EINVAL;
	memset(http, 0, sizeof(*http));
	http->net = net;
	http->tar = tar;
	http->hooks = *hooks;
	http->started = net_now(net);
	return tcp_listen(net, &app);
}

void http_read_done(struct http *http, struct net_buf *buf, bool ok)
{
	struct tcp_conn *c = tcp_find(http->net, buf->owner, buf->owner_id);

	buf->state = ok ? NET_BUF_READY : NET_BUF_FAILED;
	http->disk_moved = true;
	if (!c)
		return;
	net_now(http->net);
	/* The length was promised: only a broken connection can tell the peer that it will not come. */
	if (ok)
		tcp_push(http->net, c);
	else
		tcp_abort(http->net, c);
}

void http_poll(struct http *http)
{
	struct net *net = http->net;
	bool look;

	net_now(net);
	look = http->disk_moved || http->seen_put != net->pool->put ||
	       net->now - http->looked >= HTTP_LOOK;
	if (look)
		http->looked = net->now;
	http->disk_moved = false;
	http->seen_put = net->pool->put;
	for (unsigned i = 0; i < net->tcp.n_conns; i++) {
		struct http_conn *h = &http->conns[i];
		struct tcp_conn *c = h->id ? tcp_find(net, i, h->id) : NULL;

		if (!c)
			continue;
		if (h->starved && look) {
			progress(http, c);
			tcp_push(net, c);
		} else if (h->phase == HTTP_REQUEST && net->now >= h->idle_at) {
			if (tcp_idle(c))
				tcp_close(net, c);
			else
				h->idle_at = net->now + HTTP_IDLE;
		}
	}
}

uint64_t http_deadline(const struct http *http)
{
	uint64_t at = ~0ull;

	for (unsigned i = 0; i < http->net->tcp.n_conns; i++) {
		const struct http_conn *h = &http->conns[i];

		if (!h->id || http->net->tcp.conns[i].fin)
			continue;
		if (h->starved && http->looked + HTTP_LOOK < at)
			at = http->looked + HTTP_LOOK;
		if (h->phase == HTTP_REQUEST && h->idle_at < at)
			at = h->idle_at;
	}
	return at;
}
