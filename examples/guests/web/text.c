/* Text into a bounded buffer. Trusts its caller for the buffer, and nobody for what is written there. */
#include "text.h"

void text_bytes(struct text *t, const void *bytes, size_t n)
{
	if (n > t->size - t->len) {
		n = t->size - t->len;
		t->full = true;
	}
	memcpy(t->at + t->len, bytes, n);
	t->len += n;
}

size_t text_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

void text_str(struct text *t, const char *s)
{
	text_bytes(t, s, text_length(s));
}

static void text_number(struct text *t, uint64_t v, unsigned base)
{
	char digits[20];
	unsigned n = sizeof(digits);

	do {
		digits[--n] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	text_bytes(t, digits + n, sizeof(digits) - n);
}

void text_dec(struct text *t, uint64_t v)
{
	text_number(t, v, 10);
}

void text_hex(struct text *t, uint64_t v)
{
	text_number(t, v, 16);
}

void text_ipv4(struct text *t, uint32_t address)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		text_dec(t, address >> shift & 0xff);
		if (shift)
			text_str(t, ".");
	}
}

void text_html(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		switch (s[i]) {
		case '&': text_str(t, "&amp;"); break;
		case '<': text_str(t, "&lt;"); break;
		case '>': text_str(t, "&gt;"); break;
		case '"': text_str(t, "&quot;"); break;
		case '\'': text_str(t, "&#39;"); break;
		default: text_bytes(t, s + i, 1);
		}
	}
}

static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~' || c == '/';
}

void text_url(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char escape[3] = {'%', "0123456789ABCDEF"[(uint8_t)s[i] >> 4],
				  "0123456789ABCDEF"[s[i] & 15]};

		if (unreserved(s[i]))
			text_bytes(t, s + i, 1);
		else
			text_bytes(t, escape, sizeof(escape));
	}
}

void text_plain(struct text *t, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		bool shown = (s[i] >= 0x20 && s[i] < 0x7f) || s[i] == '\t';

		text_bytes(t, shown ? s + i : "?", 1);
	}
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool text_is(const char *s, size_t n, const char *to)
{
	size_t i = 0;

	for (; i < n && to[i]; i++)
		if (lower(s[i]) != lower(to[i]))
			return false;
	return i == n && !to[i];
}
