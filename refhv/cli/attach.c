/*
 * refhv block-attach, block-detach, network-attach and network-detach: devices for a guest that runs.
 *
 * The command opens what the device needs with its own rights; the domain receives descriptors.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "cli/cli.h"
#include "cli/commands.h"
#include "launch/resource.h"
#include "netd/client.h"

enum { FORCE = 1, ANSWER_MS = 5000, CONNECT_MS = 10000, LEAVE_MS = 10000 };

static const char where[] = "command line";

/* A command's way to one domain. */
struct reach {
	struct cli *c;
	struct rundir r;
	struct control ctl;
	struct rundir_entry entry;
};

static int done(struct reach *a, int rc, json_t *result, const char *what, struct refhv_error *e)
{
	control_close(&a->ctl);
	rundir_close(&a->r);
	if (rc)
		return cli_error(a->c, e);
	if (a->c->json)
		cli_print_json(json_incref(result));
	else if (a->c->verbose)
		printf("%s: %s %d\n", a->entry.name, what,
		       (int)json_integer_value(json_object_get(result, "devid")));
	json_decref(result);
	return REFHV_OK;
}

static int open_domain(struct cli *c, struct reach *a, struct refhv_error *e)
{
	a->c = c;
	return cli_reach(c->arg[0], &a->r, &a->ctl, &a->entry, e);
}

/* As xl has it, a specification may be one argument or several. */
static char *join(char **arg)
{
	size_t len = 1;
	char *text;

	for (char **p = arg; *p; p++)
		len += strlen(*p) + 1;
	text = calloc(1, len);
	for (char **p = arg; text && *p; p++) {
		strcat(text, *p);
		if (p[1])
			strcat(text, ",");
	}
	return text;
}

static int call(struct reach *a, json_t *request, const int *fd, unsigned n, json_t **result,
		struct refhv_error *e)
{
	int timeout = a->c->has_timeout ? a->c->timeout_ms : CONNECT_MS, rc;

	json_object_set_new(request, "wait", json_boolean(a->c->wait));
	rc = control_call(&a->ctl, request, fd, n, a->c->wait ? timeout : ANSWER_MS, result, NULL,
			  e);
	if (rc == -REFHV_TIMEOUT && a->c->wait)
		return refhv_fail(e, REFHV_TIMEOUT, "it is there for the guest to find",
				  "the guest of %s did not connect it in time", a->entry.name);
	return rc;
}

