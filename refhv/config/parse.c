/*
 * From xl.cfg's settings to one domain's description. Trusts no input; every message names its line.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include "config/check.h"
#include "config/config.h"
#include "config/keys.h"
#include "config/setting.h"
#include "config/shape.h"

static void note_replaced(void *arg, const char *name, unsigned line, unsigned earlier)
{
	struct parser *p = arg;

	config_note(p->notes, line, "%.40s replaces the one of line %u", name, earlier);
}

static int get_action(struct parser *p, const char *key, enum config_action *action)
{
	static const char *const words[] = {"destroy",	"restart",	    "rename-restart",
					    "preserve", "coredump-destroy", "coredump-restart"};
	struct syntax_setting *set = syntax_find(&p->syntax, key);
	int value = *action;
	int rc = setting_word(p, key, words, 6, &value,
			      "use destroy, restart, rename-restart or preserve");

	if (!rc && value > CONFIG_PRESERVE) {
		config_note(p->notes, set->line, "%s: refhv writes no core dump; it will %s", key,
			    value == 4 ? "destroy" : "restart");
		value = value == 4 ? CONFIG_DESTROY : CONFIG_RESTART;
	}
	*action = (enum config_action)value;
	return rc;
}

static int get_cmdline(struct parser *p)
{
	const char *cmdline, *root, *extra;
	unsigned line, cmdline_line = 0;
	char *joined = NULL;
	int rc = setting_text(p, "cmdline", &cmdline, &cmdline_line);

	if (!rc)
		rc = setting_text(p, "root", &root, &line);
	if (!rc)
		rc = setting_text(p, "extra", &extra, &line);
	if (rc)
		return rc;
	if (cmdline) {
		if (root || extra)
			config_note(p->notes, cmdline_line,
				    "cmdline is used; root and extra are ignored");
		joined = strdup(cmdline);
	} else if (asprintf(&joined, "%s%s%s%s", root ? "root=" : "", root ? root : "",
			    root && extra ? " " : "", extra ? extra : "") < 0) {
		joined = NULL;
	}
	p->c->cmdline = joined;
	return joined ? 0 : parser_oom(p);
}

static int get_disks(struct parser *p)
{
	struct syntax_value *item;
	unsigned n;
	int rc = setting_list(p, "disk", CONFIG_MAX_DISKS, &item, &n);

	for (unsigned i = 0; i < n && !rc; i++) {
		rc = config_disk_parse(&p->c->disk[i], item[i].text, p->file, item[i].line,
				       p->notes, p->e);
		if (rc)
			break;
		p->c->ndisks++;
		for (unsigned j = 0; j < i && !rc; j++)
			if (p->c->disk[j].vbd == p->c->disk[i].vbd)
				rc = refhv_fail_at(p->e, REFHV_CONFIG, p->file, item[i].line,
						   "give each disk a virtual device of its own",
						   "disk: %s is used twice", p->c->disk[i].vdev);
	}
	return rc;
}

static int get_vifs(struct parser *p)
{
	static const uint8_t none[6];
	struct syntax_value *item;
	unsigned n;
	int rc = setting_list(p, "vif", CONFIG_MAX_VIFS, &item, &n);

	for (unsigned i = 0; i < n && !rc; i++) {
		struct config_vif *v = &p->c->vif[i];

		rc = config_vif_parse(v, item[i].text, p->file, item[i].line, p->notes, p->e);
		if (rc)
			break;
		p->c->nvifs++;
		v->devid = i;
		if (!memcmp(v->mac, none, 6))
			config_mac_derive(p->c->uuid, i, v->mac);
	}
	return rc;
}

static int get_channels(struct parser *p)
{
	struct syntax_value *item;
	unsigned n;
	int rc = setting_list(p, "channel", CONFIG_MAX_CONSOLES, &item, &n);

	for (unsigned i = 0; i < n && !rc; i++) {
		rc = config_channel_parse(&p->c->channel[i], item[i].text, p->c->base_dir, p->file,
					  item[i].line, p->notes, p->e);
		p->c->nchannels += !rc;
	}
	return rc;
}

static int get_identity(struct parser *p)
{
	const char *text;
	unsigned line;
	int rc = setting_text(p, "name", &text, &line);

	if (rc)
		return rc;
	if (!text)
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, 0, "add name = \"web\"",
				     "no name");
	if (!config_name_ok(text))
		return refhv_fail_at(
			p->e, REFHV_CONFIG, p->file, line,
			"use 1 to 63 letters, digits, and _ . + - inside, not only digits",
			"name: \"%.40s\" cannot name a domain", text);
	p->c->name = strdup(text);
	if (!p->c->name)
		return parser_oom(p);
	rc = setting_text(p, "uuid", &text, &line);
	if (rc)
		return rc;
	if (text && config_uuid_parse(text, p->c->uuid))
		return refhv_fail_at(p->e, REFHV_CONFIG, p->file, line,
				     "write it as uuidgen(1) does, or leave it out",
				     "uuid: \"%.40s\" is not one", text);
	if (!text) {
		if (getrandom(p->c->uuid, 16, 0) != 16)
			return refhv_fail(p->e, REFHV_FAILED, NULL, "no random numbers: %s",
					  strerror(errno));
		p->c->uuid[6] = (p->c->uuid[6] & 0x0f) | 0x40;
		p->c->uuid[8] = (p->c->uuid[8] & 0x3f) | 0x80;
	}
	return 0;
}

static bool listed(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (!strcmp(*list, word))
			return true;
	return false;
}

static const struct config_refused *refused(const char *key)
{
	for (const struct config_refused *r = config_keys_refused; r->key; r++)
		if (!strcmp(r->key, key))
			return r;
	return NULL;
}

static int remark_others(struct parser *p)
{
	static const char *const read_here[] = {"name",
						"uuid",
						"type",
						"builder",
						"engine",
						"kernel",
						"ramdisk",
						"cmdline",
						"root",
						"extra",
						"memory",
						"maxmem",
						"vcpus",
						"maxvcpus",
						"disk",
						"vif",
						"on_poweroff",
						"on_reboot",
						"on_crash",
						"trap",
						"consoles",
						"channel",
						"hugepages",
						"prefault",
						"max_event_channels",
						"max_grant_frames",
						"max_grant_version",
						NULL};
	const struct config_refused *r;
	struct syntax_setting *set;

	for (set = p->syntax.first; set; set = set->next) {
		if (listed(read_here, set->name))
			continue;
		r = refused(set->name);
		/* An empty list asks for nothing. */
		if (r && set->value.kind == SYNTAX_LIST && !set->value.n)
			continue;
		if (r)
			return refhv_fail_at(p->e, REFHV_CONFIG, p->file, set->line, r->remedy,
					     "%s: %s", r->key, r->why);
		if (listed(config_keys_hvm, set->name))
			config_note(p->notes, set->line, "%.40s is for HVM guests and ignored",
				    set->name);
		else if (listed(config_keys_later, set->name))
			config_note(p->notes, set->line,
				    "%.40s has no effect in refhv and is ignored", set->name);
		else
			config_note(p->notes, set->line, "unknown key %.40s is ignored", set->name);
	}
	return 0;
}

