/*
 * A domain's description as JSON, and back. It travels in saved streams, so what comes in is not trusted.
 */
#include <stdlib.h>
#include <string.h>
#include "config/check.h"
#include "config/config.h"

static const char where[] = "saved configuration";

static int bad(struct refhv_error *e, const char *key)
{
	return refhv_fail_at(e, REFHV_CONFIG, where, 0, NULL, "%s is missing or wrong", key);
}

static int set(json_t *o, const char *key, json_t *value)
{
	return json_object_set_new(o, key, value);
}

json_t *config_disk_to_json(const struct config_disk *d)
{
	json_t *o = json_object();

	if (d->target)
		set(o, "target", json_string(d->target));
	set(o, "vdev", json_string(d->vdev));
	set(o, "readonly", json_boolean(d->readonly));
	set(o, "cdrom", json_boolean(d->cdrom));
	set(o, "discard", json_boolean(d->discard));
	set(o, "trusted", json_boolean(d->trusted));
	set(o, "direct_io_safe", json_boolean(d->direct_io_safe));
	set(o, "persistent", json_boolean(d->persistent));
	set(o, "sector_size", json_integer(d->sector_size));
	return o;
}

static const char *const net_word[] = {"user", "tap", "bridge", "none"};

json_t *config_vif_to_json(const struct config_vif *v)
{
	json_t *o = json_object(), *list = json_array();
	char mac[18];

	config_mac_format(v->mac, mac);
	set(o, "devid", json_integer(v->devid));
	set(o, "mac", json_string(mac));
	set(o, "net", json_string(net_word[v->net]));
	if (v->dev[0])
		set(o, "dev", json_string(v->dev));
	if (v->ip[0])
		set(o, "ip", json_string(v->ip));
	set(o, "mtu", json_integer(v->mtu));
	set(o, "trusted", json_boolean(v->trusted));
	if (v->rate_bytes) {
		set(o, "rate_bytes", json_integer((json_int_t)v->rate_bytes));
		set(o, "rate_interval_us", json_integer(v->rate_interval_us));
	}
	for (unsigned i = 0; i < v->nforwards; i++) {
		const struct config_forward *f = &v->forward[i];

		json_array_append_new(list, json_pack("{s:s, s:s, s:i, s:s, s:i}", "proto",
						      f->udp ? "udp" : "tcp", "addr", f->addr,
						      "port", f->port, "guest", f->guest,
						      "guest_port", f->guest_port));
	}
	set(o, "hostfwd", list);
	return o;
}

json_t *config_to_json(const struct refhv_config *c)
{
	json_t *o = json_object(), *disks = json_array(), *vifs = json_array();
	json_t *channels = json_array();
	char uuid[37];

	config_uuid_format(c->uuid, uuid);
	set(o, "name", json_string(c->name));
	set(o, "uuid", json_string(uuid));
	set(o, "type", json_string(config_type_word(c->type)));
	set(o, "engine", json_string(config_engine_word(c->engine)));
	set(o, "trap", json_string(config_trap_words[c->trap]));
	set(o, "hugepages", json_string(config_pages_words[c->pages]));
	set(o, "consoles", json_integer(c->consoles));
	set(o, "prefault", json_boolean(c->prefault));
	set(o, "max_event_channels", json_integer(c->max_event_channels));
	set(o, "max_grant_frames", json_integer(c->max_grant_frames));
	set(o, "max_grant_version", json_integer(c->max_grant_version));
	set(o, "kernel", c->kernel ? json_string(c->kernel) : json_null());
	set(o, "ramdisk", c->ramdisk ? json_string(c->ramdisk) : json_null());
	set(o, "cmdline", json_string(c->cmdline));
	set(o, "base_dir", json_string(c->base_dir));
	set(o, "memory_kib", json_integer((json_int_t)c->memory_kib));
	set(o, "maxmem_kib", json_integer((json_int_t)c->maxmem_kib));
	set(o, "vcpus", json_integer(c->vcpus));
	set(o, "maxvcpus", json_integer(c->maxvcpus));
	set(o, "on_poweroff", json_string(config_action_word(c->on_poweroff)));
	set(o, "on_reboot", json_string(config_action_word(c->on_reboot)));
	set(o, "on_crash", json_string(config_action_word(c->on_crash)));
	for (unsigned i = 0; i < c->ndisks; i++)
		json_array_append_new(disks, config_disk_to_json(&c->disk[i]));
	for (unsigned i = 0; i < c->nvifs; i++)
		json_array_append_new(vifs, config_vif_to_json(&c->vif[i]));
	for (unsigned i = 0; i < c->nchannels; i++)
		json_array_append_new(channels, config_channel_to_json(&c->channel[i]));
	set(o, "channels", channels);
	set(o, "disks", disks);
	set(o, "vifs", vifs);
	return o;
}