static int run_block_attach(struct cli *c)
{
	struct config_notes notes = {0};
	struct config_disk disk = {0};
	struct reach a;
	struct refhv_error e;
	json_t *result = NULL;
	char *spec, cwd[PATH_MAX] = "/";
	int fd = -1, rc = open_domain(c, &a, &e);

	if (rc)
		return cli_error(c, &e);
	spec = join(c->arg + 1);
	if (!getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	rc = config_disk_parse(&disk, spec ? spec : "", where, 0, &notes, &e);
	free(spec);
	for (unsigned i = 0; i < notes.n; i++)
		fprintf(stderr, "refhv: warning: %s\n", notes.note[i].text);
	if (!rc && (!disk.target || !*disk.target))
		rc = refhv_fail(&e, REFHV_USAGE, "name an image", "a drive without a disc");
	if (!rc) {
		fd = resource_disk(&disk, cwd, true, &e);
		rc = fd < 0 ? fd : 0;
	}
	if (!rc) {
		json_t *request = json_pack("{s:s, s:o}", "cmd", "attach", "disk",
					    config_disk_to_json(&disk));

		rc = call(&a, request, &fd, 1, &result, &e);
		close(fd);
	}
	free(disk.target);
	return done(&a, rc, result, "disk", &e);
}

/* The lowest number that no card of the domain has; its address depends on it. */
static int number(struct reach *a, struct config_vif *v, unsigned *vcpus, struct refhv_error *e)
{
	static const uint8_t none[6];
	json_t *info, *card;
	bool taken;
	size_t i;
	int rc = control_call(&a->ctl, json_pack("{s:s}", "cmd", "info"), NULL, 0, ANSWER_MS, &info,
			      NULL, e);

	if (rc)
		return rc;
	v->devid = 0;
	do {
		taken = false;
		json_array_foreach(json_object_get(info, "vifs"), i, card) taken |=
			json_integer_value(json_object_get(card, "devid")) == v->devid;
		v->devid += taken;
	} while (taken);
	*vcpus = (unsigned)json_integer_value(json_object_get(info, "vcpus"));
	json_decref(info);
	if (!memcmp(v->mac, none, 6))
		config_mac_derive(a->entry.uuid, v->devid, v->mac);
	return 0;
}

static int attach_vif(struct reach *a, const struct config_vif *v, unsigned vcpus, json_t **result,
		      struct refhv_error *e)
{
	const struct resource_owner o = {.rundir = &a->r,
					 .name = a->entry.name,
					 .domid = a->entry.domid,
					 .uuid = a->entry.uuid,
					 .vcpus = vcpus};
	struct resource_vif vif;
	int rc = resource_vif(v, &o, &vif, e), fd[RESOURCE_QUEUES + 1];
	unsigned n = 0;

	if (rc)
		return rc;
	while (n < vif.n) {
		fd[n] = vif.frames[n];
		n++;
	}
	if (vif.netd >= 0)
		fd[n++] = vif.netd;
	rc = call(a,
		  json_pack("{s:s, s:o, s:o, s:b}", "cmd", "attach", "vif", config_vif_to_json(v),
			    "about", vif.about, "netd", vif.netd >= 0),
		  fd, n, result, e);
	/* A card that is only late keeps its network. */
	if (rc && rc != -REFHV_TIMEOUT && vif.netd >= 0)
		netd_quit(vif.netd);
	while (n)
		close(fd[--n]);
	return rc;
}

static int run_network_attach(struct cli *c)
{
	struct config_notes notes = {0};
	struct config_vif v = {0};
	struct reach a;
	struct refhv_error e;
	json_t *result = NULL;
	unsigned vcpus = 1;
	char *spec;
	int rc = open_domain(c, &a, &e);

	if (rc)
		return cli_error(c, &e);
	spec = join(c->arg + 1);
	rc = config_vif_parse(&v, spec ? spec : "", where, 0, &notes, &e);
	free(spec);
	for (unsigned i = 0; i < notes.n; i++)
		fprintf(stderr, "refhv: warning: %s\n", notes.note[i].text);
	if (!rc && v.net == CONFIG_NET_NONE)
		rc = refhv_fail(&e, REFHV_USAGE, "leave net=none out",
				"a card without a cable cannot be attached");
	if (!rc)
		rc = number(&a, &v, &vcpus, &e);
	if (!rc)
		rc = attach_vif(&a, &v, vcpus, &result, &e);
	free(v.forward);
	return done(&a, rc, result, "card", &e);
}

static int detach(struct cli *c, const char *kind, uint32_t devid)
{
	int timeout = c->has_timeout ? c->timeout_ms : LEAVE_MS;
	struct reach a;
	struct refhv_error e;
	json_t *result = NULL;
	int rc = open_domain(c, &a, &e);

	if (rc)
		return cli_error(c, &e);
	rc = control_call(&a.ctl,
			  json_pack("{s:s, s:s, s:I, s:b}", "cmd", "detach", "kind", kind, "devid",
				    (json_int_t)devid, "force", (int)(c->flags & FORCE)),
			  NULL, 0, timeout, &result, NULL, &e);
	if (rc == -REFHV_TIMEOUT)
		refhv_fail(&e, REFHV_TIMEOUT,
			   "it goes when the guest lets it go; --force does not ask",
			   "the guest of %s still has the %s", a.entry.name, kind);
	return done(&a, rc, result, kind, &e);
}

static int run_block_detach(struct cli *c)
{
	struct refhv_error e;
	uint32_t vbd;

	if (config_vdev_number(c->arg[1], &vbd)) {
		refhv_fail(&e, REFHV_USAGE, "use xvdb, or the number that refhv block-list shows",
			   "\"%.40s\" is no virtual device", c->arg[1]);
		return cli_error(c, &e);
	}
	return detach(c, "disk", vbd);
}

/* A number, or the mac that is somebody's. */
static int find_card(struct cli *c, const char *text, uint32_t *devid, struct refhv_error *e)
{
	json_t *info, *card;
	struct reach a;
	uint8_t mac[6];
	char *end, normal[18];
	size_t i;
	int rc;

	*devid = (uint32_t)strtoul(text, &end, 10);
	if (*text && !*end)
		return 0;
	if (config_mac_parse(text, mac))
		return refhv_fail(e, REFHV_USAGE, "see refhv network-list",
				  "\"%.40s\" is neither a number nor a mac", text);
	config_mac_format(mac, normal);
	rc = open_domain(c, &a, e);
	if (rc)
		return rc;
	rc = control_call(&a.ctl, json_pack("{s:s}", "cmd", "info"), NULL, 0, ANSWER_MS, &info,
			  NULL, e);
	control_close(&a.ctl);
	rundir_close(&a.r);
	if (rc)
		return rc;
	rc = refhv_fail(e, REFHV_USAGE, "see refhv network-list", "%s has no card %s", c->arg[0],
			normal);
	json_array_foreach(json_object_get(info, "vifs"), i, card)
	{
		if (strcmp(json_string_value(json_object_get(card, "mac")), normal))
			continue;
		*devid = (uint32_t)json_integer_value(json_object_get(card, "devid"));
		rc = 0;
	}
	json_decref(info);
	return rc;
}

static int run_network_detach(struct cli *c)
{
	struct refhv_error e;
	uint32_t devid = 0;

	if (find_card(c, c->arg[1], &devid, &e))
		return cli_error(c, &e);
	return detach(c, "card", devid);
}

const struct cli_command cli_block_attach = {
	.name = "block-attach",
	.usage = "DOMAIN DISK...",
	.min_args = 2,
	.max_args = 6,
	.waits = true,
	.run = run_block_attach,
	.about = "give a running domain one more disk",
	.help = "DISK is written as in refhv.cfg(5), in one argument or several: "
		"/x.img,raw,xvdb,rw.\n"
		"With --wait, until the guest has connected it, 10 seconds unless --timeout says "
		"otherwise.\n",
};

const struct cli_command cli_block_detach = {
	.name = "block-detach",
	.usage = "DOMAIN VDEV",
	.min_args = 2,
	.max_args = 2,
	.waits = true,
	.run = run_block_detach,
	.about = "take a disk away from a running domain",
	.help = "The guest is asked and waited for, 10 seconds unless --timeout says otherwise.\n"
		"  -f, --force       do not ask: what the guest does with it fails from now on\n",
	.flag = {{'f', "force", FORCE}},
};

const struct cli_command cli_network_attach = {
	.name = "network-attach",
	.usage = "DOMAIN [KEY=VALUE...]",
	.min_args = 1,
	.max_args = 16,
	.waits = true,
	.run = run_network_attach,
	.about = "give a running domain one more network card",
	.help = "The keys are those of refhv.cfg(5); without any, a card with user networking.\n"
		"With --wait, until the guest has connected it, 10 seconds unless --timeout says "
		"otherwise.\n",
};

const struct cli_command cli_network_detach = {
	.name = "network-detach",
	.usage = "DOMAIN DEVID|MAC",
	.min_args = 2,
	.max_args = 2,
	.waits = true,
	.run = run_network_detach,
	.about = "take a network card away from a running domain",
	.help = "The guest is asked and waited for, 10 seconds unless --timeout says otherwise.\n"
		"  -f, --force       do not ask\n",
	.flag = {{'f', "force", FORCE}},
};
