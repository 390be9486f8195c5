/*
 * What a toolstack writes into a domain's store (Xen's tools/libs/light/libxl_create.c, docs/misc/xenstore-paths.pandoc).
 *
 * Permissions are those that libxl gives: what the guest may not write is what the host's side later believes.
 */
#include <pv/abi/errno.h>
#include <pv/abi/io/xenbus.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "domain/domain.h"

struct writer {
	struct domain *d;
	struct pv_store_conn *conn;
	int rc; /* of the first failure; later calls do nothing */
};

enum owner {
	HOST_READ,   /* n0,rN: the guest reads */
	GUEST_WRITE, /* nN: the guest's own */
	GUEST_FRONT, /* nN,r0 */
};

static void set_perms(struct writer *w, const char *path, enum owner owner)
{
	struct pv_xs_perm perms[2] = {0};
	unsigned n = owner == GUEST_WRITE ? 1 : 2;

	perms[0].domid = owner == HOST_READ ? 0 : w->d->domid;
	perms[0].mode = PV_XS_PERM_NONE;
	perms[1].domid = owner == HOST_READ ? w->d->domid : 0;
	perms[1].mode = PV_XS_PERM_READ;
	if (!w->rc)
		w->rc = pv_store_set_perms(w->conn, 0, path, perms, n);
}

static void put(struct writer *w, enum owner owner, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Path below /local/domain/N unless absolute; NULL makes a directory. */
static void put(struct writer *w, enum owner owner, const char *path, const char *fmt, ...)
{
	char full[256], value[256];
	va_list ap;

	if (w->rc)
		return;
	if (*path == '/')
		snprintf(full, sizeof(full), "%s", path);
	else
		snprintf(full, sizeof(full), "/local/domain/%u/%s", w->d->domid, path);
	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(value, sizeof(value), fmt, ap);
		va_end(ap);
		w->rc = pv_store_write_string(w->conn, 0, full, value);
	} else {
		w->rc = pv_store_mkdir(w->conn, 0, full);
	}
	set_perms(w, full, owner);
}

static struct writer writer(struct domain *d)
{
	return (struct writer){.d = d, .conn = pv_store_self(d->store)};
}

int nodes_create(struct domain *d)
{
	static const char *const guests_own[] = {"data",
						 "drivers",
						 "feature",
						 "attr",
						 "error",
						 "control/shutdown",
						 "control/feature-poweroff",
						 "control/feature-reboot",
						 "control/feature-suspend",
						 "control/sysrq"};
	static const char *const hosts_own[] = {"cpu", "memory", "device", "control", "backend"};
	const struct refhv_config *c = &d->config;
	struct writer w = writer(d);
	char uuid[37], path[80];

	config_uuid_format(c->uuid, uuid);
	snprintf(path, sizeof(path), "/local/domain/%u", d->domid);
	put(&w, HOST_READ, path, NULL);
	snprintf(path, sizeof(path), "/vm/%s", uuid);
	put(&w, HOST_READ, path, NULL);
	snprintf(path, sizeof(path), "/vm/%s/name", uuid);
	put(&w, HOST_READ, path, "%s", d->name);
	snprintf(path, sizeof(path), "/vm/%s/uuid", uuid);
	put(&w, HOST_READ, path, "%s", uuid);
	put(&w, HOST_READ, "vm", "/vm/%s", uuid);
	put(&w, HOST_READ, "name", "%s", d->name);
	put(&w, HOST_READ, "domid", "%u", d->domid);
	for (unsigned i = 0; i < sizeof(hosts_own) / sizeof(hosts_own[0]); i++)
		put(&w, HOST_READ, hosts_own[i], NULL);
	for (unsigned i = 0; i < sizeof(guests_own) / sizeof(guests_own[0]); i++)
		put(&w, GUEST_WRITE, guests_own[i], "%s", "");
	put(&w, GUEST_WRITE, "device/suspend/event-channel", "%s", "");
	put(&w, HOST_READ, "control/platform-feature-multiprocessor-suspend", "1");
	put(&w, HOST_READ, "control/platform-feature-xs_reset_watches", "1");
	put(&w, HOST_READ, "memory/static-max", "%llu", (unsigned long long)c->maxmem_kib);
	put(&w, HOST_READ, "memory/target", "%llu", (unsigned long long)c->memory_kib);
	put(&w, HOST_READ, "memory/videoram", "0");
	for (unsigned i = 0; i < c->maxvcpus; i++) {
		snprintf(path, sizeof(path), "cpu/%u/availability", i);
		put(&w, HOST_READ, path, "%s", i < c->vcpus ? "online" : "offline");
	}
	put(&w, HOST_READ, "store/port", "%u", d->store_port);
	put(&w, HOST_READ, "store/ring-ref", "%llu", (unsigned long long)d->boot.store_gfn);
	put(&w, HOST_READ, "console/backend-id", "0");
	put(&w, HOST_READ, "console/port", "%u", d->console_port);
	put(&w, HOST_READ, "console/ring-ref", "%llu", (unsigned long long)d->boot.console_gfn);
	put(&w, HOST_READ, "console/limit", "1048576");
	put(&w, HOST_READ, "console/type", "refhv");
	return w.rc;
}