static int get_string(const json_t *o, const char *key, bool optional, char **out,
		      struct refhv_error *e)
{
	const json_t *v = json_object_get(o, key);

	if (optional && (!v || json_is_null(v)))
		return 0;
	/* A NUL inside would make two readers see two different strings. */
	if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
		return bad(e, key);
	*out = strdup(json_string_value(v));
	return *out ? 0 : refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
}

static int get_number(const json_t *o, const char *key, uint64_t max, uint64_t *out,
		      struct refhv_error *e)
{
	const json_t *v = json_object_get(o, key);

	if (!json_is_integer(v) || json_integer_value(v) < 0 ||
	    (uint64_t)json_integer_value(v) > max)
		return bad(e, key);
	*out = (uint64_t)json_integer_value(v);
	return 0;
}

static int get_word(const json_t *o, const char *key, const char *const *words, unsigned n,
		    unsigned *out, struct refhv_error *e)
{
	const char *text = json_string_value(json_object_get(o, key));

	for (unsigned i = 0; text && i < n; i++) {
		if (!strcmp(text, words[i])) {
			*out = i;
			return 0;
		}
	}
	return bad(e, key);
}

static int get_short(const json_t *o, const char *key, char *out, size_t size,
		     struct refhv_error *e)
{
	const json_t *v = json_object_get(o, key);

