/* HTTP request heads. Every byte is a stranger's; what RFC 9112 calls ambiguous is refused, never repaired. */
#include "request.h"

#include "text.h"

struct span {
	const char *at;
	uint32_t len;
};

static bool span_is(struct span s, const char *to)
{
	return text_is(s.at, s.len, to);
}

/* The head ends at an empty line. Bare LF is taken for a line's end, as RFC 9112, 2.2 allows. */
static uint32_t head_length(const char *text, uint32_t len)
{
	for (uint32_t i = 0; i + 1 < len; i++)
		if (text[i] == '\n' &&
		    (text[i + 1] == '\n' ||
		     (text[i + 1] == '\r' && i + 2 < len && text[i + 2] == '\n')))
			return i + (text[i + 1] == '\n' ? 2 : 3);
	return 0;
}

static struct span line(const char *text, uint32_t len, uint32_t *at)
{
	struct span s = {text + *at, 0};

	while (*at < len && text[*at] != '\n') {
		(*at)++;
		s.len++;
	}
	(*at)++;
	if (s.len && s.at[s.len - 1] == '\r')
		s.len--;
	return s;
}

static struct span word(struct span *s)
{
	struct span w = {s->at, 0};

	while (w.len < s->len && w.at[w.len] != ' ')
		w.len++;
	s->at += w.len;
	s->len -= w.len;
	if (s->len) {
		s->at++;
		s->len--;
	}
	return w;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int parse_target(struct request *r, struct span t)
{
	/* The absolute form that proxies use: skip scheme and host. */
	if (t.len > 7 && text_is(t.at, 7, "http://")) {
		t.at += 7;
		t.len -= 7;
		while (t.len && *t.at != '/') {
			t.at++;
			t.len--;
		}
	}
	if (!t.len || *t.at != '/')
		return -400;
	while (t.len && *t.at == '/') {
		t.at++;
		t.len--;
	}
	r->path_len = 0;
	for (uint32_t i = 0; i < t.len && t.at[i] != '?' && t.at[i] != '#'; i++) {
		int c = (uint8_t)t.at[i];

		if (c == '%') {
			if (t.len - i < 3 || hex(t.at[i + 1]) < 0 || hex(t.at[i + 2]) < 0)
				return -400;
			c = hex(t.at[i + 1]) << 4 | hex(t.at[i + 2]);
			i += 2;
		}
		if (!c)
			return -400;
		if (r->path_len == REQUEST_PATH)
			return -414;
		r->path[r->path_len++] = (char)c;
	}
	return 0;
}

static int parse_method(struct request *r, struct span m)
{
	static const char *const known[] = {"POST",  "PUT",	"DELETE", "OPTIONS",
					    "TRACE", "CONNECT", "PATCH"};

	/* Methods are told apart by case, too; text_is() is not, so compare bytes. */
	r->get = m.len == 3 && !memcmp(m.at, "GET", 3);
	r->head = m.len == 4 && !memcmp(m.at, "HEAD", 4);
	if (r->get || r->head)
		return 0;
	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (span_is(m, known[i]))
			return 0;
	return m.len ? -501 : -400;
}

static bool digits(struct span *s, uint64_t *v)
{
	uint32_t n = 0;

	*v = 0;
	while (n < s->len && s->at[n] >= '0' && s->at[n] <= '9') {
		if (*v > (~0ull >> 1) / 10 - 9)
			return false;
		*v = *v * 10 + (uint64_t)(s->at[n++] - '0');
	}
	s->at += n;
	s->len -= n;
	return n;
}

/* One range of bytes. Anything else that may stand there is ignored, as RFC 9110, 14.2 allows: the whole is sent. */
static void parse_range(struct request *r, struct span v)
{
	if (v.len < 6 || !text_is(v.at, 6, "bytes="))
		return;
	v.at += 6;
	v.len -= 6;
	if (v.len && *v.at == '-') {
		v.at++;
		v.len--;
		if (digits(&v, &r->last) && !v.len)
			r->range = RANGE_LAST;
		return;
	}
	if (!digits(&v, &r->first) || !v.len || *v.at != '-')
		return;
	v.at++;
	v.len--;
	if (!v.len)
		r->range = RANGE_FROM;
	else if (digits(&v, &r->last) && !v.len && r->first <= r->last)
		r->range = RANGE_FROM_TO;
}

static void parse_connection(struct request *r, struct span v)
{
	while (v.len) {
		uint32_t n = 0;

		while (n < v.len && v.at[n] != ',' && v.at[n] != ' ')
			n++;
		if (text_is(v.at, n, "close"))
			r->keep_alive = false;
		else if (text_is(v.at, n, "keep-alive"))
			r->keep_alive = true;
		n += n < v.len;
		v.at += n;
		v.len -= n;
	}
}

static void copy_tag(char *to, uint32_t *len, struct span v)
{
	/* One that is longer than ours cannot be ours: any other value will do. */
	*len = min_u32(v.len, REQUEST_TAG);
	memcpy(to, v.at, *len);
}

int request_parse(struct request *r, const char *text, uint32_t len)
{
	uint32_t at = 0, head, hosts = 0, lengths = 0;
	bool version_1_1, close = false;
	struct span first, method, target;
	int rc;

	/* An empty line before a request is left over from an older client's last one. */
	while (at < len && at < 4 && (text[at] == '\r' || text[at] == '\n'))
		at++;
	head = head_length(text + at, len - at);
	if (!head)
		return len >= REQUEST_MAX ? -431 : 0;
	head += at;
	memset(r, 0, sizeof(*r));
	first = line(text, head, &at);
	method = word(&first);
	target = word(&first);
	if (span_is(first, "HTTP/1.1"))
		version_1_1 = true;
	else if (span_is(first, "HTTP/1.0"))
		version_1_1 = false;
	else
		return first.len >= 5 && text_is(first.at, 5, "HTTP/") ? -505 : -400;
	rc = parse_method(r, method);
	if (!rc && (r->get || r->head))
		rc = parse_target(r, target);
	if (rc)
		return rc;
	r->keep_alive = version_1_1;
	while (at < head) {
		struct span value = line(text, head, &at), name = {value.at, 0};

		if (!value.len)
			break;
		while (name.len < value.len && value.at[name.len] != ':' &&
		       value.at[name.len] != ' ' && value.at[name.len] != '\t')
			name.len++;
		if (!name.len || name.len == value.len || value.at[name.len] != ':')
			return -400;
		value.at += name.len + 1;
		value.len -= name.len + 1;
		while (value.len && (*value.at == ' ' || *value.at == '\t')) {
			value.at++;
			value.len--;
		}
		while (value.len &&
		       (value.at[value.len - 1] == ' ' || value.at[value.len - 1] == '\t'))
			value.len--;
		if (span_is(name, "host")) {
			hosts++;
		} else if (span_is(name, "connection")) {
			parse_connection(r, value);
			close |= !r->keep_alive;
		} else if (span_is(name, "range")) {
			parse_range(r, value);
		} else if (span_is(name, "if-none-match")) {
			copy_tag(r->if_none_match, &r->if_none_match_len, value);
		} else if (span_is(name, "if-range")) {
			copy_tag(r->if_range, &r->if_range_len, value);
		} else if (span_is(name, "transfer-encoding")) {
			r->has_body = true;
		} else if (span_is(name, "content-length")) {
			uint64_t n;

			if (lengths++ || !digits(&value, &n) || value.len)
				return -400;
			r->has_body |= n != 0;
		}
	}
	if (version_1_1 ? hosts != 1 : hosts > 1)
		return -400;
	if (close || r->has_body)
		r->keep_alive = false;
	return (int)head;
}
