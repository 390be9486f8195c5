/*
 * Everything that a domain will touch, opened by the launcher and put into the launch message.
 *
 * Roles: "disk" and "vif" (with "netd") are followed by the number that the device has in the guest.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "launch/launch.h"
#include "launch/resource.h"

static int open_image(struct launch *l, const char *role, const char *path, struct refhv_error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return resource_no_file(e, REFHV_IMAGE, path, role);
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		close(fd);
		return refhv_fail_at(e, REFHV_IMAGE, path, 0, "give the path of a file",
				     "the %s is not a regular file", role);
	}
	return launch_add(l, role, fd, e);
}

static int open_disk(struct launch *l, const struct refhv_config *c, const struct config_disk *d,
		     bool lock, struct refhv_error *e)
{
	char role[16];
	int fd;

	/* A drive without a disc: there is nothing to serve. */
	if (!d->target || !*d->target)
		return 0;
	fd = resource_disk(d, c->base_dir, lock, e);
	snprintf(role, sizeof(role), "disk%u", d->vbd);
	return fd < 0 ? fd : launch_add(l, role, fd, e);
}

static int open_vif(struct launch *l, const struct refhv_config *c, const struct config_vif *v,
		    bool incoming, struct refhv_error *e)
{
	const struct resource_owner o = {.rundir = l->rundir,
					 .name = l->name,
					 .domid = l->claim.domid,
					 .uuid = c->uuid,
					 .vcpus = c->vcpus,
					 .incoming = incoming};
	struct resource_vif vif;
	char role[24], key[16];
	int rc = resource_vif(v, &o, &vif, e);

	if (rc)
		return rc;
	snprintf(key, sizeof(key), "%u", v->devid);
	json_object_set_new(json_object_get(l->msg, "links"), key, vif.about);
	snprintf(role, sizeof(role), "netd%u", v->devid);
	if (vif.netd >= 0)
		rc = launch_add(l, role, vif.netd, e);
	for (unsigned i = 0; i < vif.n; i++) {
		snprintf(role, sizeof(role), i ? "vif%u.%u" : "vif%u", v->devid, i);
		if (rc)
			close(vif.frames[i]);
		else
			rc = launch_add(l, role, vif.frames[i], e);
	}
	return rc;
}

/*
 * It appears as the guest touches it, so less than is free may do; more than there is cannot. With prefault it has to be free now: it is
 * taken at once, and the kernel would end some process for it.
 */
static int check_memory(const struct refhv_config *c, struct refhv_error *e)
{
	bool now = c->prefault && c->pages != CONFIG_PAGES_HUGE;
	FILE *f = fopen("/proc/meminfo", "re");
	unsigned long long kib, sum = 0, free_kib = 0;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "MemTotal: %llu", &kib) == 1 ||
		    sscanf(line, "SwapTotal: %llu", &kib) == 1)
			sum += kib;
		else if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			free_kib = kib;
	}
	if (f)
		fclose(f);
	if (now && free_kib && c->maxmem_kib > free_kib)
		return refhv_fail(e, REFHV_RESOURCE, "lower maxmem=, or leave prefault out",
				  "prefault: %llu MiB are more than is free (%llu MiB)",
				  (unsigned long long)c->maxmem_kib >> 10, free_kib >> 10);
	if (!sum || c->memory_kib <= sum)
		return 0;
	return refhv_fail(
		e, REFHV_RESOURCE, "lower memory=",
		"memory: %llu MiB are more than this machine has (%llu MiB with its swap)",
		(unsigned long long)c->memory_kib >> 10, sum >> 10);
}

int launch_open_resources(struct launch *l, const struct refhv_config *c,
			  const struct launch_options *o, struct refhv_error *e)
{
	bool incoming = o->incoming;
	int rc = check_memory(c, e);

	json_object_set_new(l->msg, "links", json_object());
	/* A domain that moves in needs its kernel only when it reboots. */
	if (!rc && c->kernel)
		rc = open_image(l, "kernel", c->kernel, e);
	if (!rc && c->ramdisk)
		rc = open_image(l, "ramdisk", c->ramdisk, e);
	if (rc && incoming && e->exit == REFHV_IMAGE)
		rc = 0;
	if (!rc && !incoming)
		rc = launch_open_kvm(l, c, e);
	for (unsigned i = 0; i < c->ndisks && !rc; i++)
		rc = open_disk(l, c, &c->disk[i], strcmp(o->mode, "receive"), e);
	for (unsigned i = 0; i < c->nvifs && !rc; i++)
		rc = open_vif(l, c, &c->vif[i], incoming, e);
	return rc;
}
