/*
 * xl.cfg's disk specifications (xl-disk-configuration(5)) and virtual device names (xen-vbd-interface(7)).
 *
 * "target,format,vdev,access" by position, then keys; any of the four by name; `target=` takes the rest of the string.
 * Nothing is opened or probed here: a format that is not named is raw, always (probing lets a guest choose how its own
 * disk is read: Xen's B17 class of bugs). Trusts no input.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "config/config.h"

struct spec {
	struct config_disk *d;
	const char *where;
	unsigned line;
	struct config_notes *notes;
	struct refhv_error *e;
	unsigned position; /* next field by position: target, format, vdev, access */
	bool access_given;
};

#define FORM "write \"TARGET,raw,VDEV,ACCESS\", as in \"/srv/web.img,raw,xvda,rw\""

static int bad(struct spec *s, const char *remedy, const char *what, const char *value)
{
	return refhv_fail_at(s->e, REFHV_CONFIG, s->where, s->line, remedy, "disk: %s \"%.80s\"",
			     what, value);
}

/* A letter suffix in base 26 without a zero: a = 0, z = 25, aa = 26. */
static const char *letters(const char *p, unsigned *disk)
{
	unsigned n = 0;

	if (*p < 'a' || *p > 'z')
		return NULL;
	for (; *p >= 'a' && *p <= 'z'; p++) {
		n = n * 26 + (unsigned)(*p - 'a') + 1;
		if (n > 1 << 20)
			return NULL;
	}
	*disk = n - 1;
	return p;
}

static const char *decimal(const char *p, unsigned *value)
{
	unsigned n = 0;

	if (!isdigit((unsigned char)*p) || (*p == '0' && isdigit((unsigned char)p[1])))
		return NULL;
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (unsigned)(*p - '0');
		if (n > 1 << 20)
			return NULL;
	}
	*value = n;
	return p;
}

static int xvd_number(unsigned disk, unsigned part, uint32_t *vbd)
{
	if (disk < 16 && part < 16)
		*vbd = 202u << 8 | disk << 4 | part;
	else if (disk < 1 << 20 && part < 256)
		*vbd = 1u << 28 | disk << 8 | part;
	else
		return -1;
	return 0;
}

int config_vdev_number(const char *name, uint32_t *vbd)
{
	unsigned disk, part = 0;
	const char *p;

	if (isdigit((unsigned char)*name)) {
		char *end;
		unsigned long n = strtoul(name, &end, 0);

		if (*end || end == name || n > 0x1fffffff)
			return -1;
		*vbd = (uint32_t)n;
		return 0;
	}
	if (*name == 'd' && isdigit((unsigned char)name[1])) {
		p = decimal(name + 1, &disk);
		if (p && *p == 'p')
			p = decimal(p + 1, &part);
		return p && !*p ? xvd_number(disk, part, vbd) : -1;
	}
	if (strncmp(name, "xvd", 3) && strncmp(name, "sd", 2) && strncmp(name, "hd", 2))
		return -1;
	p = letters(name + (*name == 'x' ? 3 : 2), &disk);
	if (!p)
		return -1;
	if (*p) {
		p = decimal(p, &part);
		if (!p || *p || !part)
			return -1;
	}
	if (!strncmp(name, "xvd", 3))
		return xvd_number(disk, part, vbd);
	if (!strncmp(name, "sd", 2) && disk < 16 && part < 16)
		*vbd = 8u << 8 | disk << 4 | part;
	else if (!strncmp(name, "hd", 2) && disk < 4 && part < 64)
		*vbd = (disk < 2 ? 3u : 22u) << 8 | (disk & 1) << 6 | part;
	else
		return -1;
	return 0;
}

