/*
 * The grammar of xl.cfg. The text may be anything at all: nothing here trusts it, and every message names its line.
 */
#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/syntax.h"

struct lexer {
	const char *file;
	const char *p, *end;
	unsigned line;
	struct refhv_error *e;
};

#define PLAIN "refhv reads plain settings: KEY=VALUE with numbers, quoted strings and [ lists ]"

static int bad(struct lexer *l, unsigned line, const char *remedy, const char *what)
{
	return refhv_fail_at(l->e, REFHV_CONFIG, l->file, line, remedy, "%s", what);
}

static int out_of_memory(struct lexer *l)
{
	return refhv_fail_at(l->e, REFHV_FAILED, l->file, l->line, NULL, "out of memory");
}

static int peek(const struct lexer *l)
{
	return l->p < l->end ? (unsigned char)*l->p : -1;
}

/* Blanks and comments; with `lines`, newlines as well. */
static void skip(struct lexer *l, bool lines)
{
	for (; l->p < l->end; l->p++) {
		if (*l->p == '#') {
			while (l->p + 1 < l->end && l->p[1] != '\n')
				l->p++;
		} else if (*l->p == '\n') {
			if (!lines)
				return;
			l->line++;
		} else if (*l->p != ' ' && *l->p != '\t' && *l->p != '\r') {
			return;
		}
	}
}

static bool word_char(int c)
{
	return c == '_' || (c < 128 && isalnum(c));
}

/* The word at the read position, for messages and names. */
static size_t word_len(const struct lexer *l)
{
	const char *q = l->p;

	while (q < l->end && word_char((unsigned char)*q))
		q++;
	return (size_t)(q - l->p);
}

static bool is_word(const struct lexer *l, size_t n, const char *word)
{
	return n == strlen(word) && !memcmp(l->p, word, n);
}

/* Old configuration files were Python programs: say so rather than "syntax error". */
static bool python_here(const struct lexer *l)
{
	static const char *const leftovers[] = {
		"import", "from", "def",   "if",     "else", "elif", "for",   "while", "try",
		"print",  "os",	  "class", "return", "None", "True", "False", "lambda"};
	size_t n = word_len(l);

	for (unsigned i = 0; i < sizeof(leftovers) / sizeof(leftovers[0]); i++)
		if (is_word(l, n, leftovers[i]))
			return true;
	return l->p < l->end && (*l->p == '(' || *l->p == '%' || *l->p == '{');
}

static int escape(struct lexer *l, char *out)
{
	static const char from[] = "nrtabfv\\'\"", to[] = "\n\r\t\a\b\f\v\\'\"";
	const char *at;
	int c = peek(l);

	if (c == 'x') {
		unsigned value;
		char hex[3] = {0};

		if (l->end - l->p < 3 || !isxdigit((unsigned char)l->p[1]) ||
		    !isxdigit((unsigned char)l->p[2]))
			return bad(l, l->line, "write two hexadecimal digits after \\x",
				   "bad escape in a string");
		memcpy(hex, l->p + 1, 2);
		value = (unsigned)strtoul(hex, NULL, 16);
		if (!value)
			return bad(l, l->line, NULL, "a string cannot contain a NUL byte");
		*out = (char)value;
		l->p += 3;
		return 0;
	}
	at = c > 0 ? strchr(from, c) : NULL;
	if (!at)
		return bad(l, l->line, "write \\\\ for a backslash", "unknown escape in a string");
	*out = to[at - from];
	l->p++;
	return 0;
}

static int read_string(struct lexer *l, struct syntax_value *v)
{
	char quote = *l->p++;
	const char *q;
	size_t n = 0;
	json_t *utf8;
	char *text;

	for (q = l->p; q < l->end && *q != '\n'; q++)
		;
	text = malloc((size_t)(q - l->p) + 1);
	if (!text)
		return out_of_memory(l);
	for (;;) {
		int c = peek(l), rc;

		if (c < 0 || c == '\n') {
			free(text);
			return bad(l, l->line, "close it on the line it was opened on",
				   "a quoted string does not end");
		}
		if (!c) {
			free(text);
			return bad(l, l->line, NULL, "a string cannot contain a NUL byte");
		}
		l->p++;
		if (c == quote)
			break;
		if (c == '\\') {
			rc = escape(l, &text[n++]);
			if (rc) {
				free(text);
				return rc;
			}
			continue;
		}
		text[n++] = (char)c;
	}
	text[n] = 0;
	/* A description travels as JSON, which has no other text. */
	utf8 = json_stringn(text, n);
	if (!utf8) {
		free(text);
		return bad(l, l->line, "save the file as UTF-8", "a string is not UTF-8 text");
	}
	json_decref(utf8);
	v->kind = SYNTAX_STRING;
	v->text = text;
	return 0;
}