	out[0] = 0;
	if (!v)
		return 0;
	if (!json_is_string(v) || json_string_length(v) >= size ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return bad(e, key);
	strcpy(out, json_string_value(v));
	return 0;
}

static int disk_from_json(struct config_disk *d, const json_t *o, struct refhv_error *e)
{
	int rc = get_string(o, "target", true, &d->target, e);
	uint64_t sector_size = 0;

	if (!rc)
		rc = get_short(o, "vdev", d->vdev, sizeof(d->vdev), e);
	if (!rc && config_vdev_number(d->vdev, &d->vbd))
		rc = bad(e, "vdev");
	d->readonly = json_is_true(json_object_get(o, "readonly"));
	d->cdrom = json_is_true(json_object_get(o, "cdrom"));
	d->discard = json_is_true(json_object_get(o, "discard"));
	d->trusted = json_is_true(json_object_get(o, "trusted"));
	d->direct_io_safe = json_is_true(json_object_get(o, "direct_io_safe"));
	/* Older streams have neither. */
	d->persistent = json_is_true(json_object_get(o, "persistent"));
	if (!rc && json_object_get(o, "sector_size"))
		rc = get_number(o, "sector_size", 4096, &sector_size, e);
	if (!rc && sector_size && sector_size != 512 && sector_size != 4096)
		rc = bad(e, "sector_size");
	d->sector_size = (uint32_t)sector_size;
	if (!rc && !d->target && !d->cdrom)
		rc = bad(e, "target");
	return rc;
}

static int forward_from_json(struct config_forward *f, const json_t *o, struct refhv_error *e)
{
	static const char *const protos[] = {"tcp", "udp"};
	uint64_t port = 0, guest_port = 0;
	unsigned udp = 0;
	int rc = get_word(o, "proto", protos, 2, &udp, e);

	if (!rc)
		rc = get_short(o, "addr", f->addr, sizeof(f->addr), e);
	if (!rc)
		rc = get_short(o, "guest", f->guest, sizeof(f->guest), e);
	if (!rc)
		rc = get_number(o, "port", 65535, &port, e);
	if (!rc)
		rc = get_number(o, "guest_port", 65535, &guest_port, e);
	f->udp = udp;
	f->port = (uint16_t)port;
	f->guest_port = (uint16_t)guest_port;
	return rc;
}

static int rate_from_json(struct config_vif *v, const json_t *o, struct refhv_error *e)
{
	uint64_t interval = 0;
	int rc;

	if (!json_object_get(o, "rate_bytes"))
		return 0;
	rc = get_number(o, "rate_bytes", UINT32_MAX * 1000ull, &v->rate_bytes, e);
	if (!rc)
		rc = get_number(o, "rate_interval_us", 10000000, &interval, e);
	v->rate_interval_us = (uint32_t)interval;
	return !rc && v->rate_bytes && !interval ? bad(e, "rate_interval_us") : rc;
}

static int vif_from_json(struct config_vif *v, const json_t *o, struct refhv_error *e)
{
	const json_t *list = json_object_get(o, "hostfwd");
	const char *mac = json_string_value(json_object_get(o, "mac"));
	uint64_t mtu = 0, devid = v->devid;
	unsigned net = 0;
	int rc = mac && !config_mac_parse(mac, v->mac) ? 0 : bad(e, "mac");

	if (!rc)
		rc = get_word(o, "net", net_word, 4, &net, e);
	/* Older streams have none: they count. */
	if (!rc && json_object_get(o, "devid"))
		rc = get_number(o, "devid", CONFIG_MAX_DEVID, &devid, e);
	v->devid = (unsigned)devid;
	v->net = (enum config_net)net;
	if (!rc)
		rc = get_short(o, "dev", v->dev, sizeof(v->dev), e);
	if (!rc && strpbrk(v->dev, "/ :"))
		rc = bad(e, "dev");
	if (!rc)
		rc = get_short(o, "ip", v->ip, sizeof(v->ip), e);
	if (!rc)
		rc = get_number(o, "mtu", 65535, &mtu, e);
	v->mtu = (uint32_t)mtu;
	v->trusted = json_is_true(json_object_get(o, "trusted"));
	if (!rc)
		rc = rate_from_json(v, o, e);
	if (!rc && json_array_size(list) > CONFIG_MAX_FORWARDS)
		rc = bad(e, "hostfwd");
	if (!rc && json_array_size(list)) {
		v->forward = calloc(json_array_size(list), sizeof(*v->forward));
		if (!v->forward)
			return refhv_fail(e, REFHV_FAILED, NULL, "out of memory");
	}
	for (size_t i = 0; i < json_array_size(list) && !rc; i++) {
		v->nforwards++;
		rc = forward_from_json(&v->forward[i], json_array_get(list, i), e);
	}
	return rc;
}

/* What streams of older versions do not have. */
static int read_later_keys(struct refhv_config *c, const json_t *o, struct refhv_error *e)
{
	uint64_t ports = 0, frames = 0, version = 0, consoles = 1;
	const json_t *channels = json_object_get(o, "channels");
	unsigned trap = 0, pages = 0;
	int rc = json_array_size(channels) > CONFIG_MAX_CONSOLES ? bad(e, "channels") : 0;

	for (size_t i = 0; i < json_array_size(channels) && !rc; i++) {
		rc = config_channel_from_json(&c->channel[i], json_array_get(channels, i), e);
		c->nchannels += !rc;
	}
	if (!rc && json_object_get(o, "trap"))
		rc = get_word(o, "trap", config_trap_words, CONFIG_TRAPS, &trap, e);
	if (!rc && json_object_get(o, "hugepages"))
		rc = get_word(o, "hugepages", config_pages_words, 3, &pages, e);
	if (!rc && json_object_get(o, "max_event_channels"))
		rc = get_number(o, "max_event_channels", CONFIG_MAX_EVENT_CHANNELS, &ports, e);
	if (!rc && json_object_get(o, "max_grant_frames"))
		rc = get_number(o, "max_grant_frames", CONFIG_MAX_GRANT_FRAMES, &frames, e);
	if (!rc && json_object_get(o, "max_grant_version"))
		rc = get_number(o, "max_grant_version", 2, &version, e);
	if (!rc && json_object_get(o, "consoles"))
		rc = get_number(o, "consoles", CONFIG_MAX_CONSOLES, &consoles, e);
	c->consoles = (unsigned)consoles;
	c->trap = (enum config_trap)trap;
	c->pages = (enum config_pages)pages;
	c->prefault = json_is_true(json_object_get(o, "prefault"));
	c->max_event_channels = (uint32_t)ports;
	c->max_grant_frames = (uint32_t)frames;
	c->max_grant_version = (uint32_t)version;
	return rc;
}

int config_disk_from_json(struct config_disk *d, const json_t *json, struct refhv_error *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	rc = disk_from_json(d, json, e);
	if (rc)
		free(d->target);
	return rc;
}

int config_vif_from_json(struct config_vif *v, const json_t *json, struct refhv_error *e)
{
	int rc;

	memset(v, 0, sizeof(*v));
	rc = vif_from_json(v, json, e);
	if (rc)
		free(v->forward);
	return rc;
}

static int read_config(struct refhv_config *c, const json_t *o, struct refhv_error *e)
{
	static const char *const types[] = {"any", "pv", "pvh"};
	static const char *const engines[] = {"auto", "user", "kvm"};
	static const char *const actions[] = {"destroy", "restart", "rename-restart", "preserve"};
	const json_t *disks = json_object_get(o, "disks"), *vifs = json_object_get(o, "vifs");
	const char *uuid = json_string_value(json_object_get(o, "uuid"));
	uint64_t vcpus = 0, maxvcpus = 0;
	unsigned type = 0, engine = 0, off = 0, reboot = 0, crash = 0;
	int rc = uuid && !config_uuid_parse(uuid, c->uuid) ? 0 : bad(e, "uuid");

	if (rc || (rc = get_string(o, "name", false, &c->name, e)) ||
	    (rc = get_string(o, "kernel", true, &c->kernel, e)) ||
	    (rc = get_string(o, "ramdisk", true, &c->ramdisk, e)) ||
	    (rc = get_string(o, "cmdline", false, &c->cmdline, e)) ||
	    (rc = get_string(o, "base_dir", false, &c->base_dir, e)) ||
	    (rc = get_number(o, "memory_kib", UINT32_MAX, &c->memory_kib, e)) ||
	    (rc = get_number(o, "maxmem_kib", UINT32_MAX, &c->maxmem_kib, e)) ||
	    (rc = get_number(o, "vcpus", CONFIG_MAX_VCPUS, &vcpus, e)) ||
	    (rc = get_number(o, "maxvcpus", CONFIG_MAX_VCPUS, &maxvcpus, e)) ||
	    (rc = get_word(o, "type", types, 3, &type, e)) ||
	    (rc = get_word(o, "engine", engines, 3, &engine, e)) ||
	    (rc = get_word(o, "on_poweroff", actions, 4, &off, e)) ||
	    (rc = get_word(o, "on_reboot", actions, 4, &reboot, e)) ||
	    (rc = get_word(o, "on_crash", actions, 4, &crash, e)) ||
	    (rc = read_later_keys(c, o, e)))
		return rc;
	c->vcpus = (unsigned)vcpus;
	c->maxvcpus = (unsigned)maxvcpus;
	c->type = (enum config_type)type;
	c->engine = (enum config_engine)engine;
	c->on_poweroff = (enum config_action)off;
	c->on_reboot = (enum config_action)reboot;
	c->on_crash = (enum config_action)crash;
	if (json_array_size(disks) > CONFIG_MAX_DISKS)
		return bad(e, "disks");
	if (json_array_size(vifs) > CONFIG_MAX_VIFS)
		return bad(e, "vifs");
	/* Counted before it is read, so that what a failed one holds is freed with the rest. */
	for (size_t i = 0; i < json_array_size(disks) && !rc; i++) {
		c->ndisks++;
		rc = disk_from_json(&c->disk[i], json_array_get(disks, i), e);
	}
	for (size_t i = 0; i < json_array_size(vifs) && !rc; i++) {
		c->vif[c->nvifs++].devid = (unsigned)i;
		rc = vif_from_json(&c->vif[i], json_array_get(vifs, i), e);
	}
	return rc ? rc : config_check(c, where, e);
}

int config_from_json(struct refhv_config *c, const json_t *json, struct refhv_error *e)
{
	int rc;

	memset(c, 0, sizeof(*c));
	rc = read_config(c, json, e);
	if (rc)
		config_free(c);
	return rc;
}
