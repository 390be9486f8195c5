/*
 * What the commands share.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/cli.h"

int cli_error(const struct cli *c, const struct refhv_error *e)
{
	char text[1100];

	if (c->json)
		cli_print_json(json_pack("{s:o}", "error", launch_error_to_json(e)));
	fprintf(stderr, "refhv: %s\n", refhv_error_text(e, text, sizeof(text)));
	return e->exit;
}

void cli_notes(const struct cli *c, const char *file, const struct config_notes *notes)
{
	for (unsigned i = 0; i < notes->n; i++)
		fprintf(stderr, "refhv: %s:%u: warning: %s\n", file, notes->note[i].line,
			notes->note[i].text);
}

void cli_print_json(json_t *o)
{
	json_dumpf(o, stdout, JSON_INDENT(2));
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

int cli_reach(const char *who, struct rundir *r, struct control *c, struct rundir_entry *entry,
	      struct refhv_error *e)
{
	int rc = rundir_open(r, e);

	if (rc)
		return rc;
	rc = rundir_find(r, who, entry, e);
	if (!rc)
		rc = control_open(c, r, entry->name, e);
	if (rc)
		rundir_close(r);
	return rc;
}

/* By its number: one that has moved may have given its name away. */
static int present(void *arg, const struct rundir_entry *entry)
{
	return entry->domid == *(uint16_t *)arg;
}

int cli_await_gone(struct rundir *r, const char *name, uint16_t domid, int timeout_ms,
		   struct refhv_error *e)
{
	for (int waited = 0; rundir_each(r, present, &domid); waited += 5) {
		if (timeout_ms >= 0 && waited > timeout_ms)
			return refhv_fail(e, REFHV_TIMEOUT, "refhv destroy ends it without asking",
					  "domain %s did not go in time", name);
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	}
	return 0;
}

int cli_end_code(const char *reason)
{
	if (!reason || !strcmp(reason, "died") || !strcmp(reason, "destroyed"))
		return REFHV_KILLED;
	if (!strcmp(reason, "crash") || !strcmp(reason, "watchdog"))
		return REFHV_CRASHED;
	return REFHV_OK;
}