static void value_free(struct syntax_value *v)
{
	for (unsigned i = 0; i < v->n; i++)
		value_free(&v->item[i]);
	free(v->item);
	free(v->text);
	memset(v, 0, sizeof(*v));
}

static int list_append(struct lexer *l, struct syntax_value *list, struct syntax_value *item)
{
	/* Grown in powers of two, so the capacity need not be kept. */
	if (!(list->n & (list->n - 1))) {
		unsigned room = list->n ? list->n * 2 : 1;
		struct syntax_value *more = realloc(list->item, room * sizeof(*more));

		if (!more)
			return out_of_memory(l);
		list->item = more;
	}
	list->item[list->n++] = *item;
	memset(item, 0, sizeof(*item));
	return 0;
}

static int read_value(struct lexer *l, struct syntax_value *v, unsigned depth);

static int read_list(struct lexer *l, struct syntax_value *v, unsigned depth)
{
	unsigned opened = l->line;

	l->p++;
	v->kind = SYNTAX_LIST;
	if (depth == SYNTAX_MAX_DEPTH)
		return bad(l, l->line, NULL, "lists are nested too deeply");
	for (;;) {
		struct syntax_value item = {0};
		int rc;

		skip(l, true);
		if (peek(l) == ']')
			break;
		if (peek(l) < 0)
			return bad(l, opened, "close it with ]", "a list does not end");
		rc = read_value(l, &item, depth + 1);
		if (!rc)
			rc = list_append(l, v, &item);
		if (rc) {
			value_free(&item);
			return rc;
		}
		skip(l, true);
		if (peek(l) == ',')
			l->p++;
		else if (peek(l) >= 0 && peek(l) != ']')
			return bad(l, l->line,
				   "separate items with commas and close the list with ]",
				   "expected , or ] in a list");
	}
	l->p++;
	return 0;
}

static int read_number(struct lexer *l, struct syntax_value *v)
{
	size_t n = word_len(l);
	char *end;

	v->kind = SYNTAX_NUMBER;
	v->text = strndup(l->p, n);
	if (!v->text)
		return out_of_memory(l);
	strtoull(v->text, &end, 0);
	if (*end)
		return refhv_fail_at(l->e, REFHV_CONFIG, l->file, l->line,
				     "put text in quotes; units are part of the key's meaning",
				     "\"%.40s\" is not a number", v->text);
	l->p += n;
	return 0;
}

/* On failure *v may hold a part, which the caller frees. */
static int read_value(struct lexer *l, struct syntax_value *v, unsigned depth)
{
	int c = peek(l);

	v->line = l->line;
	if (c == '"' || c == '\'')
		return read_string(l, v);
	if (c == '[')
		return read_list(l, v, depth);
	if (c >= '0' && c <= '9')
		return read_number(l, v);
	if (c == '-' && l->end - l->p > 1 && isdigit((unsigned char)l->p[1]))
		return bad(l, l->line, NULL, "negative numbers mean nothing here");
	if (python_here(l))
		return bad(l, l->line, PLAIN, "this is Python, which is not run here");
	if (word_char(c))
		return refhv_fail_at(l->e, REFHV_CONFIG, l->file, l->line, "put text in quotes",
				     "the value %.*s is not quoted",
				     (int)(word_len(l) < 40 ? word_len(l) : 40), l->p);
	return bad(l, l->line, PLAIN, "a value is missing");
}

/* What += means: strings join, lists join, a string joins a list as one more item. */
static int append(struct lexer *l, struct syntax_setting *set, struct syntax_value *v)
{
	struct syntax_value *to = &set->value;
	int rc = 0;

	if (to->kind != SYNTAX_LIST && v->kind != SYNTAX_LIST) {
		char *joined = malloc(strlen(to->text) + strlen(v->text) + 1);

		if (!joined)
			return out_of_memory(l);
		strcpy(joined, to->text);
		strcat(joined, v->text);
		free(to->text);
		to->text = joined;
		to->kind = SYNTAX_STRING;
	} else if (to->kind == SYNTAX_LIST && v->kind == SYNTAX_LIST) {
		for (unsigned i = 0; i < v->n && !rc; i++)
			rc = list_append(l, to, &v->item[i]);
	} else if (to->kind == SYNTAX_LIST) {
		rc = list_append(l, to, v);
	} else {
		return refhv_fail_at(l->e, REFHV_CONFIG, l->file, v->line,
				     "make both of them lists",
				     "a list cannot be added to %s of line %u, which is not one",
				     set->name, set->line);
	}
	value_free(v);
	return rc;
}

