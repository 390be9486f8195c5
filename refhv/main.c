/*
 * refhv: the reference hypervisor.
 *
 * One program for every command. Trusts its own command line as far as the caller's rights go, and nothing else.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cli/cli.h"
#include "domain/process.h"

static const char options[] = "Options of every command:\n"
			      "  --json            print JSON\n"
			      "  -v, --verbose     say more\n"
			      "  --help            this command's help\n";

static void usage(FILE *to)
{
	fprintf(to, "usage: refhv COMMAND [OPTIONS] [ARGUMENTS]\n\n");
	for (unsigned i = 0; cli_commands[i]; i++) {
		char left[64];

		snprintf(left, sizeof(left), "%s %s", cli_commands[i]->name,
			 cli_commands[i]->usage);
		fprintf(to, "  %-30s %s\n", left, cli_commands[i]->about);
	}
	fprintf(to, "\nrefhv COMMAND --help says more; refhv(1) has the exit codes, refhv.cfg(5) "
		    "the configuration.\n");
}

static void command_help(const struct cli_command *cmd)
{
	printf("usage: refhv %s [OPTIONS] %s\n\n%s.\n", cmd->name, cmd->usage, cmd->about);
	if (cmd->help)
		printf("\n%s", cmd->help);
	printf("\n%s", options);
	if (cmd->waits)
		printf("  -w, --wait        wait until it is done\n"
		       "  --timeout SECONDS give up waiting (exit code 8)\n");
}

static int bad_usage(struct cli *c, const struct cli_command *cmd, const char *what,
		     const char *which)
{
	struct refhv_error e;
	char remedy[64];

	snprintf(remedy, sizeof(remedy), "see refhv %s%s--help", cmd ? cmd->name : "",
		 cmd ? " " : "");
	refhv_fail(&e, REFHV_USAGE, remedy, "%s%s%.80s", what, *which ? " " : "", which);
	return cli_error(c, &e);
}

/* *taken: so many of the arguments behind it belong to the flag. */
static bool take_flag(struct cli *c, const struct cli_command *cmd, const char *arg,
		      const char *next, int *taken)
{
	char *end;

	for (const struct cli_flag *f = cmd->flag; f->word; f++) {
		bool letter = arg[0] == '-' && arg[1] && arg[1] == f->letter && !arg[2];

		if (letter || (!strncmp(arg, "--", 2) && !strcmp(arg + 2, f->word))) {
			c->flags |= f->bit;
			*taken = !f->bit;
			if (f->bit)
				return true;
			c->number = next ? (unsigned)strtoul(next, &end, 10) : 0;
			return next && *next >= '0' && *next <= '9' && !*end;
		}
	}
	return false;
}

static bool take_timeout(struct cli *c, const char *value)
{
	char *end;
	double s = value ? strtod(value, &end) : -1;

	if (!value || !*value || *end || !(s >= 0 && s <= 1e6))
		return false;
	c->timeout_ms = (int)(s * 1000);
	c->has_timeout = c->wait = true;
	return true;
}

static int run(const struct cli_command *cmd, int argc, char **argv)
{
	struct cli c = {.command = cmd->name, .timeout_ms = -1, .arg = argv};
	bool only_args = false;
	int taken = 0;

	for (int i = 0; i < argc; i++) {
		char *a = argv[i];

		if (only_args || a[0] != '-' || !a[1])
			c.arg[c.nargs++] = a;
		else if (!strcmp(a, "--"))
			only_args = true;
		else if (!strcmp(a, "--help") || !strcmp(a, "-h"))
			return command_help(cmd), REFHV_OK;
		else if (!strcmp(a, "--json"))
			c.json = true;
		else if (take_flag(&c, cmd, a, i + 1 < argc ? argv[i + 1] : NULL, &taken))
			i += taken;
		else if (!strcmp(a, "-v") || !strcmp(a, "--verbose"))
			c.verbose = true;
		else if (cmd->waits && (!strcmp(a, "-w") || !strcmp(a, "--wait")))
			c.wait = true;
		else if (cmd->waits && !strncmp(a, "--timeout=", 10)) {
			if (!take_timeout(&c, a + 10))
				return bad_usage(&c, cmd, "--timeout wants seconds, not", a + 10);
		} else if (cmd->waits && !strcmp(a, "--timeout")) {
			if (!take_timeout(&c, i + 1 < argc ? argv[i + 1] : NULL))
				return bad_usage(&c, cmd, "--timeout wants seconds",
						 i + 1 < argc ? argv[i + 1] : "");
			i++;
		} else
			return bad_usage(&c, cmd, "unknown option", a);
	}
	if (c.nargs < cmd->min_args)
		return bad_usage(&c, cmd, "an argument is missing:", cmd->usage);
	if (c.nargs > cmd->max_args)
		return bad_usage(&c, cmd, "one argument too many:", c.arg[cmd->max_args]);
	/* nargs <= argc, and argv itself ends with NULL. */
	c.arg[c.nargs] = NULL;
	return cmd->run(&c);
}

static const struct cli_command *find(const char *name)
{
	for (unsigned i = 0; cli_commands[i]; i++)
		if (!strcmp(name, cli_commands[i]->name))
			return cli_commands[i];
	return NULL;
}

int main(int argc, char **argv)
{
	const struct cli_command *cmd;
	struct cli c = {0};

	if (argc == 3 && !strcmp(argv[1], DOMAIN_PROCESS_WORD))
		return domain_process(argv[2]);
	if (argc < 2) {
		usage(stderr);
		return REFHV_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		if (argc == 2)
			return usage(stdout), REFHV_OK;
		cmd = find(argv[2]);
		return cmd ? (command_help(cmd), REFHV_OK)
			   : bad_usage(&c, NULL, "unknown command", argv[2]);
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] = "version";
	cmd = find(argv[1]);
	return cmd ? run(cmd, argc - 2, argv + 2) : bad_usage(&c, NULL, "unknown command", argv[1]);
}
