/*
 * refhv list, info, domid, domname and version: what there is.
 */
#include <stdio.h>
#include <string.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum { LIST_LONG = 1, ANSWER_MS = 1000, LEAVE_MS = 200 };

struct listing {
	struct cli *c;
	struct rundir *r;
	json_t *all;
};

static json_t *ask_once(struct rundir *r, const struct rundir_entry *entry, bool *gone)
{
	struct control ctl;
	struct refhv_error e;
	json_t *o = NULL;

	*gone = true;
	if (control_open(&ctl, r, entry->name, &e))
		return NULL;
	if (control_call(&ctl, json_pack("{s:s}", "cmd", "info"), NULL, 0, ANSWER_MS, &o, gone, &e))
		o = NULL;
	control_close(&ctl);
	return o;
}

/*
 * A domain that does not answer is listed as such: the others still are. NULL: it was ending, and has. One that ended between two
 * lives is asked again.
 */
static json_t *ask_info(struct rundir *r, const struct rundir_entry *entry)
{
	struct refhv_error e;
	json_t *o = NULL;
	bool gone = true;
	char uuid[37];

	for (unsigned tries = 0; tries < 2 && !o && gone; tries++) {
		o = ask_once(r, entry, &gone);
		if (!o && gone && !cli_await_gone(r, entry->name, entry->domid, LEAVE_MS, &e))
			return NULL;
	}
	/* A process whose guest has moved away still answers to the old name. */
	if (o) {
		json_object_set_new(o, "name", json_string(entry->name));
		return o;
	}
	config_uuid_format(entry->uuid, uuid);
	return json_pack("{s:s, s:i, s:s, s:i, s:s}", "name", entry->name, "domid",
			 (int)entry->domid, "uuid", uuid, "pid", (int)entry->pid, "state",
			 gone ? "dying" : "no-answer");
}

static const char *text(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* xl's six letters: running, blocked, paused, shutdown, crashed, dying. */
static const char *state_letters(const char *state)
{
	static const char *const known[][2] = {
		{"running", "r-----"},	{"blocked", "-b----"}, {"paused", "--p---"},
		{"shutdown", "---s--"}, {"crashed", "---sc-"}, {"dying", "-----d"},
	};

	for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i][0], state))
			return known[i][1];
	return "------";
}

static int list_one(void *arg, const struct rundir_entry *entry)
{
	struct listing *l = arg;
	json_t *o;

	if (l->c->nargs && strcmp(l->c->arg[0], entry->name)) {
		char id[8];

		snprintf(id, sizeof(id), "%u", entry->domid);
		if (strcmp(l->c->arg[0], id))
			return 0;
	}
	o = ask_info(l->r, entry);
	if (o)
		json_array_append_new(l->all, o);
	return 0;
}

/* What a domain does not tell is not 0. */
static void print_row(json_t *o)
{
	json_t *memory = json_object_get(o, "memory_now_kib");

	printf("%-40s %5d ", text(o, "name"), (int)json_integer_value(json_object_get(o, "domid")));
	if (memory)
		printf("%5d %5d %9s %8.1f\n", (int)(json_integer_value(memory) >> 10),
		       (int)json_integer_value(json_object_get(o, "vcpus_up")),
		       state_letters(text(o, "state")),
		       json_number_value(json_object_get(o, "cpu_seconds")));
	else
		printf("%5s %5s %9s %8s\n", "-", "-", state_letters(text(o, "state")), "-");
}

static int run_list(struct cli *c)
{
	struct listing l = {.c = c};
	struct refhv_error e;
	struct rundir r;
	int rc = rundir_open(&r, &e);

	if (rc)
		return cli_error(c, &e);
	l.r = &r;
	l.all = json_array();
	rundir_each(&r, list_one, &l);
	rundir_close(&r);
	if (c->nargs && !json_array_size(l.all)) {
		refhv_fail(&e, REFHV_NO_DOMAIN, "see refhv list", "no domain \"%.64s\"", c->arg[0]);
		json_decref(l.all);
		return cli_error(c, &e);
	}
	if (c->json || (c->flags & LIST_LONG)) {
		cli_print_json(l.all);
		return REFHV_OK;
	}
	printf("%-40s %5s %5s %5s %9s %8s\n", "Name", "ID", "Mem", "VCPUs", "State", "Time(s)");
	for (size_t i = 0; i < json_array_size(l.all); i++) {
		json_t *o = json_array_get(l.all, i);

		print_row(o);
	}
	json_decref(l.all);
	return REFHV_OK;
}