static int add_setting(struct syntax *s, struct lexer *l, const char *word, size_t n, bool plus,
		       unsigned line, struct syntax_value *v)
{
	struct syntax_setting **at, *set;
	unsigned count = 0;

	for (at = &s->first; *at; at = &(*at)->next, count++)
		if (strlen((*at)->name) == n && !memcmp((*at)->name, word, n))
			break;
	if (!*at && count == SYNTAX_MAX_SETTINGS)
		return bad(l, line, NULL, "too many settings");
	set = *at;
	if (set && plus)
		return append(l, set, v);
	if (set) {
		if (s->replaced)
			s->replaced(s->arg, set->name, line, set->line);
		value_free(&set->value);
	} else {
		set = calloc(1, sizeof(*set));
		if (!set)
			return out_of_memory(l);
		set->name = strndup(word, n);
		if (!set->name) {
			free(set);
			return out_of_memory(l);
		}
		*at = set;
	}
	set->line = line;
	set->value = *v;
	memset(v, 0, sizeof(*v));
	return 0;
}

static int read_setting(struct syntax *s, struct lexer *l)
{
	struct syntax_value v = {0};
	const char *word = l->p;
	size_t n = word_len(l);
	unsigned line = l->line;
	bool plus;
	int rc;

	if (!n || isdigit((unsigned char)*word)) {
		if (python_here(l))
			return bad(l, line, PLAIN, "this is Python, which is not run here");
		return bad(l, line, PLAIN, "a line does not begin with the name of a setting");
	}
	l->p += n;
	skip(l, false);
	plus = peek(l) == '+' && l->end - l->p > 1 && l->p[1] == '=';
	if (plus)
		l->p++;
	if (peek(l) != '=' || (l->end - l->p > 1 && l->p[1] == '=')) {
		l->p = word;
		if (python_here(l) || peek(l) == '(')
			return bad(l, line, PLAIN, "this is Python, which is not run here");
		return refhv_fail_at(l->e, REFHV_CONFIG, l->file, line, PLAIN, "no = after %.*s",
				     (int)(n < 40 ? n : 40), word);
	}
	l->p++;
	skip(l, false);
	rc = read_value(l, &v, 0);
	if (!rc) {
		skip(l, false);
		if (peek(l) == '%' || peek(l) == '(' || peek(l) == '+')
			rc = bad(l, l->line, PLAIN, "this is Python, which is not run here");
		else if (peek(l) >= 0 && peek(l) != '\n' && peek(l) != ';')
			rc = bad(l, l->line, "end the line, or separate settings with ;",
				 "something follows a value");
	}
	if (!rc)
		rc = add_setting(s, l, word, n, plus, line, &v);
	value_free(&v);
	return rc;
}

int syntax_parse(struct syntax *s, const char *file, const char *text, size_t len,
		 struct refhv_error *e)
{
	struct lexer l = {.file = file, .p = text, .end = text + len, .line = 1, .e = e};
	int rc = 0;

	s->first = NULL;
	if (len > SYNTAX_MAX_TEXT)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0,
				     "a configuration is a small text file", "larger than 1 MiB");
	while (!rc) {
		skip(&l, true);
		if (peek(&l) < 0)
			break;
		if (peek(&l) == ';') {
			l.p++;
			continue;
		}
		rc = read_setting(s, &l);
	}
	if (rc)
		syntax_free(s);
	return rc;
}

void syntax_free(struct syntax *s)
{
	struct syntax_setting *set, *next;

	for (set = s->first; set; set = next) {
		next = set->next;
		value_free(&set->value);
		free(set->name);
		free(set);
	}
	s->first = NULL;
}

struct syntax_setting *syntax_find(const struct syntax *s, const char *name)
{
	struct syntax_setting *set;

	for (set = s->first; set; set = set->next)
		if (!strcmp(set->name, name))
			return set;
	return NULL;
}
