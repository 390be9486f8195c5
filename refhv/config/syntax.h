/*
 * The grammar of xl.cfg: settings of integers, strings and lists, with the line each came from.
 *
 * KEY=VALUE or KEY+=VALUE per line or separated by `;`, values are numbers, quoted strings, or lists of them in [ ], which
 * may run over lines and end with a comma; # starts a comment. (Xen's tools/libs/util/libxlu_cfg_y.y and _l.l.)
 * The text is untrusted: sizes and nesting are bounded.
 */
#ifndef REFHV_CONFIG_SYNTAX_H
#define REFHV_CONFIG_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include "error.h"

enum { SYNTAX_MAX_TEXT = 1 << 20, SYNTAX_MAX_DEPTH = 8, SYNTAX_MAX_SETTINGS = 1000 };

enum syntax_kind { SYNTAX_NUMBER, SYNTAX_STRING, SYNTAX_LIST };

struct syntax_value {
	enum syntax_kind kind;
	unsigned line;
	char *text; /* numbers and strings: as written, quotes and escapes resolved */
	struct syntax_value *item;
	unsigned n;
};

struct syntax_setting {
	struct syntax_setting *next; /* in the order of the file */
	char *name;
	unsigned line;
	struct syntax_value value;
};

struct syntax {
	struct syntax_setting *first;
	/* Called for a setting that replaces an earlier one. May be NULL. */
	void (*replaced)(void *arg, const char *name, unsigned line, unsigned earlier);
	void *arg;
};

/* 0, or negative with *e. On failure everything is freed. */
int syntax_parse(struct syntax *s, const char *file, const char *text, size_t len,
		 struct refhv_error *e);
void syntax_free(struct syntax *s);
struct syntax_setting *syntax_find(const struct syntax *s, const char *name);

#endif