/* One line a value, nested names joined with dots. */
static void print_flat(const char *prefix, json_t *o)
{
	const char *key;
	json_t *v;
	size_t i;
	char name[200];

	if (json_is_object(o)) {
		json_object_foreach(o, key, v)
		{
			snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", key);
			print_flat(name, v);
		}
	} else if (json_is_array(o)) {
		json_array_foreach(o, i, v)
		{
			snprintf(name, sizeof(name), "%s[%zu]", prefix, i);
			print_flat(name, v);
		}
	} else if (json_is_string(o)) {
		printf("%-24s: %s\n", prefix, json_string_value(o));
	} else if (json_is_integer(o)) {
		printf("%-24s: %lld\n", prefix, (long long)json_integer_value(o));
	} else if (json_is_real(o)) {
		printf("%-24s: %.3f\n", prefix, json_real_value(o));
	} else {
		printf("%-24s: %s\n", prefix,
		       json_is_true(o)	  ? "yes"
		       : json_is_false(o) ? "no"
					  : "-");
	}
}

static int run_info(struct cli *c)
{
	struct rundir_entry entry;
	struct control ctl;
	struct refhv_error e;
	json_t *o = NULL;
	struct rundir r;
	int rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc)
		return cli_error(c, &e);
	rc = control_call(&ctl, json_pack("{s:s}", "cmd", "info"), NULL, 0, ANSWER_MS * 5, &o, NULL,
			  &e);
	control_close(&ctl);
	rundir_close(&r);
	if (rc)
		return cli_error(c, &e);
	if (c->json) {
		cli_print_json(o);
	} else {
		print_flat("", o);
		json_decref(o);
	}
	return REFHV_OK;
}

static int find(struct cli *c, struct rundir_entry *entry)
{
	struct refhv_error e;
	struct rundir r;
	int rc = rundir_open(&r, &e);

	if (!rc)
		rc = rundir_find(&r, c->arg[0], entry, &e);
	rundir_close(&r);
	return rc ? cli_error(c, &e) : 0;
}

static int run_domid(struct cli *c)
{
	struct rundir_entry entry;
	int rc = find(c, &entry);

	if (rc)
		return rc;
	if (c->json)
		cli_print_json(json_pack("{s:i}", "domid", (int)entry.domid));
	else
		printf("%u\n", entry.domid);
	return REFHV_OK;
}

static int run_domname(struct cli *c)
{
	struct rundir_entry entry;
	int rc = find(c, &entry);

	if (rc)
		return rc;
	if (c->json)
		cli_print_json(json_pack("{s:s}", "name", entry.name));
	else
		printf("%s\n", entry.name);
	return REFHV_OK;
}

static int run_version(struct cli *c)
{
	if (c->json)
		cli_print_json(
			json_pack("{s:s, s:s}", "version", REFHV_VERSION, "xen_abi", "4.17"));
	else
		printf("refhv %s (speaks Xen's ABI, 4.17)\n", REFHV_VERSION);
	return REFHV_OK;
}

const struct cli_command cli_list = {
	.name = "list",
	.usage = "[DOMAIN]",
	.max_args = 1,
	.run = run_list,
	.about = "list domains",
	.help = "State: r running, b blocked, p paused, s shut down, c crashed, d dying; none: no "
		"answer.\n"
		"  -l, --long        everything, as JSON\n",
	.flag = {{'l', "long", LIST_LONG}},
};

const struct cli_command cli_info = {
	.name = "info",
	.usage = "DOMAIN",
	.min_args = 1,
	.max_args = 1,
	.run = run_info,
	.about = "show everything about a domain",
};

const struct cli_command cli_domid = {
	.name = "domid",
	.usage = "NAME",
	.min_args = 1,
	.max_args = 1,
	.run = run_domid,
	.about = "print a domain's number",
};

const struct cli_command cli_domname = {
	.name = "domname",
	.usage = "DOMID",
	.min_args = 1,
	.max_args = 1,
	.run = run_domname,
	.about = "print a domain's name",
};

const struct cli_command cli_version = {
	.name = "version",
	.usage = "",
	.run = run_version,
	.about = "print the version",
};
