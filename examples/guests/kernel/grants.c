/*
 * The grant table, in the version that the command line asks for: gnttab=v1 or gnttab=v2; without
 * either the library chooses.
 *
 * The command line is the toolstack's, which is trusted; what it does not mean is ignored.
 */
#include "kernel.h"

static int has_word(const char *s, const char *word)
{
	size_t n = strlen(word);

	for (; *s; s++) {
		if (!strncmp(s, word, n) && (!s[n] || s[n] == ' '))
			return 1;
		while (*s && *s != ' ')
			s++;
		if (!*s)
			return 0;
	}
	return 0;
}

int kernel_grants_init(struct kernel *k)
{
	if (has_word(k->cmdline, "gnttab=v2"))
		return pv_gnttab_init_version(k->pv, 2);
	if (has_word(k->cmdline, "gnttab=v1"))
		return pv_gnttab_init_version(k->pv, 1);
	return pv_gnttab_init(k->pv);
}