static int base_dir(struct parser *p)
{
	const char *slash = strrchr(p->file, '/');
	char *dir = slash ? strndup(p->file, slash == p->file ? 1 : (size_t)(slash - p->file))
			  : strdup(".");

	if (!dir)
		return parser_oom(p);
	if (*dir == '/') {
		p->c->base_dir = dir;
		return 0;
	}
	p->c->base_dir = realpath(dir, NULL);
	free(dir);
	if (!p->c->base_dir)
		p->c->base_dir = strdup("/");
	return p->c->base_dir ? 0 : parser_oom(p);
}

static int interpret(struct parser *p)
{
	int (*const step[])(struct parser *) = {base_dir,     get_identity, get_cmdline,
						config_shape, get_disks,    get_vifs,
						get_channels, remark_others};
	struct refhv_config *c = p->c;
	int rc = 0;

	for (unsigned i = 0; i < sizeof(step) / sizeof(step[0]) && !rc; i++)
		rc = step[i](p);
	if (!rc)
		rc = setting_path(p, "kernel", &c->kernel);
	if (!rc)
		rc = setting_path(p, "ramdisk", &c->ramdisk);
	c->on_poweroff = CONFIG_DESTROY;
	c->on_reboot = CONFIG_RESTART;
	c->on_crash = CONFIG_DESTROY;
	if (!rc)
		rc = get_action(p, "on_poweroff", &c->on_poweroff);
	if (!rc)
		rc = get_action(p, "on_reboot", &c->on_reboot);
	if (!rc)
		rc = get_action(p, "on_crash", &c->on_crash);
	if (!rc && !c->kernel)
		rc = refhv_fail_at(p->e, REFHV_CONFIG, p->file, 0, "add kernel = \"PATH\"",
				   "no kernel");
	if (!rc)
		rc = config_check(c, p->file, p->e);
	return rc;
}

int config_parse(struct refhv_config *c, const char *file, const char *text, size_t len,
		 struct config_notes *notes, struct refhv_error *e)
{
	struct parser p = {.c = c, .file = file, .notes = notes, .e = e};
	int rc;

	memset(c, 0, sizeof(*c));
	if (notes)
		notes->n = 0;
	p.syntax.replaced = note_replaced;
	p.syntax.arg = &p;
	rc = syntax_parse(&p.syntax, file, text, len, e);
	if (rc)
		return rc;
	rc = interpret(&p);
	syntax_free(&p.syntax);
	if (rc)
		config_free(c);
	return rc;
}

int config_load(struct refhv_config *c, const char *path, struct config_notes *notes,
		struct refhv_error *e)
{
	char *text = malloc(SYNTAX_MAX_TEXT + 1);
	size_t len = 0;
	ssize_t n = 0;
	int fd, rc;

	if (!text)
		return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(0);
	if (fd < 0) {
		free(text);
		return refhv_fail_at(e, REFHV_CONFIG, path, 0, "check the path and its permissions",
				     "cannot open the configuration: %s", strerror(errno));
	}
	while (len <= SYNTAX_MAX_TEXT) {
		n = read(fd, text + len, SYNTAX_MAX_TEXT + 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (n < 0)
		rc = refhv_fail_at(e, REFHV_CONFIG, path, 0, NULL,
				   "cannot read the configuration: %s", strerror(errno));
	else
		rc = config_parse(c, strcmp(path, "-") ? path : "<stdin>", text, len, notes, e);
	close(fd);
	free(text);
	return rc;
}