static int set_target(struct spec *s, const char *value)
{
	/* Prefixes that old files carry: some select a format, some mean nothing any more. */
	static const char *const stripped[] = {
		"raw:", "phy:", "file:", "aio:", "tapdisk:", "tap2:", "tap:", "ioemu:"};
	static const char *const formats[] = {
		"qcow2:", "qcow:", "vhd:", "qed:", "iscsi:", "nbd:", "enbd:", "drbd:"};
	bool again = true;

	while (again) {
		again = false;
		for (unsigned i = 0; i < sizeof(stripped) / sizeof(stripped[0]); i++) {
			size_t n = strlen(stripped[i]);

			if (!strncmp(value, stripped[i], n)) {
				value += n;
				again = true;
			}
		}
	}
	for (unsigned i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strncmp(value, formats[i], strlen(formats[i])))
			return bad(s,
				   "refhv reads raw images and block devices; convert the image: "
				   "qemu-img convert -O raw OLD NEW",
				   "unsupported kind of target", value);
	free(s->d->target);
	s->d->target = strdup(value);
	return s->d->target ? 0 : refhv_fail(s->e, REFHV_FAILED, NULL, "out of memory");
}

static int set_format(struct spec *s, const char *value)
{
	if (!*value || !strcmp(value, "raw"))
		return 0;
	if (!strcmp(value, "qcow") || !strcmp(value, "qcow2") || !strcmp(value, "vhd") ||
	    !strcmp(value, "qed"))
		return bad(s, "convert the image: qemu-img convert -O raw OLD NEW",
			   "only raw images are supported, not", value);
	return bad(s, FORM, "unknown format", value);
}

static int set_vdev(struct spec *s, const char *value)
{
	const char *type = strchr(value, ':');
	size_t n = type ? (size_t)(type - value) : strlen(value);

	if (n >= sizeof(s->d->vdev))
		return bad(s, "use xvda to xvdz", "bad virtual device", value);
	memcpy(s->d->vdev, value, n);
	s->d->vdev[n] = 0;
	if (type && !strcmp(type, ":cdrom"))
		s->d->cdrom = true;
	else if (type && strcmp(type, ":disk"))
		return bad(s, "use :disk or :cdrom", "unknown device type", value);
	if (config_vdev_number(s->d->vdev, &s->d->vbd))
		return bad(s, "use xvda to xvdz, with a number for a partition",
			   "bad virtual device", value);
	return 0;
}

static int set_access(struct spec *s, const char *value)
{
	if (!strcmp(value, "ro") || !strcmp(value, "r"))
		s->d->readonly = true;
	else if (!strcmp(value, "rw") || !strcmp(value, "w"))
		s->d->readonly = false;
	else
		return bad(s, "use ro or rw", "unknown access", value);
	s->access_given = true;
	return 0;
}

static int ignored(struct spec *s, const char *key)
{
	config_note(s->notes, s->line, "disk: %.40s is not used by refhv and ignored", key);
	return 0;
}

static int set_key(struct spec *s, const char *key, const char *value)
{
	if (!strcmp(key, "format"))
		return set_format(s, value);
	if (!strcmp(key, "vdev"))
		return set_vdev(s, value);
	if (!strcmp(key, "access"))
		return set_access(s, value);
	if (!strcmp(key, "devtype")) {
		if (strcmp(value, "cdrom") && strcmp(value, "disk"))
			return bad(s, "use cdrom or disk", "unknown device type", value);
		s->d->cdrom = !strcmp(value, "cdrom");
		return 0;
	}
	if (!strcmp(key, "sector-size")) {
		if (strcmp(value, "512") && strcmp(value, "4096"))
			return bad(s, "use 512 or 4096", "unknown sector size", value);
		s->d->sector_size = value[0] == '4' ? 4096 : 512;
		return 0;
	}
	if (!strcmp(key, "specification")) {
		if (strcmp(value, "xen"))
			return bad(s, "leave it out", "only specification=xen is supported, not",
				   value);
		return 0;
	}
	if (!strcmp(key, "backend") || !strcmp(key, "script"))
		return bad(s, "attach the device on this machine and give its path as the target",
			   "not supported by refhv:", key);
	if (!strcmp(key, "backendtype") || !strcmp(key, "grant_usage") ||
	    !strcmp(key, "transport") || !strcmp(key, "bios"))
		return ignored(s, key);
	return bad(s, FORM, "unknown key", key);
}

