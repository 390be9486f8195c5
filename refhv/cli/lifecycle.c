/*
 * refhv shutdown, reboot, destroy, pause and unpause: what is asked of a running domain.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum { ANSWER_MS = 5000, WAIT_MS = 60000, KILL_MS = 2000 };

static int finish(struct cli *c, struct rundir *r, struct control *ctl, int rc, const char *name,
		  const char *done, struct refhv_error *e)
{
	control_close(ctl);
	rundir_close(r);
	if (rc)
		return cli_error(c, e);
	if (c->json)
		cli_print_json(json_pack("{s:s, s:s}", "name", name, "state", done));
	else if (c->verbose)
		printf("%s: %s\n", name, done);
	return REFHV_OK;
}

static int simple(struct cli *c, const char *cmd, const char *done)
{
	struct rundir_entry entry;
	struct control ctl;
	struct refhv_error e;
	struct rundir r;
	int rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc)
		return cli_error(c, &e);
	rc = control_call(&ctl, json_pack("{s:s}", "cmd", cmd), NULL, 0, ANSWER_MS, NULL, NULL, &e);
	return finish(c, &r, &ctl, rc, entry.name, done, &e);
}

static int run_pause(struct cli *c)
{
	return simple(c, "pause", "paused");
}

static int run_unpause(struct cli *c)
{
	return simple(c, "unpause", "running");
}

/* Ask the guest; with --wait, see it happen. */
static int ask_guest(struct cli *c, const char *reason, const char *done)
{
	int timeout = c->has_timeout ? c->timeout_ms : WAIT_MS;
	struct rundir_entry entry;
	struct control ctl;
	struct refhv_error e;
	json_t *request, *result = NULL;
	const char *action;
	struct rundir r;
	bool gone = false;
	int rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc)
		return cli_error(c, &e);
	request = json_pack("{s:s, s:s, s:b}", "cmd", "shutdown", "reason", reason, "wait",
			    (int)c->wait);
	rc = control_call(&ctl, request, NULL, 0, c->wait ? timeout : ANSWER_MS, &result, &gone,
			  &e);
	action = json_string_value(json_object_get(result, "action"));
	if (rc == -REFHV_TIMEOUT && c->wait)
		refhv_fail(&e, REFHV_TIMEOUT,
			   "wait longer with --timeout, or refhv destroy ends it",
			   "the guest of %s does not react to %s", entry.name, reason);
	if (!rc && action && !strcmp(action, "destroy"))
		rc = cli_await_gone(&r, entry.name, entry.domid, timeout, &e);
	json_decref(result);
	return finish(c, &r, &ctl, rc, entry.name, c->wait ? done : "asked", &e);
}

static int run_shutdown(struct cli *c)
{
	return ask_guest(c, "poweroff", "shut down");
}

static int run_reboot(struct cli *c)
{
	return ask_guest(c, "reboot", "rebooted");
}

/* A domain that is just being started has no process yet: give it a moment. */
static int find_process(struct rundir *r, const char *who, struct rundir_entry *entry,
			struct refhv_error *e)
{
	int rc = rundir_find(r, who, entry, e);

	for (int waited = 0; !rc && !entry->pid && waited < ANSWER_MS; waited += 5) {
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
		rc = rundir_find(r, who, entry, e);
	}
	return rc;
}

/* A domain process that does not answer is killed; its keeper cleans up. */
static int run_destroy(struct cli *c)
{
	struct rundir_entry entry;
	struct control ctl = {.fd = -1};
	struct refhv_error e;
	struct rundir r;
	bool gone = false;
	int rc = rundir_open(&r, &e);

	if (!rc)
		rc = find_process(&r, c->arg[0], &entry, &e);
	if (rc)
		return cli_error(c, &e);
	rc = control_open(&ctl, &r, entry.name, &e);
	if (!rc)
		rc = control_call(&ctl, json_pack("{s:s}", "cmd", "destroy"), NULL, 0, KILL_MS,
				  NULL, &gone, &e);
	if (rc && !gone && entry.pid > 1)
		kill(entry.pid, SIGKILL);
	rc = cli_await_gone(&r, entry.name, entry.domid, ANSWER_MS, &e);
	return finish(c, &r, &ctl, rc, entry.name, "destroyed", &e);
}

#define ONE_DOMAIN .usage = "DOMAIN", .min_args = 1, .max_args = 1

const struct cli_command cli_shutdown = {
	.name = "shutdown",
	ONE_DOMAIN,
	.run = run_shutdown,
	.waits = true,
	.about = "ask a guest to shut down",
	.help = "The guest decides. With --wait, until the domain is gone, 60 seconds unless "
		"--timeout says otherwise.\n",
};

const struct cli_command cli_reboot = {
	.name = "reboot",
	ONE_DOMAIN,
	.run = run_reboot,
	.waits = true,
	.about = "ask a guest to reboot",
};

const struct cli_command cli_destroy = {
	.name = "destroy",
	ONE_DOMAIN,
	.run = run_destroy,
	.about = "end a domain at once, without asking its guest",
};

const struct cli_command cli_pause = {
	.name = "pause",
	ONE_DOMAIN,
	.run = run_pause,
	.about = "stop a domain's vCPUs",
};

const struct cli_command cli_unpause = {
	.name = "unpause",
	ONE_DOMAIN,
	.run = run_unpause,
	.about = "let a paused domain run",
};