/* The two directories of a device, and what libxl puts there for every kind. */
static void device(struct writer *w, const char *kind, unsigned index, char front[80],
		   char back[80])
{
	char path[128];
	unsigned domid = w->d->domid;

	snprintf(front, 80, "/local/domain/%u/device/%s/%u", domid, kind, index);
	snprintf(back, 80, "/local/domain/0/backend/%s/%u/%u", kind, domid, index);
	put(w, GUEST_FRONT, front, NULL);
	put(w, HOST_READ, back, NULL);
	snprintf(path, sizeof(path), "%s/backend", front);
	put(w, GUEST_FRONT, path, "%s", back);
	snprintf(path, sizeof(path), "%s/backend-id", front);
	put(w, GUEST_FRONT, path, "0");
	snprintf(path, sizeof(path), "%s/state", front);
	put(w, GUEST_FRONT, path, "%d", PV_XenbusStateInitialising);
	snprintf(path, sizeof(path), "%s/frontend", back);
	put(w, HOST_READ, path, "%s", front);
	snprintf(path, sizeof(path), "%s/frontend-id", back);
	put(w, HOST_READ, path, "%u", domid);
	snprintf(path, sizeof(path), "%s/online", back);
	put(w, HOST_READ, path, "1");
	snprintf(path, sizeof(path), "%s/state", back);
	put(w, HOST_READ, path, "%d", PV_XenbusStateInitialising);
}

static void key(struct writer *w, enum owner owner, const char *dir, const char *name,
		const char *value)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	put(w, owner, path, "%s", value);
}

/* As libxl has it (tools/libs/light/libxl_console.c); the first console has keys of its own, see nodes_create(). */
int nodes_console(struct domain *d, unsigned index, const struct config_channel *channel)
{
	bool socket = channel && channel->connection == CONFIG_CHANNEL_SOCKET;
	struct writer w = writer(d);
	char front[80], back[80], text[32];
	const char *tty;

	snprintf(text, sizeof(text), "console%u", index);
	tty = json_string_value(json_object_get(d->ttys, text));
	snprintf(text, sizeof(text), "pty");
	if (socket)
		snprintf(text, sizeof(text), "chardev:libxl-channel%u", index);

	device(&w, "console", index, front, back);
	key(&w, HOST_READ, front, "limit", "1048576");
	key(&w, HOST_READ, front, "type", "refhv");
	key(&w, HOST_READ, front, "output", text);
	key(&w, HOST_READ, front, "tty", tty ? tty : "");
	key(&w, HOST_READ, back, "protocol", "vt100");
	if (channel) {
		key(&w, HOST_READ, front, "name", channel->name);
		key(&w, HOST_READ, back, "name", channel->name);
		key(&w, HOST_READ, back, "connection", socket ? "socket" : "pty");
	}
	if (socket)
		key(&w, HOST_READ, back, "path", channel->path);
	return w.rc;
}

