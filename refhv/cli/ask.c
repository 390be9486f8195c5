/*
 * refhv mem-set, mem-max, vcpu-set, sysrq and trigger: what a running guest is asked to change, or its machine does to it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "cli/cli.h"
#include "cli/commands.h"

enum { ANSWER_MS = 5000, WAIT_MS = 60000, LOOK_MS = 50, NEAR_KIB = 1024 };

/* As xl reads it: MiB, or with a letter. In KiB; 0 if it is no amount. */
static uint64_t amount(const char *text)
{
	char *end;
	unsigned long long n = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;

	if (!n || n > 1ull << 40)
		return 0;
	if (*end && end[1])
		return 0;
	switch (*end | 0x20) {
	case ' ':
	case 'm': return n << 10;
	case 'b': return n >> 10;
	case 'k': return n;
	case 'g': return n << 20;
	case 't': return n << 30;
	}
	return 0;
}

static int bad_amount(struct cli *c)
{
	struct refhv_error e;

	refhv_fail(&e, REFHV_USAGE, "write MiB, or a number with b, k, m, g or t",
		   "\"%.40s\" is no amount of memory", c->arg[1]);
	return cli_error(c, &e);
}

/* Whether `key` of the domain's info has come near to `wanted`. */
static int await(struct cli *c, struct control *ctl, const char *key, int64_t wanted, int64_t near,
		 struct refhv_error *e)
{
	int left = c->has_timeout ? c->timeout_ms : WAIT_MS;
	/* Memory is told in KiB, and people give it in MiB. */
	int64_t unit = strstr(key, "_kib") ? 1024 : 1;
	json_t *info;
	int64_t now;
	int rc;

	for (;; left -= LOOK_MS) {
		rc = control_call(ctl, json_pack("{s:s}", "cmd", "info"), NULL, 0, ANSWER_MS, &info,
				  NULL, e);
		if (rc)
			return rc;
		now = json_integer_value(json_object_get(info, key));
		json_decref(info);
		if (llabs(now - wanted) <= near)
			return 0;
		if (left <= 0 && (!c->has_timeout || c->timeout_ms >= 0))
			return refhv_fail(
				e, REFHV_TIMEOUT, "it was asked, and may still do so",
				"the guest of %s has not come to %lld%s in time: it has %lld",
				ctl->domain, (long long)(wanted / unit), unit > 1 ? " MiB" : "",
				(long long)(now / unit));
		nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL);
	}
}

/* Asks; with --wait, until `key` is `wanted`. */
static int ask(struct cli *c, json_t *request, const char *key, int64_t wanted, int64_t near)
{
	struct rundir_entry entry;
	struct control ctl;
	struct refhv_error e;
	struct rundir r;
	int rc = cli_reach(c->arg[0], &r, &ctl, &entry, &e);

	if (rc) {
		json_decref(request);
		return cli_error(c, &e);
	}
	rc = control_call(&ctl, request, NULL, 0, ANSWER_MS, NULL, NULL, &e);
	if (!rc && c->wait && key)
		rc = await(c, &ctl, key, wanted, near, &e);
	control_close(&ctl);
	rundir_close(&r);
	if (rc)
		return cli_error(c, &e);
	if (c->json)
		cli_print_json(json_pack("{s:s}", "name", entry.name));
	return REFHV_OK;
}

static int run_mem_set(struct cli *c)
{
	uint64_t kib = amount(c->arg[1]);

	return kib ? ask(c, json_pack("{s:s, s:I}", "cmd", "memory", "kib", (json_int_t)kib),
			 "memory_now_kib", (int64_t)kib, NEAR_KIB)
		   : bad_amount(c);
}

static int run_mem_max(struct cli *c)
{
	uint64_t kib = amount(c->arg[1]);

	return kib ? ask(c, json_pack("{s:s, s:I}", "cmd", "max-memory", "kib", (json_int_t)kib),
			 NULL, 0, 0)
		   : bad_amount(c);
}

static int run_vcpu_set(struct cli *c)
{
	char *end;
	unsigned long n = strtoul(c->arg[1], &end, 10);
	struct refhv_error e;

	if (*end || end == c->arg[1] || !n || n > CONFIG_MAX_VCPUS) {
		refhv_fail(&e, REFHV_USAGE, "write how many it shall have",
			   "\"%.40s\" is no number of vCPUs", c->arg[1]);
		return cli_error(c, &e);
	}
	return ask(c, json_pack("{s:s, s:i}", "cmd", "vcpus", "n", (int)n), "vcpus_up", (int64_t)n,
		   0);
}

static int run_sysrq(struct cli *c)
{
	return ask(c, json_pack("{s:s, s:s}", "cmd", "sysrq", "letter", c->arg[1]), NULL, 0, 0);
}

static int run_trigger(struct cli *c)
{
	const char *text = c->nargs > 2 ? c->arg[2] : "0";
	char *end;
	unsigned long vcpu = strtoul(text, &end, 10);
	struct refhv_error e;

	if (*end || *text < '0' || *text > '9' || vcpu >= CONFIG_MAX_VCPUS) {
		refhv_fail(&e, REFHV_USAGE, "count from 0", "\"%.40s\" is no vCPU", text);
		return cli_error(c, &e);
	}
	return ask(c,
		   json_pack("{s:s, s:s, s:i}", "cmd", "trigger", "what", c->arg[1], "vcpu",
			     (int)vcpu),
		   NULL, 0, 0);
}

#define TWO(name_, second) .name = name_, .usage = "DOMAIN " second, .min_args = 2, .max_args = 2

const struct cli_command cli_mem_set = {
	TWO("mem-set", "MIB"),
	.waits = true,
	.run = run_mem_set,
	.about = "ask a guest's balloon for another amount of memory",
	.help = "MIB may have a letter: b, k, m, g, t. With --wait, until the guest has so much, "
		"60 "
		"seconds unless\n--timeout says otherwise.\n",
};

const struct cli_command cli_mem_max = {
	TWO("mem-max", "MIB"),
	.run = run_mem_max,
	.about = "set the most memory that a guest may have",
};

const struct cli_command cli_vcpu_set = {
	TWO("vcpu-set", "N"),
	.waits = true,
	.run = run_vcpu_set,
	.about = "ask a guest to use another number of its vCPUs",
	.help = "With --wait, until the guest does, 60 seconds unless --timeout says otherwise.\n",
};

const struct cli_command cli_sysrq = {
	TWO("sysrq", "LETTER"),
	.run = run_sysrq,
	.about = "send a magic system request to a guest",
};

const struct cli_command cli_trigger = {
	.name = "trigger",
	.usage = "DOMAIN nmi|reset|power [VCPU]",
	.min_args = 2,
	.max_args = 3,
	.run = run_trigger,
	.about = "send an NMI, or press the reset or power button",
	.help = "nmi is for one vCPU, 0 unless VCPU says otherwise, and needs the kvm engine. "
		"reset does not ask the\n"
		"guest: what follows is what on_reboot says. power asks it to power off, as refhv "
		"shutdown does.\n",
};
