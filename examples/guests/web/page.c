/* What the HTTP server makes up itself: the index of a directory, /status, content types. Names are a stranger's. */
#include "http.h"

#define END "</ul>\n"

static const char *base_name(const struct tar *tar, const struct tar_entry *e, uint32_t *len)
{
	const char *name = tar_name(tar, e);
	uint32_t at = e->name_len;

	while (at && name[at - 1] != '/')
		at--;
	*len = e->name_len - at;
	return name + at;
}

static bool is_child(const struct tar *tar, const struct tar_entry *parent,
		     const struct tar_entry *e)
{
	uint32_t own, rest, up = parent ? parent->name_len + 1 : 0;

	(void)base_name(tar, e, &own);
	rest = e->name_len - own;
	return rest == up &&
	       (!parent || !memcmp(tar_name(tar, e), tar_name(tar, parent), parent->name_len));
}

static void row(const struct tar *tar, const struct tar_entry *e, struct text *t)
{
	uint32_t len;
	const char *name = base_name(tar, e, &len);

	/* "./" keeps a name with a colon from being taken for a scheme. */
	text_str(t, "<li><a href=\"./");
	text_url(t, name, len);
	text_str(t, e->directory ? "/\">" : "\">");
	text_html(t, name, len);
	text_str(t, e->directory ? "/</a>\n" : "</a> ");
	if (!e->directory) {
		text_dec(t, e->size);
		text_str(t, "\n");
	}
}

bool http_listing(const struct tar *tar, uint32_t directory, uint32_t *cursor, struct text *page)
{
	const struct tar_entry *parent = directory ? &tar->entries[directory - 1] : NULL;

	if (!*cursor) {
		text_str(page, "<!DOCTYPE html>\n<title>Index of /");
		if (parent)
			text_html(page, tar_name(tar, parent), parent->name_len);
		text_str(page, "</title>\n<ul>\n");
		if (parent)
			text_str(page, "<li><a href=\"../\">../</a>\n");
	}
	for (; *cursor < tar->n_entries; ++*cursor) {
		const struct tar_entry *e = &tar->entries[*cursor];
		size_t before = page->len;

		if (!is_child(tar, parent, e))
			continue;
		row(tar, e, page);
		if (page->full) {
			page->len = before;
			page->full = false;
			return false;
		}
	}
	/* The last line whole, or in the next piece. */
	if (page->size - page->len < sizeof(END) - 1)
		return false;
	text_str(page, END);
	return true;
}

const char *http_type(const char *name, uint32_t len)
{
	static const char *const types[][2] = {
		{"html", "text/html; charset=utf-8"},
		{"htm", "text/html; charset=utf-8"},
		{"css", "text/css"},
		{"js", "text/javascript"},
		{"json", "application/json"},
		{"xml", "application/xml"},
		{"svg", "image/svg+xml"},
		{"png", "image/png"},
		{"jpg", "image/jpeg"},
		{"jpeg", "image/jpeg"},
		{"gif", "image/gif"},
		{"ico", "image/x-icon"},
		{"webp", "image/webp"},
		{"pdf", "application/pdf"},
		{"wasm", "application/wasm"},
		{"txt", "text/plain; charset=utf-8"},
		{"md", "text/markdown; charset=utf-8"},
		{"c", "text/plain; charset=utf-8"},
		{"h", "text/plain; charset=utf-8"},
		{"gz", "application/gzip"},
		{"tar", "application/x-tar"},
	};
	uint32_t at = len;

	while (at && name[at - 1] != '.' && name[at - 1] != '/')
		at--;
	if (at && name[at - 1] == '.')
		for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (text_is(name + at, len - at, types[i][0]))
				return types[i][1];
	return "application/octet-stream";
}

static void member(struct text *json, const char *name, uint64_t value)
{
	text_str(json, json->len > 1 ? ",\"" : "\"");
	text_str(json, name);
	text_str(json, "\":");
	text_dec(json, value);
}

void http_status(struct http *http, struct text *json)
{
	const struct net *net = http->net;

	text_str(json, "{");
	member(json, "uptime_ns", net->now - http->started);
	member(json, "connections", tcp_open_connections(net));
	member(json, "accepted", net->counters.accepted);
	member(json, "requests", http->requests);
	member(json, "errors", http->errors);
	member(json, "file_bytes", http->file_bytes);
	member(json, "files", http->tar->n_entries);
	member(json, "frames_in", net->counters.frames_in);
	member(json, "frames_out", net->counters.frames_out);
	member(json, "bytes_in", net->counters.bytes_in);
	member(json, "bytes_out", net->counters.bytes_out);
	member(json, "dropped", net->counters.dropped);
	member(json, "retransmitted", net->counters.retransmitted);
	member(json, "out_of_order", net->counters.out_of_order);
	member(json, "mtu", net->mtu);
	text_str(json, ",\"address\":\"");
	text_ipv4(json, net->address);
	text_str(json, "\"");
	if (http->hooks.facts)
		http->hooks.facts(http->hooks.ctx, json);
	text_str(json, "}\n");
}
