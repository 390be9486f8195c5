/*
 * xl.cfg's channel specifications (xl.cfg(5), "channel"): a byte stream between the guest and a program of the host's, by a name that both
 * know. To and from JSON, too. Trusts no input.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include "config/config.h"

static const char *const words[] = {"pty", "socket"};

static bool is_printable(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* What holds for every channel, wherever it came from; NULL: all of it. */
static const char *fault(const struct config_channel *ch)
{
	if (!ch->name[0] || !is_printable(ch->name))
		return "a channel needs a name=";
	if (ch->connection == CONFIG_CHANNEL_SOCKET &&
	    (!ch->path || *ch->path != '/' || !is_printable(ch->path)))
		return "connection=socket needs a path=";
	if (ch->path && strlen(ch->path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return "the path is too long for a socket (107 bytes)";
	return NULL;
}

struct spec {
	struct config_channel *ch;
	const char *dir, *where;
	unsigned line;
	struct config_notes *notes;
	struct refhv_error *e;
};

static int bad(struct spec *s, const char *what, const char *value)
{
	return refhv_fail_at(s->e, REFHV_CONFIG, s->where, s->line,
			     "write name=NAME,connection=pty or "
			     "name=NAME,connection=socket,path=PATH",
			     "channel: %s%s%.80s%s", what, *value ? " \"" : "", value,
			     *value ? "\"" : "");
}

static int set_path(struct spec *s, const char *value)
{
	free(s->ch->path);
	if (*value == '/')
		s->ch->path = strdup(value);
	else if (asprintf(&s->ch->path, "%s/%s", s->dir, value) < 0)
		s->ch->path = NULL;
	return s->ch->path ? 0 : refhv_fail(s->e, REFHV_FAILED, NULL, "out of memory");
}

static int set_key(struct spec *s, const char *key, const char *value, bool *connected)
{
	if (!strcmp(key, "name")) {
		if (strlen(value) >= sizeof(s->ch->name))
			return bad(s, "the name has more than 63 bytes:", value);
		strcpy(s->ch->name, value);
		return 0;
	}
	if (!strcmp(key, "path"))
		return set_path(s, value);
	if (!strcmp(key, "backend")) {
		if (strcmp(value, "0") && strcmp(value, "Domain-0"))
			return bad(s, "only this machine itself can be the backend, not", value);
		return 0;
	}
	if (strcmp(key, "connection")) {
		config_note(s->notes, s->line, "channel: unknown key %.40s is ignored", key);
		return 0;
	}
	for (unsigned i = 0; i < 2; i++)
		if (!strcmp(value, words[i])) {
			s->ch->connection = (enum config_connection)i;
			*connected = true;
			return 0;
		}
	return bad(s, "unknown connection", value);
}

static char *trimmed(char *text)
{
	size_t n;

	while (*text == ' ' || *text == '\t')
		text++;
	for (n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == '\t');)
		text[--n] = 0;
	return text;
}

int config_channel_parse(struct config_channel *ch, const char *spec, const char *dir,
			 const char *where, unsigned line, struct config_notes *notes,
			 struct refhv_error *e)
{
	struct spec s = {ch, dir, where, line, notes, e};
	char *copy = strdup(spec), *next = copy;
	bool connected = false;
	int rc = copy ? 0 : refhv_fail(e, REFHV_FAILED, NULL, "out of memory");

	memset(ch, 0, sizeof(*ch));
	while (!rc && next) {
		char *text = next, *eq;

		next = strchr(text, ',');
		if (next)
			*next++ = 0;
		text = trimmed(text);
		eq = strchr(text, '=');
		if (eq)
			*eq = 0;
		if (eq)
			rc = set_key(&s, trimmed(text), trimmed(eq + 1), &connected);
		else if (*text)
			rc = bad(&s, "no value for", text);
	}
	free(copy);
	if (!rc && !connected)
		rc = bad(&s, "a channel needs a connection=", "");
	if (!rc && fault(ch))
		rc = bad(&s, fault(ch), "");
	if (rc)
		free(ch->path);
	return rc;
}

json_t *config_channel_to_json(const struct config_channel *ch)
{
	json_t *o = json_pack("{s:s, s:s}", "name", ch->name, "connection", words[ch->connection]);

	if (ch->path)
		json_object_set_new(o, "path", json_string(ch->path));
	return o;
}

int config_channel_from_json(struct config_channel *ch, const json_t *json, struct refhv_error *e)
{
	const char *name = json_string_value(json_object_get(json, "name"));
	const char *word = json_string_value(json_object_get(json, "connection"));
	const char *path = json_string_value(json_object_get(json, "path"));

	memset(ch, 0, sizeof(*ch));
	if (name && strlen(name) < sizeof(ch->name))
		strcpy(ch->name, name);
	if (word && !strcmp(word, words[CONFIG_CHANNEL_SOCKET]))
		ch->connection = CONFIG_CHANNEL_SOCKET;
	else if (!word || strcmp(word, words[CONFIG_CHANNEL_PTY]))
		return refhv_fail(e, REFHV_IMAGE, NULL, "the description has a wrong channel");
	if (path)
		ch->path = strdup(path);
	if (!fault(ch))
		return 0;
	free(ch->path);
	ch->path = NULL;
	return refhv_fail(e, REFHV_IMAGE, NULL, "the description has a wrong channel: %s",
			  fault(ch));
}
