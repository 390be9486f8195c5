/*
 * refhv create and refhv run: from a file to a running domain.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum {
	CREATE_PAUSED = 1,
	CREATE_CONSOLE = 2,
	CREATE_FOREGROUND = 4,
	CREATE_DRY = 8,
	CREATE_QUIET = 16
};

static int dry_run(struct refhv_config *config)
{
	cli_print_json(config_to_json(config));
	config_free(config);
	return REFHV_OK;
}

static int finish_foreground(struct cli *c, struct launched *l, int why, json_t *ended,
			     const char *name)
{
	const char *reason = json_string_value(json_object_get(ended, "reason"));
	const char *what = json_string_value(json_object_get(ended, "what"));
	int code = REFHV_OK;

	if (why == 'q') {
		json_t *detach = json_pack("{s:b}", "detach", 1);

		fdmsg_send(l->report, detach, NULL, 0);
		json_decref(detach);
		if (!c->json)
			fprintf(stderr,
				"\r\nrefhv: %s goes on; refhv console %s returns, refhv shutdown "
				"%s ends it\n",
				name, name, name);
	} else if (why == 's') {
		code = REFHV_KILLED;
		fprintf(stderr, "refhv: interrupted; %s is destroyed\n", name);
	} else {
		code = cli_end_code(reason);
		if (code)
			fprintf(stderr, "refhv: %s ended: %s%s%s\n", name, reason ? reason : "died",
				what ? ": " : "", what ? what : "");
		else if (c->verbose)
			fprintf(stderr, "refhv: %s ended: %s\n", name, reason);
	}
	if (c->json && why != 'q')
		cli_print_json(json_pack("{s:s, s:s, s:s, s:i}", "name", name, "ended",
					 reason ? reason : "destroyed", "what", what ? what : "",
					 "exit", code));
	json_decref(ended);
	return code;
}

static int foreground(struct cli *c, struct rundir *r, struct launched *l, const char *name)
{
	struct refhv_error e;
	json_t *ended = NULL;
	int why = cli_console_join(l->console, l->report, &ended), code;

	code = finish_foreground(c, l, why, ended, name);
	close(l->console);
	close(l->report);
	/* The folder is gone when the person has the prompt back. */
	if (why != 'q')
		cli_await_gone(r, name, l->domid, 5000, &e);
	return code;
}

/* It may still start: memory is taken as the guest touches it. */
static void warn_of_memory(const char *file, const struct refhv_config *config)
{
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long available = 0;
	char line[128];

	while (f && !available && fgets(line, sizeof(line), f))
		sscanf(line, "MemAvailable: %llu", &available);
	if (f)
		fclose(f);
	if (available && config->memory_kib > available)
		fprintf(stderr,
			"refhv: %s: warning: memory: %llu MiB are more than the %llu MiB that "
			"this machine has to give\n",
			file, (unsigned long long)config->memory_kib >> 10, available >> 10);
}

static int start(struct cli *c, bool in_foreground)
{
	struct launch_options o = {.paused = c->flags & CREATE_PAUSED,
				   .foreground = in_foreground,
				   .mode = "boot",
				   .stream = -1};
	static struct refhv_config config;
	static struct config_notes notes;
	struct refhv_error e;
	struct launched l;
	struct rundir r;
	char *name;
	int rc = config_load(&config, c->arg[0], &notes, &e);

	if (!(c->flags & CREATE_QUIET))
		cli_notes(c, c->arg[0], &notes);
	if (rc)
		return cli_error(c, &e);
	if (!(c->flags & CREATE_QUIET))
		warn_of_memory(c->arg[0], &config);
	if (c->flags & CREATE_DRY)
		return dry_run(&config);
	rc = rundir_open(&r, &e);
	if (!rc)
		rc = launch_domain(&r, &config, &o, &l, &e);
	name = strdup(config.name);
	config_free(&config);
	if (rc) {
		free(name);
		return cli_error(c, &e);
	}
	if (l.warning[0] && !(c->flags & CREATE_QUIET))
		fprintf(stderr, "refhv: %s: warning: %s\n", name, l.warning);
	if (in_foreground) {
		rc = foreground(c, &r, &l, name);
	} else {
		close(l.report);
		if (c->json)
			cli_print_json(
				json_pack("{s:s, s:i}", "name", name, "domid", (int)l.domid));
		else if (c->verbose)
			printf("%s is domain %u\n", name, l.domid);
		if (c->flags & CREATE_CONSOLE) {
			int console = rundir_connect(&r, name, "console.sock", &e);

			if (console < 0) {
				rc = cli_error(c, &e);
			} else {
				cli_console_join(console, -1, NULL);
				close(console);
			}
		}
	}
	rundir_close(&r);
	free(name);
	return rc;
}

static int run_create(struct cli *c)
{
	return start(c, c->flags & CREATE_FOREGROUND);
}

static int run_run(struct cli *c)
{
	return start(c, true);
}

const struct cli_command cli_run = {
	.name = "run",
	.usage = "FILE",
	.min_args = 1,
	.max_args = 1,
	.run = run_run,
	.about = "start a domain in the foreground, with its console on the terminal",
	.help = "FILE is a configuration as in refhv.cfg(5); - reads it from standard input.\n"
		"Ctrl-] leaves the console, and the domain goes on in the background. A signal to "
		"refhv run\n"
		"destroys the domain. Exit code: 0 when the guest powers off, 11 when it crashes, "
		"12 when it is\n"
		"ended from outside. When nobody reads its output any more (refhv run FILE | "
		"head), that is like Ctrl-]:\n"
		"exit code 0, and the domain goes on.\n"
		"  -p, --paused      do not let it run until refhv unpause\n"
		"  -n, --dry-run     print what would be built, as JSON, and do nothing\n"
		"  -q, --quiet       no warnings\n",
	.flag = {{'p', "paused", CREATE_PAUSED},
		 {'n', "dry-run", CREATE_DRY},
		 {'q', "quiet", CREATE_QUIET}},
};

const struct cli_command cli_create = {
	.name = "create",
	.usage = "FILE",
	.min_args = 1,
	.max_args = 1,
	.run = run_create,
	.about = "start a domain in the background",
	.help = "FILE is a configuration as in refhv.cfg(5); - reads it from standard input.\n"
		"  -p, --paused      do not let it run until refhv unpause\n"
		"  -c, --console     attach to its console at once; Ctrl-] leaves\n"
		"  -F, --foreground  as refhv run\n"
		"  -n, --dry-run     print what would be built, as JSON, and do nothing\n"
		"  -q, --quiet       no warnings\n",
	.flag = {{'p', "paused", CREATE_PAUSED},
		 {'c', "console", CREATE_CONSOLE},
		 {'F', "foreground", CREATE_FOREGROUND},
		 {'n', "dry-run", CREATE_DRY},
		 {'q', "quiet", CREATE_QUIET}},
};
