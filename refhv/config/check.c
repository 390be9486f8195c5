/*
 * The last look at a description before anything is built from it: it may have come in a saved stream from anywhere.
 */
#include <string.h>
#include "config/check.h"

/*
 * PV: start_info's cmd_line field is 1024 bytes with its NUL (xen/include/public/xen.h, MAX_GUEST_CMDLINE). PVH: the line lies anywhere, but Linux cuts it
 * off silently after 2047 bytes (COMMAND_LINE_SIZE on x86). Where it is not known yet what the domain will be, the image's check has the last word.
 */
enum { CMDLINE_PV_MAX = 1023, CMDLINE_MAX = 2047, PATH_LEN_MAX = 4095 };

static int check_cmdline(const struct refhv_config *c, const char *file, struct refhv_error *e)
{
	bool pv = c->type == CONFIG_TYPE_PV || c->engine == CONFIG_ENGINE_USER;
	size_t len = strlen(c->cmdline), max = pv ? CMDLINE_PV_MAX : CMDLINE_MAX;

	if (len <= max)
		return 0;
	return refhv_fail_at(e, REFHV_CONFIG, file, 0, "shorten extra= or cmdline=",
			     "the command line has %zu bytes, a %s kernel takes %zu", len,
			     pv ? "PV" : "Linux", max);
}

int config_check(const struct refhv_config *c, const char *file, struct refhv_error *e)
{
	int rc;

	if (!c->name || !config_name_ok(c->name))
		return refhv_fail_at(e, REFHV_CONFIG, file, 0,
				     "use 1 to 63 letters, digits, and _ . + - inside", "bad name");
	rc = check_cmdline(c, file, e);
	if (rc)
		return rc;
	if ((c->kernel && strlen(c->kernel) > PATH_LEN_MAX) ||
	    (c->ramdisk && strlen(c->ramdisk) > PATH_LEN_MAX))
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, NULL, "a path is too long");
	if (!c->memory_kib || c->memory_kib > (uint64_t)CONFIG_MAX_MEMORY_MIB << 10 ||
	    c->maxmem_kib > (uint64_t)CONFIG_MAX_MEMORY_MIB << 10)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, "memory counts MiB",
				     "memory is out of range");
	if (c->maxmem_kib < c->memory_kib)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, "raise maxmem or leave it out",
				     "maxmem is less than memory");
	if (c->type == CONFIG_TYPE_PV && c->engine == CONFIG_ENGINE_KVM)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, "leave out one of type= and engine=",
				     "the kvm engine runs PVH domains only");
	if (c->type == CONFIG_TYPE_PVH && c->engine == CONFIG_ENGINE_USER)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, "leave out one of type= and engine=",
				     "the user engine runs PV domains only");
	if (!c->consoles || c->consoles + c->nchannels > CONFIG_MAX_CONSOLES)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, "use 1 to 8, channels included",
				     "consoles is out of range");
	if (!c->vcpus || c->maxvcpus > CONFIG_MAX_VCPUS || c->vcpus > c->maxvcpus)
		return refhv_fail_at(e, REFHV_CONFIG, file, 0, "use 1 <= vcpus <= maxvcpus <= 128",
				     "vcpus is out of range");
	for (unsigned i = 0; i < c->ndisks; i++)
		for (unsigned j = 0; j < i; j++)
			if (c->disk[i].vbd == c->disk[j].vbd)
				return refhv_fail_at(e, REFHV_CONFIG, file, 0, NULL,
						     "disk: %s is used twice", c->disk[i].vdev);
	for (unsigned i = 0; i < c->nvifs; i++)
		for (unsigned j = 0; j < i; j++)
			if (c->vif[i].devid == c->vif[j].devid)
				return refhv_fail_at(e, REFHV_CONFIG, file, 0, NULL,
						     "vif: a number is used twice");
			else if (!memcmp(c->vif[i].mac, c->vif[j].mac, 6))
				return refhv_fail_at(e, REFHV_CONFIG, file, 0,
						     "give each vif a mac of its own",
						     "vif: the same mac is used twice");
	return 0;
}
