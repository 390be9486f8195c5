/*
 * Errors as people and scripts see them. Pure formatting; trusts its callers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "error.h"

static const char *const words[] = {
	[REFHV_OK] = "ok",
	[REFHV_FAILED] = "failed",
	[REFHV_USAGE] = "usage",
	[REFHV_CONFIG] = "config",
	[REFHV_IMAGE] = "image",
	[REFHV_RESOURCE] = "resource",
	[REFHV_NO_DOMAIN] = "no-domain",
	[REFHV_BUSY] = "busy",
	[REFHV_TIMEOUT] = "timeout",
	[REFHV_ENGINE] = "engine",
	[REFHV_STATE] = "state",
	[REFHV_CRASHED] = "crashed",
	[REFHV_KILLED] = "killed",
};

static int fail(struct refhv_error *e, enum refhv_exit exit, const char *file, unsigned line,
		const char *remedy, const char *fmt, va_list ap)
{
	char what[sizeof(e->what)];

	/* Formatted aside: the arguments may point into *e. */
	vsnprintf(what, sizeof(what), fmt, ap);
	memset(e, 0, sizeof(*e));
	e->exit = exit;
	e->line = line;
	snprintf(e->file, sizeof(e->file), "%s", file ? file : "");
	memcpy(e->what, what, sizeof(what));
	snprintf(e->remedy, sizeof(e->remedy), "%s", remedy ? remedy : "");
	return -(int)exit;
}

int refhv_fail(struct refhv_error *e, enum refhv_exit exit, const char *remedy, const char *fmt,
	       ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = fail(e, exit, NULL, 0, remedy, fmt, ap);
	va_end(ap);
	return rc;
}

int refhv_fail_at(struct refhv_error *e, enum refhv_exit exit, const char *file, unsigned line,
		  const char *remedy, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = fail(e, exit, file, line, remedy, fmt, ap);
	va_end(ap);
	return rc;
}

char *refhv_error_text(const struct refhv_error *e, char *buf, unsigned len)
{
	char where[sizeof(e->file) + 16] = "";

	if (e->file[0] && e->line)
		snprintf(where, sizeof(where), "%s:%u: ", e->file, e->line);
	else if (e->file[0])
		snprintf(where, sizeof(where), "%s: ", e->file);
	snprintf(buf, len, "%s%s%s%s", where, e->what, e->remedy[0] ? "; " : "", e->remedy);
	return buf;
}

const char *refhv_exit_word(enum refhv_exit exit)
{
	return (unsigned)exit < sizeof(words) / sizeof(words[0]) ? words[exit] : "failed";
}

enum refhv_exit refhv_exit_from_word(const char *word)
{
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(words[i], word))
			return i;
	return REFHV_FAILED;
}
