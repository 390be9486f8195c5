/*
 * Text into a bounded buffer: what a program without libc uses in place of snprintf. Text that does not fit is
 * dropped and remembered (`full`); the buffer is never overrun. No terminator is written: `len` says it all.
 */
#ifndef WEB_TEXT_H
#define WEB_TEXT_H

#include "bytes.h"

struct text {
	char *at;
	size_t size;
	size_t len;
	bool full;
};

static inline struct text text_over(void *at, size_t size)
{
	return (struct text){.at = at, .size = size};
}

void text_bytes(struct text *t, const void *bytes, size_t n);
void text_str(struct text *t, const char *s);
void text_dec(struct text *t, uint64_t v);
void text_hex(struct text *t, uint64_t v);
void text_ipv4(struct text *t, uint32_t address);
/* Shown inside HTML: the five special characters become entities. */
void text_html(struct text *t, const char *s, size_t n);
/* Shown inside a URL path: everything but unreserved characters and '/' becomes %XX. */
void text_url(struct text *t, const char *s, size_t n);
/* Shown on a terminal: control bytes and bytes above 0x7e become '?', so that a stranger cannot drive it. */
void text_plain(struct text *t, const char *s, size_t n);

size_t text_length(const char *s);
/* Whether s[0..n) equals the string `to`, ASCII case aside. */
bool text_is(const char *s, size_t n, const char *to);

#endif
