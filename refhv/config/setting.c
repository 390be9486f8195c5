/*
 * One setting of xl.cfg as text, number, path, word or list. Trusts no input; every message names its line.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/setting.h"

int parser_oom(struct parser *p)
{
	return refhv_fail(p->e, REFHV_FAILED, NULL, "out of memory");
}

int setting_text(struct parser *p, const char *key, const char **text, unsigned *line)
{
	struct syntax_setting *set = syntax_find(&p->syntax, key);

	*text = NULL;
	if (!set)
		return 0;
	if (set->value.kind == SYNTAX_LIST)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, set->line,
				     "leave the brackets out", "%s is one value, not a list", key);
	*text = set->value.text;
	*line = set->line;
	return 0;
}

int setting_number(struct parser *p, const char *key, uint64_t *value, bool *given)
{
	const char *text;
	unsigned line;
	char *end;
	int rc = setting_text(p, key, &text, &line);

	*given = false;
	if (rc || !text)
		return rc;
	errno = 0;
	*value = strtoull(text, &end, 0);
	if (!*text || *end || errno || *text == '-' || *text == '+')
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, line, "write a plain number",
				     "%s: \"%.40s\" is not a number", key, text);
	*given = true;
	return 0;
}

int setting_path(struct parser *p, const char *key, char **path)
{
	const char *text;
	unsigned line;
	int rc = setting_text(p, key, &text, &line);

	if (rc || !text || !*text)
		return rc;
	free(*path);
	if (*text == '/')
		*path = strdup(text);
	else if (asprintf(path, "%s/%s", p->c->base_dir, text) < 0)
		*path = NULL;
	return *path ? 0 : parser_oom(p);
}

int setting_word(struct parser *p, const char *key, const char *const *words, unsigned n,
		 int *value, const char *remedy)
{
	const char *text;
	unsigned line;
	int rc = setting_text(p, key, &text, &line);

	if (rc || !text)
		return rc;
	for (unsigned i = 0; i < n; i++) {
		if (!strcmp(words[i], text)) {
			*value = (int)i;
			return 0;
		}
	}
	return refhv_fail_at(p->e, REFHV_CONFIG, p->file, line, remedy,
			     "%s: unknown value \"%.40s\"", key, text);
}

int setting_list(struct parser *p, const char *key, unsigned max, struct syntax_value **item,
		 unsigned *n)
{
	struct syntax_setting *set = syntax_find(&p->syntax, key);

	*n = 0;
	if (!set)
		return 0;
	if (set->value.kind != SYNTAX_LIST)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, set->line,
				     "put the specification in brackets: [ \"...\" ]",
				     "%s is a list", key);
	if (set->value.n > max)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, set->line, NULL,
				     "%s has more than %u items", key, max);
	*item = set->value.item;
	*n = set->value.n;
	for (unsigned i = 0; i < *n; i++)
		if ((*item)[i].kind == SYNTAX_LIST)
			return refhv_fail_at(p->e, REFHV_CONFIG, p->file, (*item)[i].line,
					     "quote each specification",
					     "%s: an item is not a string", key);
	return 0;
}
