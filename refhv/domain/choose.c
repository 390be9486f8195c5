/*
 * Which engine runs a domain: what the configuration wants, what the image can do, what this machine has.
 */
#include "domain/machine.h"

int machine_choose_user(struct domain *d, struct refhv_error *e)
{
	char why[256] = "";

	d->impl = &engine_user;
	d->kind = PV_DOMAIN_PV;
	if (d->impl->probe(why, sizeof(why)))
		return refhv_fail(e, REFHV_ENGINE, NULL, "the user engine cannot run here: %s",
				  why);
	return 0;
}

int machine_choose(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	struct boot_config cfg;
	struct boot_error err = {""};

	if (d->config.engine == CONFIG_ENGINE_KVM)
		return refhv_fail(e, REFHV_ENGINE, "set engine=\"user\" or leave it out",
				  "this refhv has no kvm engine");
	if (d->config.type == CONFIG_TYPE_PVH)
		return refhv_fail(e, REFHV_ENGINE,
				  "use type=\"pv\" or leave it out, if the kernel can do that",
				  "PVH guests need the kvm engine, which this refhv has not");
	d->kind = PV_DOMAIN_PV;
	cfg = machine_boot_config(d);
	if (boot_pv_check(k, &cfg, &err))
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", err.text);
	return machine_choose_user(d, e);
}
