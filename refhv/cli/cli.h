/*
 * What the commands share: options, messages, and the way to a domain.
 */
#ifndef REFHV_CLI_H
#define REFHV_CLI_H

#include <stdbool.h>
#include "control/control.h"
#include "error.h"
#include "launch/launch.h"

struct cli {
	const char *command;
	bool json, wait, verbose, quiet;
	bool has_timeout;
	int timeout_ms; /* -1: for ever */
	/* The letters and words of the command's own flags that were given, see struct cli_command. */
	unsigned flags;
	unsigned number; /* of the command's flag that has one; 0 unless given */
	char **arg;	 /* what is not an option, NULL-ended */
	int nargs;
};

struct cli_flag {
	char letter;
	const char *word;
	unsigned bit; /* 0: a number follows, see struct cli */
};

struct cli_command {
	const char *name;
	const char *usage; /* the arguments */
	const char *about; /* one line */
	const char *help;  /* more lines, or NULL */
	int min_args, max_args;
	bool waits; /* knows --wait and --timeout */
	int (*run)(struct cli *c);
	struct cli_flag flag[6];
};

extern const struct cli_command *const cli_commands[]; /* ends with NULL */

/* Tell the person, or the program with --json. Returns the exit code. */
int cli_error(const struct cli *c, const struct refhv_error *e);
void cli_notes(const struct cli *c, const char *file, const struct config_notes *notes);
/* Prints and drops a reference. */
void cli_print_json(json_t *o);

/* Finds a domain and opens its control connection. 0 or negative with *e; on success the caller closes both. */
int cli_reach(const char *who, struct rundir *r, struct control *c, struct rundir_entry *entry,
	      struct refhv_error *e);
/* Waits until the domain has left the registry; REFHV_TIMEOUT. */
int cli_await_gone(struct rundir *r, const char *name, uint16_t domid, int timeout_ms,
		   struct refhv_error *e);

/* The exit code of a guest's end: "poweroff" 0, "crash" REFHV_CRASHED, ... */
int cli_end_code(const char *reason);

/*
 * Joins the terminal (or stdin and stdout) to a console socket until Ctrl-], the end of the console, or, with report >= 0,
 * the end of the domain, whose message is then in *ended. Returns 'q' for Ctrl-] or an output that nobody reads, 'e' for the end, 's' for a signal.
 */
int cli_console_join(int console, int report, json_t **ended);

#endif