static int set_flag(struct spec *s, const char *word, bool *was_flag)
{
	struct config_disk *d = s->d;

	*was_flag = true;
	if (!strcmp(word, "cdrom"))
		d->cdrom = true;
	else if (!strcmp(word, "discard"))
		d->discard = true;
	else if (!strcmp(word, "no-discard"))
		d->discard = false;
	else if (!strcmp(word, "direct-io-safe"))
		d->direct_io_safe = true;
	else if (!strcmp(word, "persistent"))
		d->persistent = true;
	else if (!strcmp(word, "no-persistent"))
		d->persistent = false;
	else if (!strcmp(word, "trusted"))
		d->trusted = true;
	else if (!strcmp(word, "untrusted"))
		d->trusted = false;
	else
		*was_flag = false;
	return 0;
}

static int field(struct spec *s, char *text)
{
	char *eq = strchr(text, '=');
	bool flag;
	int rc;

	/* An equals sign after a slash belongs to a path. */
	if (eq && !memchr(text, '/', (size_t)(eq - text))) {
		*eq = 0;
		return set_key(s, text, eq + 1);
	}
	rc = set_flag(s, text, &flag);
	if (rc || flag)
		return rc;
	switch (s->position++) {
	case 0: return set_target(s, text);
	case 1:
		/* The old form has no format: TARGET,VDEV[:TYPE],ACCESS. */
		if (*text && set_format(s, text)) {
			char vdev[16];
			uint32_t vbd;

			snprintf(vdev, sizeof(vdev), "%.*s", (int)strcspn(text, ":"), text);
			if (config_vdev_number(vdev, &vbd))
				return set_format(s, text);
			s->position++;
			return set_vdev(s, text);
		}
		return 0;
	case 2: return *text ? set_vdev(s, text) : 0;
	case 3: return *text ? set_access(s, text) : 0;
	}
	return bad(s, FORM, "more than four fields by position:", text);
}

static char *trim(char *text)
{
	size_t n;

	while (*text == ' ' || *text == '\t')
		text++;
	n = strlen(text);
	while (n && (text[n - 1] == ' ' || text[n - 1] == '\t'))
		text[--n] = 0;
	return text;
}

int config_disk_parse(struct config_disk *d, const char *spec, const char *where, unsigned line,
		      struct config_notes *notes, struct refhv_error *e)
{
	struct spec s = {.d = d, .where = where, .line = line, .notes = notes, .e = e};
	char *copy = strdup(spec), *next = copy;
	int rc = copy ? 0 : refhv_fail(e, REFHV_FAILED, NULL, "out of memory");

	memset(d, 0, sizeof(*d));
	d->discard = true;
	d->trusted = true;
	while (!rc && next) {
		char *text = next;

		while (*text == ' ' || *text == '\t')
			text++;
		if (!strncmp(text, "target=", 7)) {
			rc = set_target(&s, trim(text + 7));
			break;
		}
		next = strchr(text, ',');
		if (next)
			*next++ = 0;
		rc = field(&s, trim(text));
	}
	free(copy);
	if (!rc && d->cdrom && s.access_given && !d->readonly)
		rc = bad(&s, "use ro", "a cdrom cannot be written:", spec);
	if (!rc && d->cdrom)
		d->readonly = true;
	if (!rc && !d->vdev[0])
		rc = bad(&s, FORM, "no virtual device in", spec);
	if (!rc && (!d->target || !*d->target) && !d->cdrom)
		rc = bad(&s, FORM, "no target in", spec);
	if (rc) {
		free(d->target);
		memset(d, 0, sizeof(*d));
	}
	return rc;
}
