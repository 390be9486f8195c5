/*
 * Which engine runs a domain: what the configuration wants, what the image can do, what this machine has.
 */
#include <pv/abi/errno.h>
#include <stdio.h>
#include <string.h>
#include "domain/machine.h"
#include "engine/kvm/kvm_probe.h"

/* What speaks for and against. */
struct choice {
	struct domain *d;
	bool pv_damaged;	   /* it was made for PV, and is wrong */
	struct boot_error pv, pvh; /* why the image cannot start so; empty: it can */
	char user[256];		   /* why the user engine cannot run here */
	char kvm[256];
};

static void look_at_image(struct choice *c, const struct boot_kernel *k)
{
	struct boot_config cfg = machine_boot_config(c->d);

	cfg.features = pv_domain_features(PV_DOMAIN_PV);
	c->pv_damaged = boot_pv_check(k, &cfg, &c->pv) == -PV_EINVAL;
	cfg.features = pv_domain_features(PV_DOMAIN_PVH);
	boot_pvh_check(k, &cfg, &c->pvh);
}

static void take(struct domain *d, const struct engine_impl *impl, const char *why)
{
	d->impl = impl;
	d->kind = impl->guest == ENGINE_GUEST_PV ? PV_DOMAIN_PV : PV_DOMAIN_PVH;
	snprintf(d->why_engine, sizeof(d->why_engine), "%s", why);
}

/* A /dev/kvm that interprets instructions works, and is slow enough for people to ask why. */
static void explain_kvm(struct domain *d)
{
	size_t n = strlen(d->why_engine);
	double rate = 0;

	if (kvm_emulated(domain_fd(d, "kvm", false), &rate) != 1)
		return;
	snprintf(d->why_engine + n, sizeof(d->why_engine) - n,
		 "; this /dev/kvm is an emulator in software: %.1f million instructions a second",
		 rate / 1e6);
	domain_log(d, "%s", d->why_engine);
}

static int no_user(const struct choice *c, struct refhv_error *e)
{
	return refhv_fail(e, REFHV_ENGINE, NULL, "the user engine cannot run here: %s", c->user);
}

static int bad_image(const char *text, struct refhv_error *e)
{
	return refhv_fail(e, REFHV_IMAGE, NULL, "%s", text);
}

/* The reason ends with its remedy, as the launcher wrote it. */
static int no_kvm(const struct choice *c, struct refhv_error *e)
{
	return refhv_fail(e, REFHV_ENGINE, NULL, "the kvm engine cannot run here: %s", c->kvm);
}

int machine_choose_user(struct domain *d, struct refhv_error *e)
{
	struct choice c = {.d = d};

	take(d, &engine_user, "it can be saved and moved");
	return engine_user.probe(c.user, sizeof(c.user)) ? no_user(&c, e) : 0;
}

static int choose_for(struct choice *c, struct refhv_error *e)
{
	struct domain *d = c->d;
	bool pv = !c->pv.text[0] && d->config.type != CONFIG_TYPE_PVH;
	bool pvh = !c->pvh.text[0] && d->config.type != CONFIG_TYPE_PV;
	enum config_engine want = d->config.engine;

	if (want == CONFIG_ENGINE_USER || (want == CONFIG_ENGINE_AUTO && pv && !c->user[0])) {
		if (!pv)
			return bad_image(c->pv.text, e);
		take(d, &engine_user,
		     want == CONFIG_ENGINE_USER ? "the configuration says so"
		     : pvh ? "the image can run both ways, and has less to wait for without a "
			     "virtual CPU"
			   : "the image is for paravirtual domains");
		return c->user[0] ? no_user(c, e) : 0;
	}
	if (!pvh && !pv)
		return bad_image(d->config.type == CONFIG_TYPE_PV || want == CONFIG_ENGINE_AUTO
					 ? c->pv.text
					 : c->pvh.text,
				 e);
	if (!pvh)
		return want == CONFIG_ENGINE_KVM ? bad_image(c->pvh.text, e) : no_user(c, e);
	take(d, &engine_kvm,
	     want == CONFIG_ENGINE_KVM		 ? "the configuration says so"
	     : d->config.type == CONFIG_TYPE_PVH ? "type is pvh"
						 : "the image needs a virtual CPU");
	if (c->kvm[0])
		return c->pv_damaged && want == CONFIG_ENGINE_AUTO ? bad_image(c->pv.text, e)
								   : no_kvm(c, e);
	explain_kvm(d);
	return 0;
}

int machine_choose(struct domain *d, const struct boot_kernel *k, struct refhv_error *e)
{
	static struct choice c;

	c.d = d;
	look_at_image(&c, k);
	engine_user.probe(c.user, sizeof(c.user));
	if (domain_fd(d, "kvm", false) < 0)
		snprintf(c.kvm, sizeof(c.kvm), "%s", d->no_kvm);
	else
		kvm_check(domain_fd(d, "kvm", false), c.kvm, sizeof(c.kvm));
	return choose_for(&c, e);
}
