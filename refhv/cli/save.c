/*
 * refhv save and restore: a domain into a file and out of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/commands.h"
#include "migrate/migrate.h"

enum { SAVE_CHECKPOINT = 1, RESTORE_PAUSED = 1, ANSWER_MS = 5000 };

static int file_error(struct refhv_error *e, const char *path, const char *what)
{
	return refhv_fail_at(e, REFHV_RESOURCE, path, 0, "check the path and its permissions",
			     "cannot %s: %s", what, strerror(errno));
}

/* The new file beside the one that it will become; nothing that stands there is followed or overwritten. */
static int create_part(const char *path, char *part, size_t size, struct refhv_error *e)
{
	struct stat st;
	int fd;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return refhv_fail_at(e, REFHV_USAGE, path, 0, "give the path of a file",
				     "this is not a regular file");
	if (snprintf(part, size, "%s.XXXXXX", path) >= (int)size)
		return refhv_fail(e, REFHV_USAGE, NULL, "the path is too long");
	fd = mkostemp(part, O_CLOEXEC);
	return fd < 0 ? file_error(e, path, "create the file") : fd;
}

/*
 * A file appears under its name only when it is whole, and the domain ends only when it has appeared: until the domain is told, it can go on,
 * and it does when we go away.
 */
static int save(struct cli *c, struct control *ctl, const char *path, json_t **result,
		struct refhv_error *e)
{
	int timeout = c->has_timeout ? c->timeout_ms : -1, fd, rc;
	char part[4096];
	bool gone;

	fd = create_part(path, part, sizeof(part), e);
	if (fd < 0)
		return fd;
	rc = control_call(ctl,
			  json_pack("{s:s, s:b}", "cmd", "save", "go_on",
				    (int)!!(c->flags & SAVE_CHECKPOINT)),
			  &fd, 1, timeout, result, NULL, e);
	close(fd);
	if (!rc && rename(part, path))
		rc = file_error(e, path, "rename the finished file");
	if (rc)
		unlink(part);
	if (!rc) {
		rc = control_call(ctl, json_pack("{s:s}", "cmd", "saved"), NULL, 0, ANSWER_MS, NULL,
				  &gone, e);
		/* It ends as it answers. */
		if (rc && gone)
			rc = 0;
	}
	return rc;
}

static int run_save(struct cli *c)
{
	struct rundir_entry entry;
	json_t *result = NULL;
	struct refhv_error e;
	struct control ctl;
	struct rundir r;
	int rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc)
		return cli_error(c, &e);
	rc = save(c, &ctl, c->arg[1], &result, &e);
	control_close(&ctl);
	if (!rc && !(c->flags & SAVE_CHECKPOINT))
		rc = cli_await_gone(&r, entry.name, entry.domid, 5000, &e);
	rundir_close(&r);
	if (rc)
		return cli_error(c, &e);
	if (c->json)
		cli_print_json(json_incref(result));
	else if (c->verbose)
		printf("%s saved to %s: %lld bytes\n", entry.name, c->arg[1],
		       (long long)json_integer_value(json_object_get(result, "bytes")));
	json_decref(result);
	return REFHV_OK;
}

/* The description that a stream begins with. */
static int read_config(int fd, const char *path, struct refhv_config *config, struct refhv_error *e)
{
	json_t *json = NULL;
	struct wire w;
	char *text;
	int rc;

	wire_init(&w, fd);
	if (migrate_open(&w, &text))
		return refhv_fail_at(e, REFHV_IMAGE, path, 0, NULL, "%s", w.err);
	json = json_loads(text, 0, NULL);
	free(text);
	rc = json ? config_from_json(config, json, e)
		  : refhv_fail_at(e, REFHV_IMAGE, path, 0, NULL, "the description is damaged");
	json_decref(json);
	return rc;
}

static int run_restore(struct cli *c)
{
	struct launch_options o = {
		.paused = c->flags & RESTORE_PAUSED, .incoming = true, .mode = "restore"};
	static struct refhv_config config;
	struct launched l;
	struct refhv_error e;
	struct rundir r;
	struct stat st;
	int rc = 0;

	o.stream = open(c->arg[0], O_RDONLY | O_CLOEXEC);
	if (o.stream < 0 || fstat(o.stream, &st))
		rc = file_error(&e, c->arg[0], "open the saved domain");
	else if (!S_ISREG(st.st_mode))
		rc = refhv_fail_at(&e, REFHV_IMAGE, c->arg[0], 0, "give the file of refhv save",
				   "this is not a regular file");
	if (!rc)
		rc = read_config(o.stream, c->arg[0], &config, &e);
	if (!rc)
		rc = rundir_open(&r, &e);
	if (!rc)
		rc = launch_domain(&r, &config, &o, &l, &e);
	if (o.stream >= 0)
		close(o.stream);
	if (rc)
		return cli_error(c, &e);
	close(l.report);
	rundir_close(&r);
	if (c->json)
		cli_print_json(json_pack("{s:s, s:i}", "name", config.name, "domid", (int)l.domid));
	else if (c->verbose)
		printf("%s is domain %u\n", config.name, l.domid);
	config_free(&config);
	return REFHV_OK;
}

const struct cli_command cli_save = {
	.name = "save",
	.usage = "DOMAIN FILE",
	.min_args = 2,
	.max_args = 2,
	.waits = true,
	.run = run_save,
	.about = "write a running domain to a file, and end it",
	.help = "The guest does not take part: it goes on after refhv restore as if no time had "
		"passed. Connections\n"
		"through user networking live on for ten minutes. FILE appears when it is whole.\n"
		"  -c, --checkpoint  let the domain run on\n",
	.flag = {{'c', "checkpoint", SAVE_CHECKPOINT}},
};

const struct cli_command cli_restore = {
	.name = "restore",
	.usage = "FILE",
	.min_args = 1,
	.max_args = 1,
	.run = run_restore,
	.about = "bring a saved domain back",
	.help = "Its disks must be as they were when it was saved.\n"
		"  -p, --paused      do not let it run until refhv unpause\n",
	.flag = {{'p', "paused", RESTORE_PAUSED}},
};
