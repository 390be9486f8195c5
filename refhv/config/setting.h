/*
 * One setting of xl.cfg as text, number, path, word or list.
 *
 * All return 0, or negative with the parser's error filled in. A key that is absent leaves what the caller had, unless it says
 * otherwise. Texts and items belong to the syntax tree.
 */
#ifndef REFHV_CONFIG_SETTING_H
#define REFHV_CONFIG_SETTING_H

#include "config/config.h"
#include "config/syntax.h"

struct parser {
	struct refhv_config *c;
	const char *file;
	struct syntax syntax;
	struct config_notes *notes;
	struct refhv_error *e;
};

int parser_oom(struct parser *p);

/* The text of a number or string; NULL in *text when the key is absent. */
int setting_text(struct parser *p, const char *key, const char **text, unsigned *line);
int setting_number(struct parser *p, const char *key, uint64_t *value, bool *given);
/* A path, made absolute with the folder of the configuration file. *path is replaced and the caller's. */
int setting_path(struct parser *p, const char *key, char **path);
/* One of n words: its index. */
int setting_word(struct parser *p, const char *key, const char *const *words, unsigned n,
		 int *value, const char *remedy);
/* A list of at most max strings; *n is 0 when the key is absent. */
int setting_list(struct parser *p, const char *key, unsigned max, struct syntax_value **item,
		 unsigned *n);

#endif