int nodes_disk(struct domain *d, const struct config_disk *disk)
{
	struct writer w = writer(d);
	char front[80], back[80], number[16];

	snprintf(number, sizeof(number), "%u", disk->vbd);
	device(&w, "vbd", disk->vbd, front, back);
	key(&w, GUEST_FRONT, front, "virtual-device", number);
	key(&w, GUEST_FRONT, front, "device-type", disk->cdrom ? "cdrom" : "disk");
	key(&w, GUEST_FRONT, front, "trusted", disk->trusted ? "1" : "0");
	key(&w, HOST_READ, back, "dev", disk->vdev);
	key(&w, HOST_READ, back, "type", "phy");
	key(&w, HOST_READ, back, "mode", disk->readonly ? "r" : "w");
	key(&w, HOST_READ, back, "device-type", disk->cdrom ? "cdrom" : "disk");
	key(&w, HOST_READ, back, "removable", disk->cdrom ? "1" : "0");
	key(&w, HOST_READ, back, "bootable", "1");
	return w.rc;
}

int nodes_vif(struct domain *d, const struct config_vif *v, unsigned mtu)
{
	struct writer w = writer(d);
	char front[80], back[80], mac[18], number[16];

	config_mac_format(v->mac, mac);
	snprintf(number, sizeof(number), "%u", v->devid);
	device(&w, "vif", v->devid, front, back);
	key(&w, GUEST_FRONT, front, "handle", number);
	key(&w, GUEST_FRONT, front, "mac", mac);
	key(&w, GUEST_FRONT, front, "trusted", v->trusted ? "1" : "0");
	key(&w, HOST_READ, back, "handle", number);
	key(&w, HOST_READ, back, "mac", mac);
	if (v->ip[0])
		key(&w, HOST_READ, back, "ip", v->ip);
	if (mtu) {
		snprintf(number, sizeof(number), "%u", mtu);
		key(&w, GUEST_FRONT, front, "mtu", number);
	}
	return w.rc;
}

int nodes_offline(struct domain *d, const char *back)
{
	struct writer w = writer(d);

	key(&w, HOST_READ, back, "online", "0");
	key(&w, HOST_READ, back, "state", "5");
	return w.rc;
}

/* The backend's first: libxl does so, and a frontend that looks finds no half of a device. */
void nodes_remove(struct domain *d, const char *front, const char *back)
{
	pv_store_rm(pv_store_self(d->store), 0, back);
	pv_store_rm(pv_store_self(d->store), 0, front);
}

/* Below control, memory and cpu the permissions stay what they are. */
static int change(struct domain *d, const char *path, const char *value)
{
	char full[100];

	snprintf(full, sizeof(full), "/local/domain/%u/%s", d->domid, path);
	return pv_store_write_string(pv_store_self(d->store), 0, full, value);
}

int nodes_memory_target(struct domain *d, uint64_t kib)
{
	char value[24];

	snprintf(value, sizeof(value), "%llu", (unsigned long long)kib);
	return change(d, "memory/target", value);
}

int nodes_vcpu(struct domain *d, unsigned vcpu, bool online)
{
	char path[40];

	snprintf(path, sizeof(path), "cpu/%u/availability", vcpu);
	return change(d, path, online ? "online" : "offline");
}

int nodes_sysrq(struct domain *d, char letter)
{
	return change(d, "control/sysrq", (const char[]){letter, 0});
}

int nodes_request_shutdown(struct domain *d, const char *reason)
{
	return change(d, "control/shutdown", reason);
}

bool nodes_understands(struct domain *d, const char *reason)
{
	char path[100], value[8];

	snprintf(path, sizeof(path), "/local/domain/%u/control/feature-%s", d->domid, reason);
	return pv_store_read_string(pv_store_self(d->store), 0, path, value, sizeof(value)) == 1 &&
	       value[0] == '1';
}
