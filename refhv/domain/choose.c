/*
 * Which engine runs a domain: what the configuration wants, what the image can be, what this machine has; and what to say if that is none.
 */
#include <pv/abi/errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include "domain/engine_choice.h"
#include "domain/machine.h"
#include "engine/kvm/kvm_probe.h"

/* Why the image cannot start as the one or the other; empty: it can. */
struct image_errors {
	struct boot_error pv, pvh;
	bool pv_damaged; /* it was made for PV, and is wrong */
};

static void look_at_image(struct domain *d, const struct boot_kernel *k, struct image_errors *i)
{
	struct boot_config cfg = machine_boot_config(d);

	cfg.features = pv_domain_features(PV_DOMAIN_PV);
	i->pv_damaged = boot_pv_check(k, &cfg, &i->pv) == -PV_EINVAL;
	cfg.features = pv_domain_features(PV_DOMAIN_PVH);
	boot_pvh_check(k, &cfg, &i->pvh);
}

static unsigned cpus(void)
{
	cpu_set_t set;

	/* EINVAL: more CPUs than the set has room for. */
	return sched_getaffinity(0, sizeof(set), &set) ? 2 : (unsigned)CPU_COUNT(&set);
}

static int meter_kvm(void *ctx, struct kvm_speed *speed)
{
	struct domain *d = ctx;
	int rc = d->kvm_speed.exit_ns ? 0 : kvm_measure(domain_fd(d, "kvm", false), speed);

	if (rc)
		return rc;
	if (d->kvm_speed.exit_ns) {
		*speed = d->kvm_speed;
	} else if (!d->kvm_inherited) {
		d->kvm_speed = *speed;
		d->kvm_measured = true;
	}
	return 0;
}

static uint64_t meter_handover(void *ctx)
{
	return handover_measure();
}

static const char *only_kvm(const struct refhv_config *c)
{
	if (c->pages == CONFIG_PAGES_HUGE)
		return "hugepages=\"yes\" needs the kvm engine";
	return c->maxvcpus > engine_user.max_vcpus
		       ? "it has more vCPUs than the user engine can run"
		       : NULL;
}

static void take(struct domain *d, const struct engine_impl *impl, const char *why)
{
	d->impl = impl;
	d->kind = impl->guest == ENGINE_GUEST_PV ? PV_DOMAIN_PV : PV_DOMAIN_PVH;
	snprintf(d->why_engine, sizeof(d->why_engine), "%s", why);
}

/* The reason ends with its remedy: the launcher wrote it so. */
static int cannot_run(const char *engine, const char *why, struct refhv_error *e)
{
	return refhv_fail(e, REFHV_ENGINE, NULL, "the %s engine cannot run here: %s", engine, why);
}

int machine_choose_user(struct domain *d, struct refhv_error *e)
{
	char why[256];

	take(d, &engine_user, "it can be saved and moved");
	return engine_user.probe(why, sizeof(why)) ? cannot_run("user", why, e) : 0;
}

int machine_choose(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	const struct choice_meter meter = {d, meter_kvm, meter_handover};
	char user[256] = "", kvm[256] = "";
	static struct image_errors image;
	struct choice_facts f = {
		.want = d->config.engine,
		.type = d->config.type,
		.only_kvm = only_kvm(&d->config),
		.user = user,
		.kvm = kvm,
		.cpus = cpus(),
		.meter = &meter,
	};
	struct choice c;

	look_at_image(d, k, &image);
	f.pv = !image.pv.text[0];
	f.pvh = !image.pvh.text[0];
	if (!engine_user.probe(user, sizeof(user)))
		user[0] = 0;
	if (domain_fd(d, "kvm", false) < 0)
		snprintf(kvm, sizeof(kvm), "%s", d->no_kvm);
	else if (!kvm_check(domain_fd(d, "kvm", false), kvm, sizeof(kvm)))
		kvm[0] = 0;
	engine_choose(&f, &c);
	switch (c.verdict) {
	case CHOICE_USER: take(d, &engine_user, c.why); return 0;
	case CHOICE_KVM:
		take(d, &engine_kvm, c.why);
		if (c.slow) {
			snprintf(d->warning, sizeof(d->warning), "%s", c.why);
			domain_log(d, "%s", c.why);
		}
		return 0;
	case CHOICE_NO_USER: return cannot_run("user", user, e);
	case CHOICE_NO_KVM:
		/* It was made for PV, and would not need one if it were right. */
		if (!image.pv_damaged || f.want == CONFIG_ENGINE_KVM)
			return cannot_run("kvm", kvm, e);
		return refhv_fail(e, REFHV_IMAGE, NULL, "%s", image.pv.text);
	case CHOICE_NO_PV: return refhv_fail(e, REFHV_IMAGE, NULL, "%s", image.pv.text);
	case CHOICE_NO_PVH: break;
	}
	return refhv_fail(e, REFHV_IMAGE, NULL, "%s", image.pvh.text);
}
